"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dqnkit.classroom.question import Choice, Question, Reply
from dqnkit.lessons.when_it_does_not_learn.clinic import Findings, diagnosis

EVERY, TWO_OR_MORE, LONGEST, NO_PROBE = (
    "all seven",
    "those in which something comes after a step: four of them",
    "the longest one only, the corridor",
    "not one: every reward is learned as before",
)
AS_BEFORE, HALF, NOTHING = (
    "about what it was: there is nothing to learn in random numbers",
    "about half of what it was",
    "less than a thousandth of what it was",
)
RUNS = ("it learns", "learning rate × 300", "never bootstraps", "buffer made anew")


def _failing(failed: set[str]) -> str | None:
    if failed == {"two steps", "two choices", "corridor", "time limit"}:
        return TWO_OR_MORE
    return {0: NO_PROBE, 7: EVERY}.get(len(failed), LONGEST if failed == {"corridor"} else None)


def _fallen(losses: Any) -> str | None:
    share = losses[-1] / losses[0]
    return NOTHING if share < 1e-3 else HALF if 0.3 < share < 0.7 else AS_BEFORE if share > 0.9 else None


def _diagnosed(options: Mapping[str, str]) -> Callable[[Findings], str | None]:
    """Return the outcome of a patient's question, from the option for each fault."""
    return lambda findings: options.get(diagnosis(findings))


