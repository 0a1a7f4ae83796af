"""TensorFlow's output during its import is hidden, and Keras runs on it as dqnkit needs it, whatever was chosen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import small_config

from dqnkit.backend import check_backend, keras, without_greeting
from dqnkit.errors import ConfigError, MissingExtraError, UnknownLayerError, needs
from dqnkit.network_layers import policy_layers
from dqnkit.training import train


def test_lines_are_hidden_and_standard_error_is_as_before(capfd: pytest.CaptureFixture[str]) -> None:
    with without_greeting():
        os.write(2, b"hello from a library\n")
    os.write(2, b"a line of ours\n")
    assert capfd.readouterr().err == "a line of ours\n"


def test_lines_before_an_exception_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), without_greeting():
        print(os.write(2, b"cannot load libcuda\n") / 0)
    assert capfd.readouterr().err == "cannot load libcuda\n"


OTHERS_CHOICE = """
import os
from dqnkit.backend import keras
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner
weights = Learner(DQNConfig("dqnkit/Catch-v0", xla=False)).get_weights()
print(keras.config.backend(), os.environ["KERAS_BACKEND"], keras.config.floatx(), weights.values.dtype)
print(*weights.values[:3].tolist())
"""


def test_another_backend_and_another_keras_json_are_no_hindrance(tmp_path: Path, tried: Any) -> None:
    (tmp_path / ".keras").mkdir()
    chosen = {"backend": "jax", "floatx": "float64", "epsilon": 1e-7, "image_data_format": "channels_first"}
    (tmp_path / ".keras/keras.json").write_text(json.dumps(chosen))
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "KERAS_HOME": str(tmp_path / ".keras"),
        "KERAS_BACKEND": "torch",
    }
    command = [sys.executable, "-c", OTHERS_CHOICE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "tensorflow torch float64 float32"  # what others have chosen is left as it was
    from dqnkit.config import DQNConfig
    from dqnkit.learner import Learner

    expected = Learner(DQNConfig("dqnkit/Catch-v0", xla=False)).get_weights().values[:3]
    np.testing.assert_array_equal(np.array(second.split(), np.float32), expected)
    tried(21, "KERAS_BACKEND=torch, keras.json with float64 and channels_first", "TensorFlow, the same float32 network")


def test_keras_that_was_imported_on_another_backend_is_named(monkeypatch: pytest.MonkeyPatch, tried: Any) -> None:
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(
        ConfigError, match=r"Keras runs on torch in this process, because .* KERAS_BACKEND or"
    ) as caught:
        check_backend()
    tried(21, "keras imported on torch before dqnkit", str(caught.value))


def test_mixed_precision_changes_nothing(tried: Any) -> None:
    *_, plain = train(small_config(total_steps=200))
    keras.config.set_dtype_policy("mixed_float16")
    try:
        *_, mixed = train(small_config(total_steps=200))
        assert keras.config.dtype_policy().name == "mixed_float16"
        network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(mixed.weights.values, plain.weights.values)
    tried(21, "a global policy of mixed_float16", "the same weights as without, bit for bit")
    with pytest.raises(UnknownLayerError, match=r"computes in float16, .*set_dtype_policy\('float32'\)") as caught:
        policy_layers(network)
    tried(21, "a network of the reader's own in mixed_float16", str(caught.value))


def import_and_raise_anew() -> None:
    try:
        import no_such_torch.nn  # type: ignore[import-not-found] # noqa: F401
    except ImportError as error:
        raise ImportError("please install torches") from error


def test_only_the_packages_of_an_extra_are_blamed_on_it() -> None:
    blamed = pytest.raises(MissingExtraError, match=r"Torches is not installed. .*dqnkit\[learner\]")
    with blamed, needs("Torches", "learner", "no_such_torch"):
        import no_such_torch.nn  # noqa: F401
    with pytest.raises(MissingExtraError), needs("Torches", "learner", "no_such_torch"):
        import_and_raise_anew()
    with pytest.raises(ModuleNotFoundError, match="no_such_other"), needs("Torches", "learner", "no_such_torch"):
        import no_such_other  # type: ignore[import-not-found] # noqa: F401
