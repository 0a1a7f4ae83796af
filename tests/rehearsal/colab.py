"""A rehearsal of Google Colab: its Python, its packages, the set-up cell, then every notebook.

    python tests/rehearsal/colab.py                         # solutions whole, the students' notebooks in fast mode
    python tests/rehearsal/colab.py --fast --only q_update  # all in fast mode, some of the notebooks

It makes a virtual environment with Colab's packages (August 2026) and starts kernels in it as Colab does. The set-up
cell gets an archive of the commit HEAD instead of the one on GitHub. None of Colab's packages may change. It needs
Python 3.13, a package index, and the extra `test` in the environment that runs it. It takes about half an hour on two
cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "benchmarks")]

import nbformat  # noqa: E402
import report  # noqa: E402
from notebook_runs import NOTEBOOK_LIMIT, complaints, names_checked, passed_checks, run  # noqa: E402

from dqnkit.authoring.build import build_fast  # noqa: E402

PYTHON = "3.13"
COLAB = {  # the versions that are known; pip adds what these packages need
    "ale-py": "0.12.1",
    "dask": "2026.7.1",  # without distributed
    "gymnasium": "1.3.0",
    "imageio-ffmpeg": "0.6.0",
    "ipykernel": "6.17.1",
    "ipython": "7.34.0",
    "ipywidgets": "7.7.1",
    "keras": "3.13.2",
    "matplotlib": "3.10.0",
    "numpy": "2.1.3",
    "pillow": "11.3.0",
    "pygame": "2.6.1",
    "tensorflow": "2.20.0",
    "tornado": "6.5.7",
    "tqdm": "4.67.3",
}
# Colab has these, too, in versions that we do not know. (Dask before 2026.8 cannot close a cluster with bokeh 3.10:
# distributed#9350. The lesson on the cloud needs botocore, which needs python-dateutil before 3; we assume that Colab
# has it.)
ALSO = ["bokeh<3.10", "click", "cryptography", "pandas", "psutil", "python-dateutil<3", "requests"]
# Colab's kernel imports google.colab before the first cell runs, which is how the kit recognizes it.
LAUNCHER = "import google.colab\nfrom ipykernel import kernelapp\n\nkernelapp.launch_new_instance()\n"


class Colab:
    """A virtual environment like Colab's, with a kernel, in a folder."""

    def __init__(self, folder: Path, base_python: str) -> None:
        self.folder = folder
        self.python = folder / "environment" / "bin" / "python"
        subprocess.run([base_python, "-m", "venv", folder / "environment"], check=True)
        exact = [f"{name}=={version}" for name, version in COLAB.items()]
        self.pip("install", "--quiet", "--disable-pip-version-check", *exact, *ALSO)
        stand_in = self._site_packages() / "google" / "colab"
        stand_in.mkdir(parents=True)
        (stand_in / "__init__.py").write_text('"""Stands in for Colab\'s own package."""\n')
        self._add_kernel()
        self.variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.variables |= {
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "IPYTHONDIR": str(folder / "ipython"),
        }

    def pip(self, *arguments: str) -> str:
        """Run pip in the environment; return what it prints."""
        command = [str(self.python), "-m", "pip", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def packages(self) -> dict[str, str]:
        """The installed packages: name -> version."""
        listed = json.loads(self.pip("list", "--disable-pip-version-check", "--format=json"))
        return {package["name"]: package["version"] for package in listed}

    def run(self, notebook: Any, folder: Path) -> dict[str, Any]:
        """Run a notebook in a fresh kernel; return seconds, MB at the peak, and what looks like an error."""
        folder.mkdir(parents=True)
        began = time.monotonic()
        memory = run(notebook, folder, self.variables, "colab")
        return {
            "seconds": time.monotonic() - began,
            "peak_mb": memory / 1e6,
            "complaints": complaints(notebook),
        }

    def _site_packages(self) -> Path:
        command = [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())

    def _add_kernel(self) -> None:
        launcher = self.folder / "colab_kernel_launcher.py"
        launcher.write_text(LAUNCHER)
        argv = [str(self.python), "-Xfrozen_modules=off", str(launcher), "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": "Colab", "language": "python"}
        kernel = self.folder / "jupyter" / "kernels" / "colab" / "kernel.json"
        kernel.parent.mkdir(parents=True)
        kernel.write_text(json.dumps(spec))
        os.environ["JUPYTER_PATH"] = str(self.folder / "jupyter")  # where nbclient looks for kernels


class Course:
    """The commit HEAD as GitHub offers it: an archive, and the notebooks in it."""

    def __init__(self, folder: Path) -> None:
        self.archive = folder / "dqnkit-rehearsal.zip"
        command = ["git", "archive", "--format=zip", "--prefix=dqnkit-rehearsal/", f"--output={self.archive}", "HEAD"]
        subprocess.run(command, cwd=TESTS.parent, check=True)
        with zipfile.ZipFile(self.archive) as archive:
            archive.extractall(folder)
        self.notebooks = folder / "dqnkit-rehearsal" / "notebooks"
        self.fast_notebooks = folder / "fast"  # the same with short training runs
        build_fast(self.notebooks, self.fast_notebooks)
        place = json.loads((self.notebooks / "source" / "repository.json").read_text())
        self.address = f"https://github.com/{place['repository']}/archive/{place['tag']}.zip"

    def read(self, path: Path, archive: Path | None = None) -> Any:
        """A notebook whose set-up cell installs an archive from the disk, this commit's unless given."""
        notebook = nbformat.read(path, as_version=4)
        (set_up,) = [cell for cell in notebook.cells if cell.cell_type == "code" and self.address in cell.source]
        set_up.source = set_up.source.replace(self.address, str(archive or self.archive))
        return notebook

    def only_set_up(self, archive: Path | None = None) -> Any:
        """A notebook with only the set-up cell."""
        notebook = self.read(min(self.notebooks.glob("[0-9][0-9]_*.ipynb")), archive)
        notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:1]
        return notebook


