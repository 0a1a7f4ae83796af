"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dqnkit.classroom.question import Choice, Number, Question, Reply
from dqnkit.types import Array

DENSE, CONVOLUTION, EQUAL = "the dense layers", "the convolution", "both about as many"
SAME_ORDER, ALL_GOOD, MIXED = (
    "the same order as in the table",
    "all of them earn nearly 1,000; the low ones were accidents",
    "with more than one number some seeds do well and others badly",
)
WELL, BADLY = 900, 500  # of 1,000
WANDERS, SOON, CIRCLES, DONE = (
    "it walks about at random until the time is over",
    "it ends the episode early, without the goal",
    "it does the same thing again and again until the time is over",
    "it finds the goal, only later",
)
SKILFUL, CRASHES, CRAWLS, NOTHING = (
    "to drive fast and to pass the others",
    "to drive fast until it hits somebody",
    "to keep to the right lane, slowly",
    "nothing: it drives as at random",
)
BOTH, CAR, CARTPOLE, NEITHER = (
    "both gain",
    "the car gains, CartPole does not",
    "CartPole gains, the car does not",
    "neither gains",
)


def _more_weights(weights: Mapping[str, int]) -> str:
    """From the number of weights of each network."""
    dense, convolution = weights["dense"], weights["convolution"]
    if abs(dense - convolution) < 0.1 * max(dense, convolution):
        return EQUAL
    return DENSE if dense > convolution else CONVOLUTION


def _more_seeds(returns: Mapping[str, Sequence[float]]) -> str:
    """From the greedy return of each seed with each number of forces."""
    if min(min(seeds) for seeds in returns.values()) > BADLY:
        return ALL_GOOD
    apart = [max(seeds) > WELL and min(seeds) < BADLY for seeds in returns.values()]
    return MIXED if sum(apart) > 1 else SAME_ORDER


def _unpaid(steps_and_longest: tuple[Array, float]) -> str | None:
    """From the steps of the greedy episodes that were not paid, and the longest that an episode can be."""
    steps, longest = steps_and_longest
    if not len(steps):
        return None
    return CIRCLES if float(np.mean(steps == longest)) > 0.5 else SOON


def _car(found: Mapping[str, float]) -> str:
    """From the share of episodes with a crash, and the mean speed."""
    if found["speed"] < 23:
        return CRAWLS
    return CRASHES if found["crashed"] > 0.5 else SKILFUL


def _gain(rates: Mapping[str, Sequence[float]]) -> str | None:
    """From the steps a second in process, and with two workers; None where other programs used the cores."""
    (cartpole, cartpole_two), (car, car_two) = rates["CartPole"], rates["the car"]
    gains = cartpole_two > 1.1 * cartpole, car_two > 1.1 * car
    return {(False, True): CAR, (True, True): BOTH}.get(gains)


