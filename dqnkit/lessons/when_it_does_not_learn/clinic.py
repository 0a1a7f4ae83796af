"""The clinic: a broken agent is examined, a diagnosis is made from what is found, and a mended one is discharged."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqnkit.classroom import plain_source, rich_text
from dqnkit.classroom.rich_text import RichText
from dqnkit.lessons.when_it_does_not_learn.overfit import hand_made_batch
from dqnkit.lessons.when_it_does_not_learn.patients import PATIENTS
from dqnkit.lessons.when_it_does_not_learn.probes import PROBES, STEPS, TOLERANCE, Probe

OVERFIT_STEPS = 1_000
LEARNED_BY_HEART = 1e-3  # the loss of one batch below which it is learned by heart
ACTIONS_TRIED = 50  # for an observation: at the end one in twenty is random

Log = Sequence[Mapping[str, float]]
Report = dict[str, tuple[float, float]]


def probe_report(agent_class: Any, probes: Mapping[str, Callable[[], Any]] = PROBES, seed: int = 0) -> Report:
    """Train a fresh agent on each probe: name -> the Q-value that is furthest from the exact one, and the exact one."""
    return {name: _worst(*_train(agent_class, probe(), seed)) for name, probe in probes.items()}


def _train(agent_class: Any, probe: Probe, seed: int) -> tuple[Any, Probe]:
    agent = agent_class(probe.observations.shape[1], 2, seed)
    with np.errstate(all="ignore"):
        return agent.training_loop(probe, STEPS), probe


def _worst(agent: Any, probe: Probe) -> tuple[float, float]:
    exact = np.asarray(probe.exact_q, dtype=np.float64)  # [S, A]; the reader's probe may hold a list
    q = agent.online(agent.look(probe.observations))  # [S, A]
    worst = np.abs(q - exact).argmax()
    return float(q.flat[worst]), float(exact.flat[worst])


def is_passed(learned: float, exact: float) -> bool:
    """Whether the value furthest from the exact one is near enough."""
    return bool(abs(learned - exact) <= TOLERANCE)


def overfit_loss(agent_class: Any, seed: int = 0) -> float:
    """The loss of one fixed batch after a thousand gradient steps on it."""
    agent, batch = agent_class(4, 2, seed), hand_made_batch()
    targets = agent.td_target(batch)
    with np.errstate(all="ignore"):
        return float([agent.train_step(batch, targets) for _ in range(OVERFIT_STEPS)][-1])


@dataclass(frozen=True)
class Findings:
    """What the probes, one batch and a run on CartPole showed of an agent. The value of a cell: it shows itself."""

    name: str
    report: Report
    overfit: float  # loss
    log: Log
    beside: Sequence[Log] = ()  # runs that learned

    @property
    def failed(self) -> set[str]:
        """The probes that it failed."""
        return {name for name, values in self.report.items() if not is_passed(*values)}

    @property
    def overfits(self) -> bool:
        """Whether it has learned one batch by heart."""
        return self.overfit < LEARNED_BY_HEART

    @property
    def last_epsilon(self) -> float:
        """Epsilon at the end of the run on CartPole."""
        return float(self.log[-1]["epsilon"])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from dqnkit.lessons.when_it_does_not_learn.pictures import findings_table, run_chart

        table = findings_table(self.report, self.overfit)
        chart = run_chart(self.log, self.beside, title=f"{self.name} on CartPole")
        return {"text/html": table.html + chart.html, "text/plain": f"{self.name}\n{table.text}\n{chart.alt}"}


def examine(letter: str, make_run: Callable[[Any], Any], beside: Sequence[Any] = ()) -> Findings:
    """Train a patient on every probe, on one batch and on CartPole.

    Args:
        letter: of the patient.
        make_run: trains an agent of a class on CartPole, and returns it.
        beside: agents that learned there, to compare with.
    """
    patient = PATIENTS[letter]
    report, overfit = probe_report(patient), overfit_loss(patient)
    with np.errstate(all="ignore"):
        log = make_run(patient).log
    return Findings(f"Patient {letter}", report, overfit, log, [agent.log for agent in beside])


def diagnosis(findings: Findings) -> str:
    """Return the fault that the findings speak for: the simplest test that failed says where to look."""
    failed = findings.failed
    learned, _ = findings.report["one step"]
    if not findings.overfits:
        return "moves the largest value" if "one step" in failed else "gathers across rows"
    if "one step" in failed:
        return "bootstraps after the end" if learned > 1 else "copies the wrong way"
    if "sees" in failed:
        return "keeps no copy of an observation"
    if "chooses" in failed:
        return "stores another action"
    if "two steps" in failed:
        return "never copies to the target"
    if "time limit" in failed:
        return "takes the limit for the end"
    return "explores for ever" if findings.last_epsilon > 0.5 else "none"


def discharge(letter: str, agent_class: Any) -> RichText:
    """Judge a mended patient by what it does: it must pass all probes, learn one batch by heart, and stop exploring.

    No error of the reader's code is raised here.
    """
    try:
        problems = _problems(agent_class)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        problems = [f"It stopped with an error: {type(error).__name__}: {error} (line {last.lineno}: {last.line})."]
    return _verdict(letter, problems)


def _problems(agent_class: Any) -> list[str]:
    """What is still wrong with an agent, in sentences; the first one found by the simplest means."""
    if not overfit_loss(agent_class) < LEARNED_BY_HEART:
        return ["It does not learn one fixed batch by heart."]
    for name, probe in PROBES.items():
        agent, trained_on = _train(agent_class, probe(), seed=1)
        learned, exact = _worst(agent, trained_on)
        if not is_passed(learned, exact):
            return [f"It fails the probe “{name}”: a value of {learned:.2f} where {exact:.2f} is right."]
        if agent.epsilon() > 0.1:
            return [f"All values are right, but after {STEPS:,} steps epsilon is still {agent.epsilon():.2f}."]
        if not _acts_on_its_values(agent, trained_on):
            return [f"Its values of the probe “{name}” are right, but it seldom takes the action with the largest one."]
    return []


def _acts_on_its_values(agent: Any, probe: Probe) -> bool:
    """Whether the action that it mostly takes is a best one, for each observation."""
    for observation, exact in zip(agent.look(probe.observations), np.asarray(probe.exact_q), strict=True):
        taken = [agent.select(observation) for _ in range(ACTIONS_TRIED)]
        if exact[max(set(taken), key=taken.count)] < exact.max() - TOLERANCE:
            return False
    return True


def _verdict(letter: str, problems: Sequence[str]) -> RichText:
    if not problems:
        title = f"Patient {letter} may go home"
        text = "It passes all seven probes and acts on its values, learns one batch by heart, and its epsilon falls."
        return rich_text.message("passed", title, text)
    title = f"Patient {letter} is not well yet"
    part, mended = _mended_part(letter)
    help = rich_text.fold("Stuck? The mended part", rich_text.code(mended))
    text = " ".join(problems) + f" The part to mend is `{part}`."
    return RichText(rich_text.box("wrong", title, rich_text.prose(text) + help), f"✗ {title}\n{text}")


def _mended_part(letter: str) -> tuple[str, str]:
    """The name of the part in which a patient differs from the agent that learns, and the agent's code of it."""
    patient = PATIENTS[letter]
    [part] = [name for name, value in vars(patient).items() if inspect.isfunction(value)]
    return part, plain_source.plain(inspect.getsource(getattr(patient.__mro__[1], part)))
