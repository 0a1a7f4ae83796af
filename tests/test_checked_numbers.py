"""Numbers that are not finite, or no numbers, are refused wherever the kit takes one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from click.testing import CliRunner

from dqnkit.checked_numbers import number, whole_number
from dqnkit.cli import main
from dqnkit.cloud.meter import Meter
from dqnkit.cloud.order import Order
from dqnkit.cloud.prices import machines
from dqnkit.cloud.settings import seconds
from dqnkit.cluster.measure import measure
from dqnkit.cluster.plan import Assumed, Measured, plan
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.throughput import have_workers, steps_a_second
from dqnkit.cluster.time_spans import time_span
from dqnkit.config import DQNConfig
from dqnkit.deploy import make_cluster
from dqnkit.errors import ConfigError
from dqnkit.evaluation import evaluate
from dqnkit.replay import ReplayBuffer
from dqnkit.types import LiveSettings

Take = Callable[[Any], Any]
Tried = Callable[[int, str, str], None]

NO_NUMBERS = [
    math.nan,
    math.inf,
    -math.inf,
    np.float32("nan"),
    np.float64("inf"),
    10**400,
    10**5000,
    True,
    np.bool_(True),
    "3",
    None,
]
CONFIG = DQNConfig(total_steps=100)
MEASURED = Measured(**dict.fromkeys(Measured.__dataclass_fields__, 0.001))


def order(**given: Any) -> Order:
    asked = {"cloud": "aws", "machine": "c7i.large", "scheduler_machine": "c7i.large", "n_workers": 4}
    return Order(**{**asked, "lifetime": 7200, "idle_timeout": 600, "reach": "203.0.113.7/32", **given})


class NoClient:
    """A client that is not asked for anything."""

    asynchronous = False


def live_change(value: Any) -> None:
    LiveSettings().change(0, "epsilon", value)


def live_assignment(value: Any) -> None:
    LiveSettings().learning_rate = value


CLIENT: Any = NoClient()
WEIGHTS: Any = None
TAKERS: dict[str, Take] = {
    "DQNConfig(gamma=...)": lambda value: DQNConfig(gamma=value),
    "DQNConfig(total_steps=...)": lambda value: DQNConfig(total_steps=value),
    "DQNConfig(hidden_sizes=(64, ...))": lambda value: DQNConfig(hidden_sizes=(64, value)),
    "LiveSettings(epsilon=...)": lambda value: LiveSettings(epsilon=value if value is not None else "None"),
    "LiveSettings.change": lambda value: live_change(value if value is not None else "None"),
    "LiveSettings.learning_rate = ...": lambda value: live_assignment(value if value is not None else "None"),
    "ReplayBuffer": ReplayBuffer,
    "evaluate(episodes=...)": lambda value: evaluate(WEIGHTS, CONFIG, value),
    "Order(budget=...)": lambda value: order(budget=value if value is not None else "None"),
    "Order(lifetime=...)": lambda value: order(lifetime=value),
    "Order(n_workers=...)": lambda value: order(n_workers=value),
    "Meter(budget=...)": lambda value: Meter(value if value is not None else "None"),  # type: ignore[arg-type]
    "Meter.started(price)": lambda value: Meter().started("i-1", value),
    "plan(budget=...)": lambda value: plan(CONFIG, MEASURED, [], budget=value if value is not None else "None"),  # type: ignore[arg-type]
    "plan(workers=[...])": lambda value: plan(CONFIG, MEASURED, [], workers=[value]),
    "plan(assumed=...)": lambda value: plan(CONFIG, MEASURED, [], assumed=Assumed(boot_seconds=value)),
    "measure(seconds=...)": lambda value: measure(CONFIG, value),
    "steps_a_second(seconds=...)": lambda value: steps_a_second(CLIENT, CONFIG, WEIGHTS, value),
    "have_workers(count=...)": lambda value: have_workers(CLIENT, value),
    "make_cluster(n_workers=...)": lambda value: make_cluster("local", value if value is not None else "None"),  # type: ignore[arg-type]
    "make_cluster(threads_per_worker=...)": lambda value: make_cluster(
        "local", 1, value if value is not None else "None"
    ),  # type: ignore[arg-type]
    "ClusterRollouts(patience=...)": lambda value: ClusterRollouts(CLIENT, patience=value),
}


@pytest.mark.parametrize("what", TAKERS)
def test_what_is_no_finite_number_is_refused_in_a_sentence(what: str, tried: Tried) -> None:
    for value in NO_NUMBERS:
        with pytest.raises(ConfigError, match="takes a") as raised:
            TAKERS[what](value)
        if value is NO_NUMBERS[0]:
            tried(7, f"{what}: NaN (and inf, True, NumPy's, 10**400)", str(raised.value))


def test_every_setting_that_is_a_number_refuses_nan() -> None:
    for name, value in DQNConfig().to_dict().items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            with pytest.raises(ConfigError, match=f"{name} takes"):
                DQNConfig(**{name: math.nan})


def test_numbers_of_python_and_numpy_are_taken() -> None:
    assert number("it", 3) == 3.0
    assert number("it", np.float32(0.5), above=0, high=1) == 0.5
    assert whole_number("it", np.int64(7), low=7, high=7) == 7
    assert type(whole_number("it", np.int64(7))) is int
    for wrong in (2.0, np.float64(2)):
        with pytest.raises(ConfigError, match=r"it takes a whole number, not .*2\.0"):
            whole_number("it", wrong)
    with pytest.raises(ConfigError, match="it takes a number above 0, not 0"):
        number("it", 0, above=0)
    with pytest.raises(ConfigError, match="it takes a number from 0 to 1, not 2"):
        number("it", 2, low=0, high=1)


@pytest.mark.parametrize("text", ["nan", "nan hours", "inf", "-1 hour", "0 s", "soon", "", "3 horses"])
def test_a_time_is_finite_and_above_0(text: str, tried: Tried) -> None:
    with pytest.raises(ConfigError, match=r"lifetime takes a (time|number)") as raised:
        time_span("lifetime", text)
    tried(7, f"lifetime={text!r}", str(raised.value))
    with dask.config.set({"dqnkit.cloud.lifetime": text}), pytest.raises(ConfigError, match="in Dask's configuration"):
        seconds("lifetime")


def test_a_time_is_in_words_or_in_seconds() -> None:
    assert time_span("lifetime", "2 hours") == 7200
    assert time_span("lifetime", 90) == 90.0


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "true", "1e999"])
def test_a_price_in_a_file_is_a_finite_number(text: str, tmp_path: Path, tried: Tried) -> None:
    from dqnkit.cloud.prices import TABLE

    path = tmp_path / "own.json"
    path.write_text(TABLE.read_text(encoding="utf-8").replace("0.08925", text), encoding="utf-8")
    with (
        dask.config.set({"dqnkit.cloud.prices": str(path)}),
        pytest.raises(ConfigError, match=r"expected a number|is no number that can be used") as raised,
    ):
        machines("aws")
    tried(7, f"a price of {text} in a price table", str(raised.value).replace(str(tmp_path), "..."))


def test_a_setting_in_the_configuration_of_a_run_is_a_finite_number(tried: Tried) -> None:
    values = json.loads(json.dumps(CONFIG.to_dict()).replace('"gamma": 0.99', '"gamma": NaN'))
    with pytest.raises(ConfigError, match="gamma takes a number from 0 to 1, not nan") as raised:
        DQNConfig.from_dict(values)
    tried(7, "NaN in a run's config.json", str(raised.value))


@pytest.mark.parametrize(
    "command",
    [
        ["train", "CartPole-v1", "--workers", "2", "--on", "aws", "--budget", "nan"],
        ["train", "CartPole-v1", "--workers", "2", "--on", "aws", "--budget", "inf"],
        ["train", "CartPole-v1", "--learning-rate", "nan"],
        ["train", "CartPole-v1", "--samples-per-insert", "inf"],
        ["plan", "CartPole-v1", "--budget", "nan"],
        ["plan", "CartPole-v1", "--seconds", "nan"],
        ["plan", "CartPole-v1", "--seconds", "inf"],
    ],
)
def test_an_option_of_the_command_line_is_a_finite_number(command: list[str], tried: Tried) -> None:
    shown = CliRunner().invoke(main, command)
    assert shown.exit_code == 2
    assert "number" in shown.output
    tried(7, f"dqnkit {' '.join(command)}", shown.output.strip().splitlines()[-1])