QUESTIONS: dict[str, Question] = {
    "random": Number(
        "What does an episode earn, on average, if every action is drawn at random?",
        unit="return",
        range=(-1_000, 1_000),
        reason="Whatever an agent earns has to be compared with this, and not with 0. Where a random policy earns "
        "nothing at all, ever, an agent has nothing to begin with: then the reward, or the way to it, must be made "
        "easier first.",
    ),
    "minutes": Number(
        "How many minutes will the whole run take, in one process on this computer?",
        unit="minutes",
        range=(0.01, 100_000),
        reason="The time of all steps and the time of all updates, added up; compiling and the first steps without "
        "updates change little.",
    ),
    "discount": Number(
        "With gamma = 0.95, after how many steps does a reward count for less than a tenth?",
        unit="steps",
        range=(1, 10_000),
        replies={
            (
                1,
                2,
            ): "That would be so with a gamma of about 0.1. Each step takes only a twentieth away.",
            (
                200,
                10_000,
            ): "After so many steps hardly anything is left: 0.95 is multiplied by itself once for each step.",
        },
        reason="A rule of thumb: 1 / (1 - gamma) steps, here 20, leave a third; a little more than twice as many "
        "leave a tenth.",
    ),
    "network": Choice(
        "Breakout's board has 10 x 10 x 4 numbers. One network puts a dense layer of 64 units on them. The other puts "
        "a convolution with 32 filters of 4 x 4 in front of it, in steps of 2. Which has more weights?",
        {
            DENSE: Reply(
                right="The convolution leaves fewer numbers for the dense layer than there were.",
                wrong="The filters themselves are few weights. But 32 filters give 32 numbers at each of their "
                "places, and the dense layer behind them gets all of these.",
            ),
            CONVOLUTION: Reply(
                right="The filters are few weights, but they give 32 numbers at each of 4 x 4 places: the dense layer "
                "behind them gets more numbers than the board has.",
                wrong="The filters share their weights over all places, and leave fewer numbers for the dense layer.",
            ),
            EQUAL: Reply(
                right="What the filters save, the dense layer behind them needs.",
                wrong="The dense layer behind the filters gets another number of inputs than the board has.",
            ),
        },
        _more_weights,
    ),
    "replay": Number(
        "A buffer of 200,000 transitions, each with two observations, stored as they come. How many megabytes is that "
        "for Atari, with four frames of 84 x 84 bytes in an observation?",
        unit="MB",
        range=(0.1, 1_000_000),
        replies={
            (0.1, 1_000): "Count again: one observation is 28,224 bytes, and there are two in each transition.",
        },
        reason="This is why frames are kept as bytes, and each of them once.",
    ),
    "trained": Number(
        "What will the last 100 episodes of this run earn, on average?",
        unit="return",
        range=(-1_000, 1_000),
        reason="A short run tells whether the parts fit together, and how fast they are. How good the agent can "
        "become, whole runs tell.",
    ),
    "forces": Choice(
        "What do the five seeds of each number show?",
        {
            SAME_ORDER: Reply(
                right="What one seed said, the others say as well.",
                wrong="The order of the table was that of one seed. Another seed has another order.",
            ),
            ALL_GOOD: Reply(
                right="They were two bad runs.",
                wrong="There are more bad runs, and not only with one number.",
            ),
            MIXED: Reply(
                right="With five and with seven forces the seeds of one number lie further apart than the two numbers. "
                "Whoever has one run of each can prove whatever that run says. What all five seeds of three forces "
                "say is another matter.",
                wrong="The seeds agree with each other here.",
            ),
        },
        _more_seeds,
    ),
    "stuck": Choice(
        "What does the greedy policy do in the episodes that are not paid?",
        {
            WANDERS: Reply(wrong="A greedy policy draws nothing: it never does anything at random."),
            SOON: Reply(
                right="It ends them itself.",
                wrong="Nothing ends an episode in this room but the goal and the time.",
            ),
            CIRCLES: Reply(
                right="Its values in one place send it to another, and its values there send it back. The same "
                "observation gives the same action, for ever. A random action can break the circle, sometimes only "
                "after many steps, so with a little epsilon the return looks better than the policy is. Epsilon only "
                "hides it: what was missing is more training.",
                wrong="It ends them sooner than that.",
            ),
            DONE: Reply(wrong="Then they would have been paid."),
        },
        _unpaid,
    ),
    "car": Choice(
        "What has the agent learned?",
        {
            SKILFUL: Reply(
                right="It is fast and hits nobody.",
                wrong="That is what was meant. Look at how its episodes end.",
            ),
            CRASHES: Reply(
                right="It goes at full speed until it hits somebody. A crash costs 1, once; a careful drive costs more "
                "than that every few seconds, and a crash ends it.",
                wrong="It hits few.",
            ),
            CRAWLS: Reply(
                right="It takes no risk at all.",
                wrong="Slow is what this reward punishes most.",
            ),
            NOTHING: Reply(wrong="Its return has risen, and its speed is far from what random actions give."),
        },
        _car,
    ),
    "workers": Choice(
        "Two workers on this computer, against one process that acts alone. Who makes clearly more steps a second?",
        {
            BOTH: Reply(
                right="Both: there were cores enough. CartPole gains less, for the messages take much of it.",
                wrong="For CartPole the messages cost more than the second worker brings.",
            ),
            CAR: Reply(
                right="A step of the car takes some milliseconds, beside which its share of a message is small. A step "
                "of CartPole takes some hundredths of a millisecond, less than its share of a message.",
                wrong="CartPole gained as well here: there were cores enough.",
            ),
            CARTPOLE: Reply(wrong="A step of the car is far more work than a message: it has more to gain, not less."),
            NEITHER: Reply(wrong="A step of the car is so much work that its share of a message is small beside it."),
        },
        _gain,
    ),
}