QUESTIONS: dict[str, Question] = {
    "no_bootstrap": Choice(
        "An agent whose target is the reward alone, without a bootstrap: which of the seven probes does it fail?",
        {
            EVERY: Reply(
                wrong="Where an episode ends after one step, the reward is the whole value. There the target without a "
                "bootstrap is the right one."
            ),
            TWO_OR_MORE: Reply(
                right="In three probes an episode has a single step: there the reward is the whole value. In the "
                "others a part of the value comes later, and only a bootstrap brings it back."
            ),
            LONGEST: Reply(
                wrong="One step that is not the last is enough: in “two steps” the first pays nothing, and its value "
                "is what comes after it."
            ),
            NO_PROBE: Reply(
                wrong="It does learn each reward. But the value of a step also counts what comes after it, and that "
                "arrives only through the bootstrap."
            ),
        },
        _failing,
    ),
    "random_batch": Choice(
        "One batch holds 32 transitions of random numbers. Their targets are fixed. After 1,000 gradient steps on "
        "this batch alone, the loss of the agent is ...",
        {
            AS_BEFORE: Reply(
                wrong="Nothing in it holds for other transitions. But these 32 can be learned one by one: the network "
                "has many times more weights than they have targets."
            ),
            HALF: Reply(wrong="It went on falling: the network has far more weights than there are targets."),
            NOTHING: Reply(
                right="The network has far more weights than there are targets, so it can learn each of them, whether "
                "there is a rule or not. That is why any batch will do for this test."
            ),
        },
        _fallen,
    ),
    "smallest_loss": Choice(
        "Four agents are trained on CartPole: one that learns, one with 300 times the learning rate, one that never "
        "bootstraps, and one whose replay buffer is made anew in each episode. Which of them has the smallest loss at "
        "the end?",
        {
            RUNS[0]: Reply(
                right="In this run it did.",
                wrong="Its targets rise as its policy gets better, so there is always something left to learn. A loss "
                "says how near the values are to the targets, not whether the targets are right.",
            ),
            RUNS[1]: Reply(
                right="In this run it did, by luck.",
                wrong="Its steps are far too long: each leaps past the target. Its loss is the largest of the four.",
            ),
            RUNS[2]: Reply(
                right="Its target is always 1, the reward, and nothing is easier to learn. It fits its targets almost "
                "perfectly and hardly balances the pole: the loss is not a score.",
                wrong="In this run another one had less.",
            ),
            RUNS[3]: Reply(
                right="In this run it did.",
                wrong="Once its episodes are shorter than a batch, it makes no more updates: its loss stays as it was "
                "at the last one.",
            ),
        },
        lambda losses: min(losses, key=losses.get),
    ),
    "patient_a": Choice(
        "What does patient A suffer from?",
        {
            "values jump because its steps are too large": Reply(
                wrong="Then it would not have learned the batch by heart. And its values do not jump: 5.00 is exactly "
                "1 + 0.8 + 0.64 + ... = 1 / (1 - 0.8)."
            ),
            "its targets are those of an old network, never a newer one": Reply(
                wrong="Then values would be too small wherever something comes later. Here they are too large, even "
                "where nothing comes later."
            ),
            "it adds a future where there is none": Reply(
                right="With a single step that pays 1, the value is 5 = 1 / (1 - 0.8): the reward is counted for "
                "ever. So the target of a last step still has its bootstrap. On CartPole that alone would give 20 "
                "everywhere. Max Q goes far beyond it: the observation after a fall is never learned as an "
                "observation, so what the network says of it is a guess, and the bootstrap feeds on the guess. And no "
                "fall is a loss to this agent, so the pole falls at once."
            ),
            "the maximum over noisy values is too large": Reply(
                wrong="That makes values somewhat too large where many noisy ones compete. Here two equal values of an "
                "environment without any chance come out five times too large."
            ),
        },
        _diagnosed({"bootstraps after the end": "it adds a future where there is none"}),
    ),
    "patient_b": Choice(
        "What does patient B suffer from?",
        {
            "all observations in its buffer have become the same": Reply(
                wrong="The batch that it cannot learn by heart did not come from its buffer. So the fault is in the "
                "gradient step."
            ),
            "its network is too small": Reply(
                wrong="It is the network of the agent that learns, which learns this batch by heart."
            ),
            "its gradient step mixes the rows of a batch": Reply(
                right="It cannot learn one batch by heart: so it is the gradient step. It passes the probes with one "
                "observation, and gives all observations nearly the same values otherwise: each row was compared "
                "with the targets of other rows."
            ),
            "it takes the wrong next observation into its targets": Reply(
                wrong="Targets do not matter for a batch that is learned by heart: any numbers will do. And “sees” "
                "fails, in which no target has a bootstrap."
            ),
        },
        _diagnosed({"gathers across rows": "its gradient step mixes the rows of a batch"}),
    ),
    "patient_c": Choice(
        "What does patient C suffer from?",
        {
            "its bootstrap comes from weights that never change": Reply(
                right="All that needs no bootstrap is learned exactly, and all that does is wrong. The wrong values "
                "come from random first weights. And on CartPole the two networks are more than ten times as far apart "
                "as those of agents that learn, and never come nearer: no copy arrives.",
            ),
            "the bootstrap is missing from its targets": Reply(
                wrong="Near. But then the first value of “two steps” would be exactly 0, and the distance of the two "
                "networks would be small after each copy."
            ),
            "it has not explored enough to find the reward": Reply(
                wrong="Epsilon falls as it should. And in “two steps” there is nothing to be found: every way leads to "
                "the reward."
            ),
            "its discount factor is smaller than was meant": Reply(
                wrong="Then a value in “two steps” would be too small, but not below 0: no reward is negative there. "
                "And the distance of the two networks would be that of the agents that learn."
            ),
        },
        _diagnosed({"never copies to the target": "its bootstrap comes from weights that never change"}),
    ),
    "patient_d": Choice(
        "What does patient D suffer from?",
        {
            "a part of the reward is lost on its way into the buffer": Reply(
                wrong="Then the simpler probes would show it: each of them has exact values."
            ),
            "it is well: one probe of seven may fail by chance": Reply(
                wrong="In a probe nothing is left to chance that matters: the agent that learns passes all seven with "
                "every seed that was tried."
            ),
            "its target network is copied too rarely for a long wait": Reply(
                wrong="In the corridor a value travels as far, from square to square, and every value there is right."
            ),
            "it believes that its future ends when time is up": Reply(
                right="The value is far below 5: the steps after the limit are counted as nothing. Truncation was "
                "stored as termination. CartPole hides it: with gamma 0.95 the end at 200 steps is too far away to be "
                "seen from most steps.",
            ),
        },
        _diagnosed({"takes the limit for the end": "it believes that its future ends when time is up"}),
    ),
    "patient_e": Choice(
        "What does patient E suffer from?",
        {
            "its gradient step mixes the rows of a batch, as that of B": Reply(
                wrong="It has learned a batch by heart, so the gradient step is right. What it learns from is wrong."
            ),
            "what it remembers changes after it was stored": Reply(
                right="It learns a batch that is given to it, and cannot tell observations apart that it stored "
                "itself. The kit's probes write each observation into one array; it kept that array, not a copy. "
                "CartPole makes a new array in each step, so there it does no harm."
            ),
            "its observations are too large for the network": Reply(
                wrong="In the probes no observation is larger than 1."
            ),
            "rewards and observations of different steps are stored together": Reply(
                wrong="Then CartPole would suffer as well: there its curves are those of an agent that learns."
            ),
        },
        _diagnosed({"keeps no copy of an observation": "what it remembers changes after it was stored"}),
    ),
    "patient_f": Choice(
        "What does patient F suffer from?",
        {
            "the smallest value is chosen in place of the largest": Reply(
                wrong="That would spoil the return, but not the values: while epsilon is high, all actions are tried."
            ),
            "its reward is that of the step before": Reply(
                wrong="“sees” is passed, in which the reward belongs to the observation of the same step."
            ),
            "what it did is not what it wrote down": Reply(
                right="Only probes in which the action matters fail. Random actions were executed, other random "
                "actions were stored. When epsilon is low the two are nearly always the same, and the run on CartPole "
                "recovers."
            ),
            "one action is never tried": Reply(
                wrong="Then one column of values would be as at first, in “one step” too. There both are right."
            ),
        },
        _diagnosed({"stores another action": "what it did is not what it wrote down"}),
    ),
    "patient_g": Choice(
        "What does patient G suffer from?",
        {
            "its values are wrong in a way that no probe shows": Reply(
                wrong="On CartPole its max Q ends a little too high, but it rises like that of agents that learn. That "
                "does not explain a return as low as at the start: look at the other curves."
            ),
            "its learning rate is too small for CartPole": Reply(
                wrong="Its max Q rises as fast as that of the agents that learn."
            ),
            "it goes on playing at random": Reply(
                right="It passes every probe: its values there are right. But epsilon never comes down, so its return "
                "is nearly that of a random policy. Greedy episodes would show at once how much it has learned: in "
                "them it balances the pole for more than 100 steps."
            ),
            "its buffer is too small": Reply(wrong="Its buffer fills like those of the agents that learn."),
        },
        _diagnosed({"explores for ever": "it goes on playing at random"}),
    ),
    "patient_h": Choice(
        "What does patient H suffer from?",
        {
            "it adds a future where there is none, as A": Reply(
                wrong="Then it would learn a batch by heart, and the value of “one step” would be 5."
            ),
            "it corrects the value of an action that was not taken": Reply(
                right="In the batch each observation comes with both actions, and only one of its values is ever "
                "corrected: the larger. The other moves only because the two share weights. In “one step” it ends "
                "below 0, where both should be 1."
            ),
            "its gradient step mixes the rows of a batch, as that of B": Reply(
                wrong="Then “one step” would be right, for all rows are the same there."
            ),
            "its learning rate is far too large": Reply(
                wrong="Then its loss on CartPole would be large and its networks far apart. Both curves lie within the "
                "grey range or below it."
            ),
        },
        _diagnosed({"moves the largest value": "it corrects the value of an action that was not taken"}),
    ),
}
