"""What the documentation shows of policies and roles is what the kit has."""

from __future__ import annotations

import pytest

from dqnkit.course_folder import PACKAGE, find_notebooks


@pytest.mark.parametrize("name", ["aws_policy.json", "gcp_role.yaml"])
def test_the_page_on_clouds_has_the_policy_in_full(name: str) -> None:
    policy = (PACKAGE / "data" / "cloud" / name).read_text(encoding="utf-8").rstrip()
    assert f"\n{policy}\n```" in (find_notebooks() / "CLOUD.md").read_text(encoding="utf-8")
