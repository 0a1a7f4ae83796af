"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Mapping

from dqnkit.classroom.question import Choice, Number, Question, Reply
from dqnkit.types import FloatArray

CANCEL, MORE, LESS = "about -0.1: errors up and down cancel out", "clearly more than -0.1", "clearly less than -0.1"
ALIKE, LARGER_N, SMALLER_N = (
    "about the same for n = 1, 3 and 10",
    "n = 1 hardly ever, n = 3 and 10 nearly always",
    "n = 1 nearly always, larger n less and less",
)
ALL_ZERO, ONE_ZERO, FALLING = (
    "near 0 for every n",
    "near 0 for n = 1, not for n = 3 and 10",
    "smaller, the larger n is",
)
NEAR_0 = 0.1  # an error below this is
NO_FEWER, TWO, MORE_THAN_3 = "about as many", "2 to 3 times as many", "more than 3 times as many"
BOTH, WHERE_ALIKE, NEITHER = (
    "in both",
    "where the actions are alike; where they differ it harms",
    "in neither: a table needs no such thing",
)
PARTS, NONE = ("double", "3-step", "prioritized", "dueling"), "none of them clearly"


def _maximum(mean: float) -> str:
    return MORE if mean > -0.05 else LESS if mean < -0.15 else CANCEL


def _arrived(shares: Mapping[int, float]) -> str | None:
    """From the share of seeds whose policy arrives, for each n; None where no option describes it."""
    if max(shares.values()) - min(shares.values()) <= 0.15:
        return ALIKE
    if shares[1] <= 0.3 and min(shares[3], shares[10]) >= 0.8:
        return LARGER_N
    return SMALLER_N if shares[1] >= 0.8 and shares[1] > shares[3] >= shares[10] else None


def _off_policy(errors: Mapping[int, float]) -> str | None:
    """From the last error for each n; None while even that with n = 1 is not near 0: the run was too short."""
    if errors[10] < errors[3] < errors[1]:
        return FALLING
    if errors[1] >= NEAR_0:
        return None
    return ALL_ZERO if max(errors.values()) < NEAR_0 else ONE_ZERO


def _times_fewer(ratio: float) -> str:
    return MORE_THAN_3 if ratio > 3 else TWO if ratio >= 1.5 else NO_FEWER


def _dueling(errors: Mapping[tuple[str, str], float]) -> str:
    """From the error half-way, for each world and each kind of table."""
    helps = errors["alike", "dueling"] < errors["alike", "plain"]
    harms = errors["different", "dueling"] > errors["different", "plain"]
    return WHERE_ALIKE if helps and harms else BOTH if helps else NEITHER


def _best_part(returns: Mapping[str, FloatArray]) -> str:
    """From the return of each seed, with each part and with none: a part is better if all its seeds are."""
    clear = {part: returns[part].mean() for part in PARTS if returns[part].min() > returns["no part"].max()}
    return max(clear, key=lambda part: clear[part]) if clear else NONE


