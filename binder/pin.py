"""Write the pinned versions again: one set for everyone.

    python binder/pin.py                # keeps each pinned version if it still fits
    python binder/pin.py --upgrade      # takes the newest versions that fit together

constraints.txt    every package of the extras in EXTRAS: the versions for a checkout and for the tests
requirements.txt   the packages that Binder installs, those of the extras in ON_BINDER, in the same versions

Run it after a change of the dependencies in pyproject.toml, or to move to newer versions. Then install the result on
the oldest and the newest Python (with all of EXTRAS: `pip install -c binder/constraints.txt -e ".[...]"`), run the
tests, and commit all three files. It needs pip and a network. It installs only a resolver, in a temporary folder.

The resolver looks for versions that fit on every platform and Python that we support, by the rules of the oldest
Python. So each package has one version for all; a marker names the platforms of a package that not all need. A line is
nothing more than `name==version ; marker`, because pip refuses extras in a file of constraints.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

EXTRAS = ["notebooks", "applications", "cloud", "games", "test"]
ON_BINDER = ["notebooks", "applications"]
OLDEST_PYTHON = "3.11"
SUPPORTED = (
    "python_full_version < '3.14' and (sys_platform == 'darwin' or sys_platform == 'linux' or sys_platform == 'win32')"
)

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "binder" / "constraints.txt"
REQUIREMENTS = ROOT / "binder" / "requirements.txt"


def main() -> None:
    """Resolve in a temporary folder, and write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="move to the newest versions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        resolver = Resolver(Path(folder))
        everything = resolver.resolve(EXTRAS, [] if arguments.upgrade else read(CONSTRAINTS))
        on_binder = resolver.resolve(ON_BINDER, everything)
    for file, pins in ((CONSTRAINTS, everything), (REQUIREMENTS, on_binder)):
        write(file, pins)
        print(f"{len(pins)} pins in {file.relative_to(ROOT)}")


class Resolver:
    """The resolver uv, in its own environment."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        venv.create(scratch / "venv", with_pip=True)
        self.python = scratch / ("venv/Scripts/python.exe" if sys.platform == "win32" else "venv/bin/python")
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        # uv reads the supported platforms from the project file, so it gets a copy of ours that names them.
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        project += f"\n[tool.uv]\nenvironments = {json.dumps([SUPPORTED])}\n"
        (scratch / "pyproject.toml").write_text(project, encoding="utf-8")

    def resolve(self, extras: Sequence[str], pinned: Sequence[str]) -> list[str]:
        """The pins of some extras. What is pinned already keeps its version if it still fits."""
        write(self.scratch / "pins.txt", pinned)  # uv prefers the versions that are in its output file
        command = [self.python, "-m", "uv", "pip", "compile", "pyproject.toml", "--output-file", "pins.txt", "--quiet"]
        command += ["--universal", "--python-version", OLDEST_PYTHON, "--fork-strategy", "fewest"]
        command += ["--no-python-downloads", "--no-header", "--no-annotate"]
        command += [f"--extra={extra}" for extra in extras]
        subprocess.run(command, cwd=self.scratch, check=True)
        return sorted(without_supported(line) for line in read(self.scratch / "pins.txt"))


def read(file: Path) -> list[str]:
    """The lines of a file of pins."""
    return file.read_text(encoding="utf-8").splitlines()


def write(file: Path, pins: Sequence[str]) -> None:
    """Write a file of pins."""
    file.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8", newline="\n")


def without_supported(line: str) -> str:
    """A pin without those parts of its marker that are true on every supported platform."""
    pin, _, marker = line.partition(" ; ")
    if not re.fullmatch(r"[a-z0-9-]+==[\w.+!]+", pin):
        sys.exit(f"The resolver wrote a line that is not a pin: {line}")
    rest = " and ".join(term for term in marker.split(" and ") if term not in SUPPORTED.split(" and "))
    return f"{pin} ; {rest}" if rest else pin


if __name__ == "__main__":
    main()