def find_python() -> str:
    """A Python of Colab's version, from the PATH or from pyenv."""
    candidates = [shutil.which(f"python{PYTHON}"), *Path.home().glob(f".pyenv/versions/{PYTHON}.*/bin/python")]
    for candidate in filter(None, candidates):
        asked = subprocess.run([candidate, "--version"], capture_output=True, text=True)
        if asked.returncode == 0 and asked.stdout.startswith(f"Python {PYTHON}."):
            return str(candidate)
    raise SystemExit(f"Colab has Python {PYTHON}, and there is none here: name one with --python")


def text_of(notebook: Any) -> str:
    """What the cells printed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def rehearse_set_up(colab: Colab, course: Course) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the set-up cell, first with an address that does not exist; return the results and the verdicts."""
    before = colab.packages()
    nothing = course.only_set_up(course.archive.with_name("nothing.zip"))
    answer = colab.run(nothing, colab.folder / "nothing")["complaints"]
    says_what_to_do = any("Mend it, and run this cell again" in line for line in answer)
    report.progress("the set-up cell")
    notebook = course.only_set_up()
    result = colab.run(notebook, colab.folder / "set-up")
    after = colab.packages()
    new = {name: version for name, version in after.items() if name not in before}
    changed = {name: [version, after.get(name)] for name, version in before.items() if after.get(name) != version}
    print(f"\nThe set-up cell, after {result['seconds']:.0f} s:\n{text_of(notebook)}")
    report.table("installed by it", ["package", "version"], [[name, version] for name, version in new.items()])
    versions_match = {"dask": after.get("dask"), "distributed": after.get("distributed")}
    verdicts = [
        report.verdict("packages of Colab's that changed", len(changed), 0, at_most=True),
        report.verdict("dask and distributed are of one version", int(len(set(versions_match.values())) == 1), 1),
        report.verdict("a wrong address is answered with what to do", int(says_what_to_do), 1),
        report.verdict("complaints of the set-up cell", len(result["complaints"]), 0, at_most=True),
    ]
    print("\n".join(result["complaints"]))
    return {**result, "before": before, "installed": new, "changed": changed, "printed": text_of(notebook)}, verdicts


def rehearse_notebooks(colab: Colab, course: Course, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Run the notebooks; return name -> result."""
    solutions = sorted((course.notebooks / "solutions").glob("[0-9][0-9]_*.ipynb"))
    students = sorted(course.notebooks.glob("[0-9][0-9]_*.ipynb"))
    results = {}
    for path in [*solutions, *students]:
        if arguments.only and path.stem.partition("_")[2] not in arguments.only:
            continue
        name = str(path.relative_to(course.notebooks).with_suffix(""))
        fast = arguments.fast or path in students
        folder = colab.folder / "content" / name
        notebook = course.read(course.fast_notebooks / path.relative_to(course.notebooks) if fast else path)
        result = {"fast": fast, **colab.run(notebook, folder)}
        missed = names_checked(notebook) - passed_checks(folder) if path in solutions else set()
        result["complaints"] += [f"the check {check} was not passed" for check in sorted(missed)]
        results[name] = result
        report.progress(f"{name}: {result['seconds']:.0f} s, {len(result['complaints'])} complaints")
        print(*result["complaints"], sep="\n", end="")
    return results


def main() -> None:
    """Rehearse, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help=f"a Python {PYTHON} (default: one on the path, or one of pyenv's)")
    parser.add_argument("--fast", action="store_true", help="run the solutions in fast mode, too")
    parser.add_argument("--only", nargs="+", metavar="LESSON", help="lessons (default: all)")
    parser.add_argument("--out", type=Path, help="JSON file (default: benchmark-results/colab.json)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dqnkit-colab-") as name:
        folder = Path(name)
        report.progress("making an environment like Colab's")
        colab = Colab(folder, arguments.python or find_python())
        course = Course(folder)
        set_up, verdicts = rehearse_set_up(colab, course)
        results = rehearse_notebooks(colab, course, arguments)
        if not results:
            raise SystemExit(f"there is no lesson {' or '.join(arguments.only)}")
        later = colab.packages()
    expected = {**set_up["before"], **set_up["installed"]}
    # (the lesson on the cloud has installed some more)
    changed = sum(later.get(name) != version for name, version in expected.items())
    rows = [[name, "fast" if r["fast"] else "whole", r["seconds"], r["peak_mb"]] for name, r in results.items()]
    report.table("notebooks on Colab", ["notebook", "mode", "seconds", "MB at most"], rows)
    slowest = max((result["seconds"] for result in results.values()), default=0.0)
    complaints_in_all = sum(len(result["complaints"]) for result in results.values())
    verdicts += [
        report.verdict("complaints of the notebooks", complaints_in_all, 0, at_most=True),
        report.verdict("seconds of the slowest notebook", slowest, NOTEBOOK_LIMIT, at_most=True),
        report.verdict("packages that changed while they ran", changed, 0, at_most=True),
    ]
    path = report.write_json("colab", arguments, {"set_up": set_up, "notebooks": results}, verdicts)
    print(f"\nwritten to {path}")
    sys.exit(0 if all(verdict["met"] for verdict in verdicts) else 1)


if __name__ == "__main__":
    main()
