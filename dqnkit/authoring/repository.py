"""The repository on GitHub, and the addresses in it for badges, links and the set-up cell."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from dqnkit.errors import DQNKitError

FILE = "source/repository.json"  # in the folder of the notebooks


@dataclass(frozen=True)
class Repository:
    """A repository and one of its versions.

    Raises:
        DQNKitError: the repository is not written owner/name, or the tag cannot be part of an address.
    """

    repository: str  # owner/name
    tag: str  # branch, tag or commit

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+/[\w.-]+", self.repository, re.ASCII):
            raise DQNKitError(f"a repository is written owner/name, not {self.repository!r}")
        tag = self.tag
        if not re.fullmatch(r"\w[\w.-]*", tag, re.ASCII) or ".." in tag or tag.endswith("."):
            raise DQNKitError(
                f"a tag, branch or commit whose name can stand in an address is needed (letters, digits, - _ and .), "
                f"not {tag!r}: give the commit another tag (git tag NAME)"
            )

    def on_binder(self, path: str) -> str:
        """Return the address that opens a file of the repository on Binder."""
        return f"https://mybinder.org/v2/gh/{self.repository}/{self.tag}?urlpath=lab/tree/{path}"

    def on_colab(self, path: str) -> str:
        """Return the address that opens a notebook of the repository on Colab."""
        return f"https://colab.research.google.com/github/{self.repository}/blob/{self.tag}/{path}"

    @property
    def archive(self) -> str:
        """The address of a zip file of the repository, which pip can install."""
        return f"https://github.com/{self.repository}/archive/{self.tag}.zip"

    @property
    def clone(self) -> str:
        """The shell commands that clone the repository and enter it."""
        return f"git clone https://github.com/{self.repository} && cd {self.repository.partition('/')[2]}"

    def to_json(self) -> str:
        """Return the content of `FILE`."""
        return json.dumps(asdict(self), indent=2) + "\n"


def read_repository(folder: Path) -> Repository:
    """Read the repository from a folder of notebooks."""
    return Repository(**json.loads((folder / FILE).read_text(encoding="utf-8")))
