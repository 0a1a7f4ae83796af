"""The packages: which are installed, in which versions, and which of them do not work together."""

from __future__ import annotations

from collections.abc import Iterator

from dqnkit.doctor.findings import WORKS, Finding
from dqnkit.doctor.requirements import (
    EXTRAS,
    NOT_ON_COLAB,
    PYGAME,
    TENSORFLOW,
    Requirement,
    install_command,
    installed,
    is_within,
    pip,
    reinstall_command,
    requirements,
    tested_versions,
)
from dqnkit.hosted import is_colab

BASE, ABSENT = "base install", "extras that are not installed"  # sections; each installed extra has one more


def examine() -> list[Finding]:
    """Every package that the kit needs."""
    return [*_packages(), *_on_colab(), *_clashes(), *_dask()]


def section_of(extra: str) -> str:
    """The section of the report in which the packages of an extra stand."""
    return f"extra {extra!r}: {EXTRAS[extra]}" if extra else BASE


def _packages() -> Iterator[Finding]:
    """A finding for each package, but only one for an extra of which most is missing."""
    wanted, tested = requirements(), tested_versions()
    for extra in ("", *EXTRAS):
        of_extra = [requirement for requirement in wanted if requirement.extra == extra]
        missing = [requirement for requirement in of_extra if not installed(requirement.names)]
        if not extra or 2 * len(missing) <= len(of_extra):
            yield from (_package(requirement, tested) for requirement in of_extra)
        elif extra == "test":  # readers do not need it
            yield Finding(extra, f"for {EXTRAS[extra]}", section=ABSENT)
        else:
            names = ", ".join(requirement.names[0] for requirement in missing)
            value = f"for {EXTRAS[extra]}; missing: {names}"
            yield Finding(extra, value, "advice", install_command(extra, missing), ABSENT)


def _package(requirement: Requirement, tested: dict[str, str]) -> Finding:
    names, versions, extra = requirement
    section = section_of(extra)
    for name, version in installed(names).items():
        notes = [f"tested: {tested[name]}"] if tested.get(name, version) != version else []
        if tested.get(name) == version:
            notes = ["as tested"]
        value = _with_notes(version, [*notes, f"needs {versions}"] if versions else notes)
        if is_within(version, versions):
            return Finding(name, value, section=section)
        return Finding(name, value, "advice" if extra == "test" else "problem", install_command(extra), section)
    notes = [f"tested: {tested[names[0]]}"] if names[0] in tested else []
    value = _with_notes("missing", [*notes, f"needs {versions}"] if versions else notes)
    remedy = install_command(extra, [requirement])
    return Finding(names[0], value, "advice" if extra else "problem", remedy, section)


def _with_notes(value: str, notes: list[str]) -> str:
    return f"{value} ({'; '.join(notes)})" if notes else value


def _on_colab() -> Iterator[Finding]:
    if is_colab():
        value = f"its own page stands in for JupyterLab and its port: {', '.join(NOT_ON_COLAB)} are not needed"
        yield Finding("Colab", value, section=section_of("course"))


def _clashes() -> Iterator[Finding]:
    """Two packages that install the same files: each has overwritten some of the other's."""
    for names, status, extra in ((TENSORFLOW, "problem", "learner"), (PYGAME, "advice", "course")):
        found = installed(names)
        if len(found) > 1:
            value = f"{' and '.join(found)} are both installed, and overwrite each other's files"
            yield Finding("clash", value, status, reinstall_command(names, extra), WORKS)  # type: ignore[arg-type]


def _dask() -> Iterator[Finding]:
    """Dask's two packages are released together and work only in the same version."""
    versions = installed(("dask", "distributed"))
    if len(set(versions.values())) > 1:
        value = f"dask {versions['dask']} and distributed {versions['distributed']} do not go together"
        yield Finding("Dask's versions", value, "problem", install_command("cluster"), WORKS)
    together = installed(("distributed", "bokeh"))  # https://github.com/dask/distributed/issues/9350
    if len(together) == 2 and is_within(together["distributed"], "<2026.8") and is_within(together["bokeh"], ">=3.10"):
        value = f"distributed {together['distributed']} cannot close a cluster with bokeh {together['bokeh']}"
        yield Finding("Dask's dashboard", value, "advice", f'{pip()} install "bokeh<3.10"', WORKS)
