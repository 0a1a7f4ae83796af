"""What the notebook says is what a whole run of it shows. The run has no short values: it is the reader's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dqnkit.course_folder import find_notebooks
from dqnkit.lessons.q_network.table import table_errors
from dqnkit.small_environments import GridWorld
from dqnkit.types import Transition


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """All that the notebook prints, from top to bottom."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    import notebook_runs

    path = next((find_notebooks() / "solutions").glob("*_q_network.ipynb"))
    notebook = nbformat.read(path, 4)
    notebook_runs.run(notebook, Path(tmp_path_factory.mktemp("run")))
    assert not notebook_runs.complaints(notebook)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.text for output in outputs if output.output_type == "stream")


def numbers(printed: str, before: str) -> list[float]:
    """The numbers of the line, or of the list over several lines, that follows these words."""
    found = re.search(re.escape(before) + r"\s*((\[[^\]]*\])|[^\n]*)", printed)
    assert found, before
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", found[1].replace(",", ""))]


@pytest.mark.slow
def test_no_observation_of_cartpole_comes_up_again(printed: str) -> None:
    assert "0 of 2,000 observations had been seen before" in printed


@pytest.mark.slow
def test_a_gradient_step_on_a_table_is_the_q_update(printed: str) -> None:
    assert numbers(printed, "Q-update by the formula:") == numbers(printed, "by a gradient step:")


@pytest.mark.slow
def test_the_readers_step_is_the_packages(printed: str) -> None:
    [mine] = numbers(printed, "loss: yours")[:1]
    assert numbers(printed, "the package's")[0] == pytest.approx(mine, abs=1e-6)
    assert numbers(printed, "largest difference of a weight after the step:")[0] < 1e-6


@pytest.mark.slow
def test_fitted_q_iteration_comes_near_the_exact_values_round_by_round(printed: str) -> None:
    errors = numbers(printed, "error after each round:")
    assert len(errors) == 15
    assert errors[0] > 0.3
    assert np.all(np.diff(errors[:8]) < 0)
    assert errors[-1] < 0.05


@pytest.mark.slow
def test_one_update_moves_nearly_all_values_of_the_network(printed: str) -> None:
    assert int(re.search(r"(\d+) of 100 values moved", printed)[1]) >= 75  # type: ignore[index]


@pytest.mark.slow
def test_alone_the_network_falls_to_a_tenth_or_two_with_leaps_while_the_table_settles(printed: str) -> None:
    assert max(numbers(printed, "error of the table at the end:")) < 0.001
    ends = numbers(printed, "error of the network at the end:")
    assert 0.02 < np.median(ends) < 0.3
    late = np.reshape(numbers(printed, "in the second half:"), (-1, 2))
    assert np.all(late[:, 1] > 2 * late[:, 0])  # leaps
    assert np.all(late[:, 0] > 0.01)  # never at rest at 0


@pytest.mark.slow
def test_cartpoles_values_are_for_a_while_larger_than_any_policy_can_earn(printed: str) -> None:
    highest, last = numbers(printed, "mean of max Q: at most")
    assert highest > 5.5
    assert last < highest
    assert 3 < numbers(printed, "above 5, the most possible:")[0] < 70


@pytest.mark.slow
def test_the_published_step_lowers_its_loss_and_stays_flat(printed: str) -> None:
    first, _, last = numbers(printed, "mean loss of the first 100 batches")  # the number between: of batches
    assert last < first
    found, exact = numbers(printed, "from the lowest to the highest square:")
    assert found < exact / 3
    mended = numbers(printed, "mended   : error in the second half")
    assert max(mended) < 0.5 < min(numbers(printed, "published: error in the second half"))
    assert max(mended) > 2 * min(mended)  # it still goes up and down


def test_the_table_for_comparison_learns_the_exact_values() -> None:
    room = GridWorld(size=3, observation="xy")
    rng = np.random.default_rng(0)
    rows = []
    place, _ = room.reset(seed=0)
    for _ in range(3_000):
        action = int(rng.integers(4))
        arrived, reward, terminated, _, _ = room.step(np.int64(action))
        rows.append((place, action, reward, 0.0 if terminated else 0.8, arrived))
        place = room.reset()[0] if terminated else arrived
    transitions = Transition._make(np.array(column) for column in zip(*rows, strict=True))
    errors = table_errors(room, room.optimal_q(0.8), transitions)
    assert errors.shape == (60,)
    assert errors[0] > 0.5 > 1e-3 > errors[-1]


@pytest.mark.slow
def test_without_stop_gradient_two_equal_maxima_share_the_gradient(printed: str) -> None:
    towards, right, down = numbers(printed, "without stop_gradient:")[1::2]
    assert right == down == pytest.approx(-0.8 * towards / 2, abs=1e-4)


def test_exact_rounds_of_fitted_q_iteration_shrink_the_error_by_gamma_or_more() -> None:
    room = GridWorld(size=5)
    exact, q = room.optimal_q(0.8), np.random.default_rng(0).normal(size=(25, 4))
    errors = []
    for _ in range(12):
        errors.append(np.abs(q - exact)[~room.terminal].max())
        follows = np.where(room.terminal, 0.0, q.max(axis=1))
        q = (room.probabilities * (room.rewards + 0.8 * follows)).sum(axis=2)
    assert np.all(np.array(errors[1:]) <= 0.8 * np.array(errors[:-1]) + 1e-12)
