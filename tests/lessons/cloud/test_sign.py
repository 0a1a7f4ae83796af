"""What the lesson says of simulated machines says so."""

from __future__ import annotations

import pytest

from dqnkit.lessons.cloud.sign import say, sign


def test_every_line_says_simulated_while_the_cloud_is_simulated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    say("two machines\nSIMULATED: one of them is lost\nso far: SIMULATED $0.01")  # once is enough
    assert capsys.readouterr().out == (
        "SIMULATED: two machines\nSIMULATED: one of them is lost\nso far: SIMULATED $0.01\n"
    )


@pytest.mark.parametrize("url", ["", "https://ec2.us-east-1.amazonaws.com"])
def test_a_real_cloud_has_no_sign(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert sign() == ""
