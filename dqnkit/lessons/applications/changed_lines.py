"""The reader's own DQN on another environment: which lines of `my_dqn.py` change, and the changed program."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from dqnkit.classroom import progress_file
from dqnkit.classroom.own_program import Program, write_program
from dqnkit.files import write_whole

# five forces from -3 to 3, and as many in all copies at once
PENDULUM = {
    'ENV_ID = "CartPole-v1"': 'ENV_ID = "InvertedPendulum-v5"',
    "    env = gym.make(ENV_ID)": (
        "    env = gym.wrappers.TransformAction(gym.make(ENV_ID), lambda a: [1.5 * a - 3], gym.spaces.Discrete(5))"
    ),
    '    envs = gym.make_vec(ENV_ID, episodes, vectorization_mode="vector_entry_point")': (
        "    envs = gym.wrappers.vector.TransformAction(gym.make_vec(ENV_ID, episodes), lambda a: 1.5*a[:, None] - 3)"
    ),
}


def changed_program(name: str, new_name: str, changes: Mapping[str, str], folder: Path | None = None) -> Program:
    """Write a copy of a program of the reader's in which some lines are others; return it, and say whose it is.

    Args:
        name: of the program, as ``"my_dqn.py"``. Where it is missing, or lacks one of the lines, it is written anew
            elsewhere, of what the reader has passed and of worked solutions.
        new_name: of the copy. One that is there is written over: it is made anew from the program.
        changes: whole lines -> what they become.
        folder: of both; that of the notebook unless given.
    """
    folder = folder or progress_file.FILE.path.parent
    path = folder / name
    source = path.read_text(encoding="utf-8") if path.exists() else ""
    lacking = [line for line in changes if source.split("\n").count(line) != 1]
    if lacking:
        if source:
            print(f"{name} has no line like these any more, so the course's own is taken:\n" + "\n".join(lacking))
        with tempfile.TemporaryDirectory() as elsewhere:
            source = write_program(name, Path(elsewhere)).source
    else:
        print(f"Made of your {name}.")
    text = "\n".join(changes.get(line, line) for line in source.split("\n"))
    write_whole(folder / new_name, text.encode())
    return Program(f"<code>{new_name}</code>", new_name, folder / new_name, text, ())
