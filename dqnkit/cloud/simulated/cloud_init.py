"""Reads a machine's boot script (user data): the part of cloud-init that the machines of a cluster use.

Files under ``write_files`` are written. Of the commands under ``runcmd``, also inside scripts among those files,
``docker run`` and ``shutdown`` are understood. Everything else (packages, services, loops) is passed over.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SWITCHES = {
    "-d",
    "--detach",
    "--init",
    "-i",
    "-t",
    "-it",
    "--privileged",
    "--read-only",
    "--rm",
}  # options of docker without a value
SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash")


@dataclass(frozen=True)
class Container:
    """``docker run``."""

    image: str
    command: tuple[str, ...]
    variables: dict[str, str]
    detached: bool  # the next command does not wait for it


@dataclass(frozen=True)
class End:
    """``shutdown -P +120``."""

    minutes: float


@dataclass(frozen=True)
class PassedOver:
    """A command that only a real machine would run."""

    text: str


Step = Container | End | PassedOver


def read_user_data(user_data: bytes, root: Path) -> list[Step]:
    """The steps in order. Files are written below ``root``, which stands for the machine's disk."""
    if user_data.startswith(b"\x1f\x8b"):
        user_data = gzip.decompress(user_data)
    text = user_data.decode()
    if text.startswith("#!"):
        return _script(text, root)
    config = yaml.safe_load(text)
    if not isinstance(config, dict):
        return []
    for file in config.get("write_files") or []:
        _write(file, root)
    packages = [PassedOver(f"packages: {' '.join(map(str, config['packages']))}")] if config.get("packages") else []
    steps = (step for entry in config.get("runcmd") or [] for step in _entry(entry, root))
    return [*packages, *steps]


def _write(file: dict[str, Any], root: Path) -> None:
    path = _on_disk(file["path"], root)
    content = file.get("content", "")
    content = content.encode() if isinstance(content, str) else content
    encoding = file.get("encoding", "").lower()
    if "b64" in encoding or "base64" in encoding:
        content = base64.b64decode(content)
    if encoding.startswith("gz"):
        content = gzip.decompress(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab" if file.get("append") else "wb") as stream:
        stream.write(content)
    path.chmod(int(str(file.get("permissions", "0644")), 8))


def _on_disk(path: str, root: Path) -> Path:
    return root / path.lstrip("/")


def _entry(entry: str | list[Any], root: Path) -> list[Step]:
    """A list is a command as it is; a string is a line for the shell."""
    return _script(entry, root) if isinstance(entry, str) else _command([str(word) for word in entry], root)


def _script(text: str, root: Path) -> list[Step]:
    steps: list[Step] = []
    for line in text.replace("\\\n", " ").splitlines():
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:  # a quoted string that continues on the next line
            steps.append(PassedOver(line))
            continue
        while words:
            stop = next((i for i, word in enumerate(words) if word and not word.strip(";&|")), len(words))
            steps += _command(words[:stop], root)
            words = words[stop + 1 :]
    return steps


def _command(words: list[str], root: Path) -> list[Step]:
    words = words[: next((i for i, word in enumerate(words) if re.match(r"\d?[<>]", word)), len(words))]
    if not words:
        return []
    script = words[1] if words[0] in SHELLS and len(words) > 1 else words[0]
    if script == "-c" and len(words) > 2:
        return _script(words[2], root)
    if script.startswith("/") and _on_disk(script, root).is_file():
        return _script(_on_disk(script, root).read_text(), root)
    for i, pair in enumerate(itertools.pairwise(words)):
        if pair == ("docker", "run"):
            return [_docker_run(words[i + 2 :], root)]
    if "shutdown" in words[:2] and "-c" not in words:
        minutes = next((word for word in words if re.fullmatch(r"\+?\d+", word)), "0")  # or the word `now`
        return [End(float(minutes))]
    return [PassedOver(shlex.join(words))]


def _docker_run(words: list[str], root: Path) -> Step:
    variables: dict[str, str] = {}
    folders: dict[str, str] = {}
    detached = False
    words = list(words)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if re.match(r"-[ev].", option):  # -eNAME=VALUE
            words.insert(0, option[2:])
            option = option[:2]
        if option in SWITCHES:
            detached |= option in ("-d", "--detach")
            continue
        option, equals, value = option.partition("=")
        value = value if equals else words.pop(0)
        if option in ("-e", "--env"):
            name, _, content = value.partition("=")
            variables[name] = content
        elif option == "--env-file":
            path = _on_disk(value, root)
            if not path.is_file():
                return PassedOver(f"docker: open {value}: no such file or directory")
            lines = [line.partition("=") for line in path.read_text().splitlines() if not line.startswith("#")]
            variables |= {name: content for name, equals, content in lines if equals}
        elif option in ("-v", "--volume"):
            here, there, *_ = value.split(":")
            folders[there] = str(_on_disk(here, root))
    if not words:
        return PassedOver("docker run: no image")

    def inside(text: str) -> str:
        for there, here in folders.items():
            text = text.replace(there, here)
        return text

    command = tuple(inside(word) for word in words[1:])
    return Container(words[0], command, {name: inside(value) for name, value in variables.items()}, detached)
