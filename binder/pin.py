"""Write binder/requirements.txt anew: the one pinned set of versions, for everyone.

    python binder/pin.py

Run it after a change to the dependencies in pyproject.toml, or to move to newer versions; then install the result on
the oldest and the newest Python (`pip install -c binder/requirements.txt -e ".[notebooks,games,test]"`), run the tests,
and commit both files. It needs pip and a network, and installs nothing but a resolver, in a temporary place.

The resolver answers for every platform and Python that we support at once, under the rules of the oldest Python. So
each package has one version that holds everywhere, and a marker stands only where a package is not for all. Lines hold
nothing but `name==version ; marker`, because pip refuses extras in a file of constraints, and Binder installs the same
file as requirements.
"""

import json
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

EXTRAS = ["notebooks", "games", "test"]
OLDEST_PYTHON = "3.11"
SUPPORTED = (
    "python_full_version < '3.14' and (sys_platform == 'darwin' or sys_platform == 'linux' or sys_platform == 'win32')"
)

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "binder" / "requirements.txt"


def main() -> None:
    """Resolve in a temporary folder, and write the pins."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        venv.create(scratch / "venv", with_pip=True)
        python = scratch / ("venv/Scripts/python.exe" if sys.platform == "win32" else "venv/bin/python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)

        # The resolver reads the supported environments from the project file, so it gets a copy that names them.
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        project += f"\n[tool.uv]\nenvironments = {json.dumps([SUPPORTED])}\n"
        (scratch / "pyproject.toml").write_text(project, encoding="utf-8")

        command = [python, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--no-python-downloads"]
        command += ["--universal", "--python-version", OLDEST_PYTHON, "--fork-strategy", "fewest"]
        command += ["--no-header", "--no-annotate"]
        command += [f"--extra={extra}" for extra in EXTRAS]
        resolved = subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.PIPE, text=True).stdout

    pins = sorted(without_supported(line) for line in resolved.splitlines())
    PINS.write_text("\n".join(pins) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(pins)} pins in {PINS.relative_to(ROOT)}")


def without_supported(line: str) -> str:
    """Leave out of a pin's marker what holds in every supported environment."""
    pin, _, marker = line.partition(" ; ")
    if not re.fullmatch(r"[a-z0-9-]+==[\w.+!]+", pin):
        sys.exit(f"The resolver wrote a line that is not a pin: {line}")
    rest = " and ".join(term for term in marker.split(" and ") if term not in SUPPORTED.split(" and "))
    return f"{pin} ; {rest}" if rest else pin


if __name__ == "__main__":
    main()
