"""Environments that only the driver knows, like one that was registered in a notebook, are sent to the workers.

``gym.register("Mine-v0", Mine)`` changes a table of the process in which it runs. A worker is another process. So the
entry of the table is sent with each task, with the class itself if it was defined in the notebook; of a class in a
module only the name is sent, and the workers must have the module.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import cloudpickle
import gymnasium as gym

from dqnkit.environments import find_environment
from dqnkit.errors import EnvironmentNotSupportedError, MissingExtraError
from dqnkit.games import EXTRAS

KNOWN = ("gymnasium", "dqnkit", *EXTRAS)  # packages whose environments every worker registers by itself
HOW = (
    "Write the environment's class and gym.register(...) into a module, for example my_module.py beside the notebook, "
    "and name it my_module:{name}"
)
_registered: dict[bytes, str] = {}  # digest of what was received -> the id that it registered in this process
_lock = threading.Lock()


def by_value(env_id: str, wrappers: Iterable[str] = ()) -> bytes:
    """The entry of an environment in Gymnasium's table, for `register`; empty if workers know the environment.

    Args:
        env_id: Gymnasium id.
        wrappers: the names of its wrappers, which workers import.

    Raises:
        EnvironmentNotSupportedError: its class or a wrapper cannot be sent; the message says what to do.
    """
    for name in wrappers:
        module, _, short = name.partition(":")
        if module == "__main__":
            raise EnvironmentNotSupportedError(
                f"the wrapper {short} is known in this program only, and workers import their wrappers: write it into "
                f"a module, for example my_module.py beside the notebook, and name it my_module:{short}"
            )
    if ":" in env_id:  # a worker imports the module, which registers it
        return b""
    try:
        spec = find_environment(env_id)
    except (EnvironmentNotSupportedError, MissingExtraError):  # perhaps the workers know it; otherwise they say so
        return b""
    makers = [maker for maker in (spec.entry_point, spec.vector_entry_point) if maker is not None]
    if all(isinstance(maker, str) and maker.partition(":")[0].partition(".")[0] in KNOWN for maker in makers):
        return b""
    entries = {name: _itself(getattr(spec, name)) for name in ("entry_point", "vector_entry_point")}
    try:
        return bytes(cloudpickle.dumps(replace(spec, **entries)))
    except Exception as error:  # whatever an object's own way of being pickled raises
        raise EnvironmentNotSupportedError(
            f"{env_id} is registered in this process only, and cannot be sent to the workers "
            f"({type(error).__name__}: {error}). {HOW.format(name=env_id)}"
        ) from error


def register(entry: bytes) -> None:
    """Put what `by_value` returned into this process's table, in place of an older entry of that id.

    Raises:
        EnvironmentNotSupportedError: it needs a module that is not here.
    """
    if not entry:
        return
    digest = hashlib.sha256(entry).digest()
    with _lock:
        if digest in _registered:
            return
        try:
            spec: gym.envs.registration.EnvSpec = cloudpickle.loads(entry)
        except Exception as error:  # an import that fails may raise anything
            raise EnvironmentNotSupportedError(
                f"the environment of this run is registered in the driver only, and its class cannot be read here "
                f"({type(error).__name__}: {error}). Give the workers the module that it needs: install it there, or "
                'client.upload_file("my_module.py")'
            ) from error
        for older in [older for older, env_id in _registered.items() if env_id == spec.id]:
            del _registered[older]
        gym.registry[spec.id] = spec
        _registered[digest] = spec.id


def _itself(maker: Any) -> Any:
    """A class of ``__main__`` in place of its name, which means something else in another process."""
    module, _, name = maker.partition(":") if isinstance(maker, str) else ("", "", "")
    return getattr(sys.modules[module], name, maker) if module == "__main__" else maker