QUESTIONS: dict[str, Question] = {
    "maximum": Choice(
        "If you did all of this a thousand times, what would your estimate of the best machine be on average? (The "
        "truth: -0.1)",
        {
            CANCEL: Reply(
                wrong="They cancel out in each average. But the maximum does not take an average at random: it takes "
                "the luckiest of ten."
            ),
            MORE: Reply(right="The maximum takes the luckiest of ten averages, so on average it is too high."),
            LESS: Reply(
                wrong="For that the maximum would have to prefer averages that are too low. It prefers those that are "
                "too high."
            ),
        },
        _maximum,
    ),
    "wrong": Number(
        "In which share of its first 300 episodes does plain Q-learning, with one table, take a wrong first action?",
        unit="%",
        range=(0, 100),
        replies={
            (0, 15): "An agent that knows the values errs so rarely. This one acts on its maximum, which is above 0.",
            (
                80,
                95,
            ): "So does an agent that chooses at random. This one is worse: it prefers the wrong actions.",
            (
                15,
                80,
            ): "It is worse: after a few visits the second state looks better than 0, and a maximum over ten noisy "
            "values stays high however long one learns with this alpha.",
        },
    ),
    "near-greedy": Choice(
        "We try n = 1, 3 and 10 with ten seeds each. In how many of the ten does this greedy policy arrive after 20 "
        "episodes?",
        {
            ALIKE: Reply(
                right="In this run the seeds arrived about equally often.",
                wrong="In the end they may be alike. But with n = 1 the news of the goal comes mostly one move closer "
                "to the start in each episode, or none, and each visit moves a value only a tenth of the way (alpha).",
            ),
            LARGER_N: Reply(
                right="With n = 1 the news of the goal comes mostly one move closer to the start in each episode, or "
                "none. With n = 3 or 10 it comes several moves closer at a time.",
                wrong="Longer sums carry news faster, but in this run it made no clear difference.",
            ),
            SMALLER_N: Reply(
                wrong="Longer sums are noisier, that is true. But here the rewards are exact, and the news is slow."
            ),
        },
        _arrived,
    ),
    "off-policy": Choice(
        "After 20,000 random steps with n = 1, 3 and 10: how large is each error against $Q^*$?",
        {
            ALL_ZERO: Reply(
                wrong="The rewards inside the window came from random actions. The sum is what those actions earn, "
                "and nothing in the target corrects for it."
            ),
            ONE_ZERO: Reply(
                right="With n = 1 the target holds one reward, which is right whatever the policy does next. Longer "
                "sums hold what random actions earned."
            ),
            FALLING: Reply(
                wrong="News travels faster with a large n, but it is news of the random policy: the sum is what random "
                "actions earned."
            ),
        },
        _off_policy,
    ),
    "priorities": Choice(
        "Uniform replay needs how many times as many updates as prioritized replay?",
        {
            NO_FEWER: Reply(
                right="In these runs both needed about as many updates.",
                wrong="Uniform replay draws the one transition with a reward about once in 2,000 updates, and then the "
                "values before it are still to be learned.",
            ),
            TWO: Reply(
                right="In these runs one to two thirds of the uniform draws were of use.",
                wrong="Almost every TD error here is 0 at first, so almost every uniform draw teaches nothing, not "
                "every second one.",
            ),
            MORE_THAN_3: Reply(
                right="Almost every TD error here is 0 at first, so almost every uniform draw teaches nothing. "
                "Priorities find the few transitions that teach something.",
                wrong="Almost every uniform draw teaches nothing at first, but in these runs the gain was smaller.",
            ),
        },
        _times_fewer,
    ),
    "dueling": Choice(
        "Where does dueling help?",
        {
            BOTH: Reply(
                right="In these runs it helped where the actions differ, too.",
                wrong="Sharing helps where what is learned of one action is true of all. Ten different rewards have "
                "nothing in common.",
            ),
            WHERE_ALIKE: Reply(
                right="What is learned of one action is learned of all. That is a gain where they are alike, and an "
                "error where they are not.",
                wrong="It is so in most runs. In these the two tables gave another result.",
            ),
            NEITHER: Reply(
                right="In these runs the shared part gained nothing.",
                wrong="A table learns each action by itself. Where many actions are alike, that takes many more "
                "updates.",
            ),
        },
        _dueling,
    ),
    "ablation": Choice(
        "Which single part raises the return most in these 20,000 steps?",
        {
            "double": Reply(
                right="Its seeds all lie above those without a part.",
                wrong="Most of its dots lie higher, but one lies within the band, so five seeds do not settle it. And "
                "overestimation can hardly be what holds this run back: the next plot shows values that are far too "
                "low.",
            ),
            "3-step": Reply(
                right="All of its dots are clear of the band. The target network is copied only 12 times in this run, "
                "and each copy carries the news three steps back instead of one; the next plot shows it.",
                wrong="In this recording its dots are not clear of the band.",
            ),
            "prioritized": Reply(
                right="Its seeds all lie above those without a part.",
                wrong="CartPole pays 1 in every step. There is no rare reward to look for.",
            ),
            "dueling": Reply(
                right="Its seeds all lie above those without a part.",
                wrong="With two actions there is little to share: each is tried every second time anyway while the "
                "agent explores. The gain grows with the number of actions; the corridor had twenty.",
            ),
            NONE: Reply(
                right="No part has all its seeds above those without a part.",
                wrong="One single part is clear of the band with every seed.",
            ),
        },
        _best_part,
    ),
}
