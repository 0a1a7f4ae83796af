"""The table of the lesson: the agent that learns passes everything, each fault is found by the test meant for it."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from seeds import seeds

pytest.importorskip("jupytext")

from dqnkit.authoring.source import BEGIN, read_sources, with_solution, without_solution
from dqnkit.course_folder import find_notebooks
from dqnkit.lessons.when_it_does_not_learn import mini_dqn, pictures
from dqnkit.lessons.when_it_does_not_learn.clinic import (
    LEARNED_BY_HEART,
    Findings,
    Report,
    diagnosis,
    discharge,
    examine,
    is_passed,
    overfit_loss,
    probe_report,
)
from dqnkit.lessons.when_it_does_not_learn.mini_dqn import Agent
from dqnkit.lessons.when_it_does_not_learn.patients import FAULTS, PATIENTS
from dqnkit.lessons.when_it_does_not_learn.probes import GAMMA, PROBES, TOLERANCE, Probe
from dqnkit.lessons.when_it_does_not_learn.questions import QUESTIONS

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))]
MORE_SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 12))]

# Fault -> probes that find it with every seed, and probes that pass with every seed.
FINDS: dict[str, tuple[set[str], set[str]]] = {
    "bootstraps after the end": ({"one step", "two steps", "corridor"}, {"time limit"}),
    "gathers across rows": ({"sees", "two choices", "corridor"}, {"one step", "chooses", "time limit"}),
    "takes the limit for the end": ({"time limit"}, set(PROBES) - {"time limit"}),
    "never copies to the target": ({"two steps", "two choices", "corridor"}, {"one step", "sees", "chooses"}),
    "keeps no copy of an observation": ({"sees", "two choices", "corridor"}, {"one step", "chooses", "time limit"}),
    "stores another action": ({"chooses", "two choices"}, {"one step", "sees", "two steps", "time limit"}),
    "explores for ever": (set(), set(PROBES)),
    "moves the largest value": ({"one step", "sees", "two steps", "corridor"}, set()),
    "learning rate far too large": ({"corridor"}, set()),
    "observations not scaled": ({"corridor"}, {"one step", "sees", "chooses"}),
    "observation overwritten": ({"sees", "two steps", "corridor"}, {"one step", "time limit"}),
    "copies the wrong way": ({"one step", "sees", "two steps", "time limit"}, set()),
    "never bootstraps": ({"two steps", "two choices", "corridor", "time limit"}, {"one step", "sees", "chooses"}),
    "replay made anew each episode": (set(PROBES) - {"time limit"}, set()),
}
OF_PATIENTS_AND_OTHERS = [
    fault if broken in PATIENTS.values() else pytest.param(fault, marks=pytest.mark.slow)
    for fault, broken in FAULTS.items()
]
# Not learned by heart: the fault is in the gradient step.
IN_THE_STEP = {"gathers across rows", "moves the largest value", "learning rate far too large"}


@cache
def report_of(fault: str, seed: int) -> Report:
    return probe_report(FAULTS[fault], seed=seed)


def failed(report: Report) -> set[str]:
    return {name for name, values in report.items() if not is_passed(*values)}


def short_run(agent_class: Any, seed: int = 0, steps: int = 600) -> Agent:
    class Short(agent_class):  # type: ignore[misc]
        gamma, learning_rate, epsilon_steps = 0.95, agent_class.learning_rate / 3, 200

    env = gym.make("CartPole-v1", max_episode_steps=200)
    env.reset(seed=seed)
    return Short(4, 2, seed).training_loop(env, steps)


@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_the_agent_that_learns_passes_every_probe_with_every_seed(seed: int) -> None:
    for learned, exact in probe_report(Agent, seed=seed).values():
        assert learned == pytest.approx(exact, abs=0.02)
    assert overfit_loss(Agent, seed) < LEARNED_BY_HEART / 10


def test_every_fault_has_a_row() -> None:
    assert list(FINDS) == list(FAULTS)
    assert set(PATIENTS.values()) <= set(FAULTS.values())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", OF_PATIENTS_AND_OTHERS)
def test_the_probes_that_should_find_a_fault_find_it_with_every_seed(fault: str, seed: int) -> None:
    finds, passes = FINDS[fault]
    found = failed(report_of(fault, seed))
    assert finds <= found
    assert not passes & found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_one_batch_by_heart_finds_the_faults_of_the_gradient_step_and_no_others(fault: str, seed: int) -> None:
    loss = overfit_loss(FAULTS[fault], seed)
    assert (not loss < LEARNED_BY_HEART) == (fault in IN_THE_STEP)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("letter", PATIENTS)
def test_each_patient_is_diagnosed_from_what_was_found_with_every_seed(letter: str, seed: int) -> None:
    fault = next(name for name, broken in FAULTS.items() if broken is PATIENTS[letter])
    log = short_run(PATIENTS[letter], seed).log
    findings = Findings(f"Patient {letter}", report_of(fault, seed), overfit_loss(PATIENTS[letter], seed), log)
    assert diagnosis(findings) == fault
    question = QUESTIONS[f"patient_{letter.lower()}"]
    [right] = [option for option, reply in question.replies.items() if reply.right]  # type: ignore[union-attr]
    assert question.outcome(findings) == right  # type: ignore[union-attr]


def test_patient_c_has_a_value_below_0_where_no_reward_is_negative() -> None:
    assert report_of("never copies to the target", 0)["two steps"][0] < 0


def test_the_values_of_patient_a_are_those_of_a_reward_for_ever() -> None:
    assert report_of("bootstraps after the end", 0)["one step"][0] == pytest.approx(1 / (1 - GAMMA), abs=0.05)


def test_patient_h_leaves_a_value_of_one_step_below_0() -> None:
    assert report_of("moves the largest value", 0)["one step"][0] < 0


def test_patient_b_gives_all_observations_nearly_the_same_values() -> None:
    for name in ("two steps", "corridor"):
        probe = PROBES[name]()
        agent = FAULTS["gathers across rows"](len(probe.observations[0]), 2, 0).training_loop(probe, 1_000)
        q = agent.online(agent.look(probe.observations))  # [S, A]
        assert np.ptp(q, axis=0).max() < 0.5 * np.ptp(probe.exact_q, axis=0).max()


def test_the_distance_of_the_two_networks_is_noted_at_one_moment_between_two_copies_and_falls() -> None:
    class OnCartPole(Agent):
        gamma, learning_rate = 0.95, Agent.learning_rate / 3
        period, epsilon_steps = 100, 3_000
        moments: list[int]

        def record(self) -> None:
            self.moments = [*getattr(self, "moments", []), self.updates % self.period]
            super().record()

    env = gym.make("CartPole-v1", max_episode_steps=200)
    env.reset(seed=0)
    agent = OnCartPole(4, 2, 0).training_loop(env, 4_000)
    assert len(set(agent.moments)) == 1
    distances = [row["distance"] for row in agent.log]
    assert np.mean(distances[-10:]) < 0.5 * np.mean(distances[:10])


@pytest.mark.slow
def test_played_greedily_patient_g_balances_the_pole_for_more_than_100_steps() -> None:
    class OnCartPole(FAULTS["explores for ever"]):  # type: ignore[misc]
        gamma, learning_rate = 0.95, Agent.learning_rate / 3
        period, epsilon_steps = 100, 3_000

    env = gym.make("CartPole-v1", max_episode_steps=200)
    env.reset(seed=0)
    agent = OnCartPole(4, 2, 0).training_loop(env, 10_000)
    assert agent.log[-1]["return"] < 40
    assert agent.log[-1]["max Q"] > 20
    lengths = []
    for seed in range(20):
        observation, over, steps = env.reset(seed=seed)[0], False, 0
        while not over:
            observation, _, terminated, truncated, _ = env.step(int(agent.online(agent.look(observation)).argmax()))
            over, steps = terminated or truncated, steps + 1
        lengths.append(steps)
    assert np.mean(lengths) > 100


@pytest.mark.parametrize("name", PROBES)
def test_the_exact_values_of_a_probe_solve_bellmans_equation(name: str) -> None:
    """Over random play, an exact value is the mean of reward + gamma * the largest exact value that follows."""
    probe, rng = PROBES[name](), np.random.default_rng(1)
    rows = {tuple(observation): row for row, observation in enumerate(np.float32(probe.observations))}
    seen: dict[tuple[int, int], list[float]] = {}
    observation = np.array(probe.reset()[0])
    for _ in range(4_000):
        action = int(rng.integers(2))
        row = rows[tuple(observation)]
        following, reward, terminated, truncated, _ = probe.step(action)
        worth = 0.0 if terminated else GAMMA * float(probe.exact_q[rows[tuple(following)]].max())
        seen.setdefault((row, action), []).append(reward + worth)
        observation = np.array(probe.reset()[0] if terminated or truncated else following)
    assert len(seen) == probe.exact_q.size
    for place, targets in seen.items():
        assert np.mean(targets) == pytest.approx(probe.exact_q[place])


def test_all_probes_write_into_one_array() -> None:
    for make in PROBES.values():
        probe: Probe = make()
        first = probe.reset()[0]
        assert probe.step(1)[0] is first


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(4))
def test_on_cartpole_the_agent_learns_and_some_broken_ones_do_too(seed: int) -> None:
    def last_return(agent_class: type[Agent]) -> float:
        class OnCartPole(agent_class):  # type: ignore[valid-type, misc]
            gamma, learning_rate = 0.95, agent_class.learning_rate / 3
            period, epsilon_steps = 100, 3_000

        env = gym.make("CartPole-v1", max_episode_steps=200)
        env.reset(seed=seed)
        return OnCartPole(4, 2, seed).training_loop(env, 10_000).log[-1]["return"]

    right = last_return(Agent)
    assert right > 170
    assert last_return(FAULTS["keeps no copy of an observation"]) == right  # CartPole makes a new array in each step
    assert last_return(FAULTS["takes the limit for the end"]) > 150
    assert last_return(FAULTS["stores another action"]) > 150
    for fault in ("bootstraps after the end", "gathers across rows", "never copies to the target", "explores for ever"):
        assert last_return(FAULTS[fault]) < 80


@pytest.mark.parametrize("letter", PATIENTS)
def test_a_patient_is_kept_and_the_agent_that_learns_may_go_home(letter: str) -> None:
    kept = discharge(letter, PATIENTS[letter])
    assert "is not well yet" in kept.text
    assert "The mended part" in kept.html


def test_the_agent_that_learns_may_go_home() -> None:
    assert "may go home" in discharge("A", Agent).text


def test_an_agent_that_does_not_act_on_its_values_is_kept() -> None:
    """Values are learned off-policy: those of this agent are right."""

    class TakesTheSmallest(Agent):
        def select(self, observation: Any) -> int:
            if self.rng.random() < self.epsilon():
                return int(self.rng.integers(self.actions))
            return int(self.online(observation).argmin())

    assert all(abs(q - exact) <= TOLERANCE for q, exact in probe_report(TakesTheSmallest).values())
    assert "seldom takes the action with the largest one" in discharge("A", TakesTheSmallest).text


def test_an_error_of_the_reader_is_told_with_its_line() -> None:
    class Stops(Agent):
        def td_target(self, batch: Any) -> Any:
            return batch.rewards

    told = discharge("A", Stops).text
    assert "AttributeError" in told
    assert "return batch.rewards" in told
    assert "TypeError" in discharge("B", None).text


def test_a_mended_part_of_another_kind_is_right_too() -> None:
    """The verdict is about behaviour: the target behind a mask, written in a loop."""

    class Mended(Agent):
        def td_target(self, batch: Any) -> Any:
            q_next = self.target(batch.next_observation)
            return [float(r + g * max(row)) for r, g, row in zip(batch.reward, batch.discount, q_next, strict=True)]

    assert "may go home" in discharge("A", Mended).text


def test_what_was_found_shows_itself_in_words_and_in_a_picture() -> None:
    found = examine("D", short_run, [short_run(Agent, seed) for seed in (1, 2)])
    bundle = found._repr_mimebundle_()
    assert "time limit" in bundle["text/plain"]
    assert "✗ wrong" in bundle["text/plain"]
    assert "<img alt=" in bundle["text/html"]
    columns = pictures.run_columns({"one": found.log, "another": found.log}, found.beside)
    assert "Seven curves of 2 runs" in columns.alt
    picture = pictures.mask(
        {"a fault": {"one batch": True, "sees": False}, "another": {"one batch": False, "sees": False}}
    )
    assert "a fault: one batch" in picture.alt
    assert "another: nothing" in picture.alt


class WithoutAnnotations(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.Assign | None:
        return ast.Assign([node.target], node.value, lineno=node.lineno) if node.value else None


def without_annotations(code: str) -> str:
    return ast.unparse(WithoutAnnotations().visit(ast.parse(code)))


def classes_of(code: str) -> dict[str, str]:
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.ClassDef)]
    return {node.name: without_annotations(ast.unparse(node)) for node in nodes}


@cache
def cells() -> list[str]:
    [source] = [one for one in read_sources(find_notebooks()) if one.lesson == "when_it_does_not_learn"]
    return [cell.source for cell in source.cells if cell.cell_type == "code"]


def test_the_notebook_shows_the_agent_of_the_package() -> None:
    shown = {name: text for cell in cells() if BEGIN not in cell for name, text in classes_of(cell).items()}
    for kind in (mini_dqn.Network, mini_dqn.Agent):
        assert shown[kind.__name__] == without_annotations(inspect.getsource(kind))


def methods(class_text: str) -> dict[str, str]:
    """The methods of a class by name, without docstrings."""
    [tree] = ast.parse(class_text).body
    assert isinstance(tree, ast.ClassDef)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in functions:
        if ast.get_docstring(node):
            node.body = node.body[1:]
    return {node.name: ast.unparse(node) for node in functions}


def cell_of(letter: str) -> str:
    [cell] = [code for code in cells() if f"class Patient{letter}(" in code]
    return cell


@pytest.mark.parametrize("letter", PATIENTS)
def test_the_notebook_shows_the_patients_as_they_are(letter: str) -> None:
    shown = classes_of(without_solution(cell_of(letter)))[f"Patient{letter}"]
    assert methods(shown) == methods(without_annotations(inspect.getsource(PATIENTS[letter])))


@pytest.mark.slow
@pytest.mark.parametrize("letter", PATIENTS)
def test_the_mended_patients_of_the_notebook_may_go_home(letter: str) -> None:
    namespace: dict[str, Any] = {"np": np, "Agent": Agent, "discharge": lambda letter, agent: None}
    exec(with_solution(cell_of(letter)), namespace)
    assert "may go home" in discharge(letter, namespace[f"Patient{letter}"]).text
