"""The IAM policy and role in the documentation equal those in the package."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dqnkit.course_folder import PACKAGE, find_notebooks


@pytest.mark.parametrize("name", ["aws_permissions.json", "gcp_role.yaml"])
def test_the_page_on_clouds_has_all_permissions(name: str) -> None:
    permissions = (PACKAGE / "cloud" / "data" / name).read_text(encoding="utf-8").rstrip()
    assert f"\n{permissions}\n```" in (find_notebooks() / "CLOUD.md").read_text(encoding="utf-8")


def test_the_wheel_has_prices_and_permissions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hatchling = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(PACKAGE.parent)
    data = PACKAGE / "cloud" / "data"
    with zipfile.ZipFile(tmp_path / hatchling.build_wheel(str(tmp_path))) as wheel:
        for name in ("aws_permissions.json", "gcp_role.yaml", "prices.json"):
            assert wheel.read(f"dqnkit/cloud/data/{name}") == (data / name).read_bytes()
