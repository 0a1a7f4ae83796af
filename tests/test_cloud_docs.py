"""The IAM policy and role in the documentation are those of the package."""

from __future__ import annotations

import pytest

from dqnkit.notebooks import PACKAGE, find_notebooks


@pytest.mark.parametrize("name", ["aws_permissions.json", "gcp_role.yaml"])
def test_the_page_on_clouds_has_all_permissions(name: str) -> None:
    permissions = (PACKAGE / "cloud" / "data" / name).read_text(encoding="utf-8").rstrip()
    assert f"\n{permissions}\n```" in (find_notebooks() / "CLOUD.md").read_text(encoding="utf-8")
