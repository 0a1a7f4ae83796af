"""No answer stands beside its question: not in the notebook above it, and not in the cells up to where it is compared.

A notebook is read here as its reader sees it before the first cell has run: text and source, captions and comments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("jupytext")

from dqnkit.authoring.source import Source, filled, read_sources, without_solution
from dqnkit.classroom.course import LESSONS
from dqnkit.classroom.question import Choice, Question, questions_of

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
IDS = [f"{lesson}-{name}" for lesson in LESSONS for name in questions_of(lesson)]

# What would tell the answer, as regular expressions: case does not matter, and every line break is one space.
TELLS: dict[str, tuple[str, ...]] = {
    "start_here-random": (r"mean .{0,30}\b2[0-9]\b", r"random policy (earns|gets|reaches)"),
    "start_here-angle": (
        r"best episode is short",
        r"swings? (a little )?further",
        r"is better than both",
        r"\b4\d\.\d\b",
    ),
    "q_update-rewards": (r"goes wrong", r"(two|2) (of the )?squares", r"knows (only )?the last step", r"did not help"),
    "q_update-alpha": (
        r"0\.1 takes longer",
        r"stays where it is",
        r"noisy for ever",
        r"still on its way",
        r"goes lower",
    ),
    "q_update-epsilon": (r"must explore", r"has never seen 1", r"content with 0\.2", r"at random works", r"too rarely"),
    "q_update-gamma": (r"\b0\.8[1-3]\b", r"gamma\^8"),
    "q_network-repeats": (r"too many states", r"why not a table", r"why CartPole needs", r"never be looked up twice"),
    "q_network-stop": (r"dragged", r"from both sides", r"past to the future", r"next square's .{0,20}value"),
    "q_network-moves": (
        r"moves everything",
        r"network's changes",
        r"nothing to do with",
        r"turn out to be its trouble",
    ),
    "q_network-alone": (
        *(r"(never|nor) comes? to rest", r"unstable", r"gets wrong", r"is it calm", r"comes to rest at 0"),
        *(r"falls to 0 and stays", r"turn out to be its trouble", r"other parts move", r"only shakes", r"drifts"),
    ),
    "q_network-published": (r"\bflat\b", r"hardly any slope", r"one mean", r"\[B, B\]", r"averaged"),
    "replay-left": (
        *(r"forg[eo]t", r"would not mind", r"moves the values everywhere", r"is lost", r"\bcures\b"),
        r"share the parameters",
    ),
    "replay-capacity": (
        r"is not enough",
        r"whole world",
        r"which line ends low",
        r"beyond the time",
        r"one corner is still",
    ),
    "replay-often": (r"drawn 32 times", r"samples per insert", r"whatever the capacity"),
    "replay-truncated": (r"33\.6", r"1 ?/ ?T\b", r"1 / LIMIT", r"two thirds of the value", r"lower dotted line"),
    "target_network-gamma": (r"explode", r"run(s|ning)? away", r"which of the two passes", r"grows\b", r"decides it"),
    "target_network-start": (r"\bwaves?\b", r"one for each copy", r"one square in a period", r"(seven|7) copies"),
    "target_network-period": (r"too short", r"too long", r"which never will", r"every 50 (is|ends)", r"freshest"),
    "target_network-cartpole": (r"nine got there", r"about 155", r"475 (after|at step)"),
    "target_network-returns": (
        *(r"can \*?not\*? show", r"does not show", r"was it the target network", r"tempting"),
        *(r"come apart", r"further apart", r"tunes by chance", r"noisy"),
    ),
    "when_it_does_not_learn-no_bootstrap": (
        *(r"three probes", r"four (of|probes)", r"needs? a bootstrap", r"is the whole value", r"without a bootstrap"),
    ),
    "when_it_does_not_learn-random_batch": (r"falls to", r"more weights than", r"learn(s|ed)? each", r"loss must"),
    "when_it_does_not_learn-smallest_loss": (
        *(r"not a score", r"targets are too easy", r"nearly 0 from the start", r"hardly balances", r"always 1\b"),
    ),
    "when_it_does_not_learn-patient_a": (r"(past|after|beyond) the end", r"last step still", r"for ever is counted"),
    "when_it_does_not_learn-patient_b": (r"\bgather", r"across rows", r"mix(es)? (the )?rows", r"other rows"),
    "when_it_does_not_learn-patient_c": (
        *(r"(is|are) never copied", r"never (syncs|changes)", r"name is bound", r"first weights", r"stale"),
    ),
    "when_it_does_not_learn-patient_d": (
        *(r"truncat\w+ (is|was|as|for)( stored as)? (a )?terminat", r"stored as an end", r"limit for the end"),
    ),
    "when_it_does_not_learn-patient_e": (r"keeps no copy", r"asarray\b.{0,60}(copy|same)", r"changes after it"),
    "when_it_does_not_learn-patient_f": (r"selects? twice", r"another action", r"not the one that was executed"),
    "when_it_does_not_learn-patient_g": (r"epsilon never", r"explores for ever", r"anew with each", r"stays at random"),
    "when_it_does_not_learn-patient_h": (r"moves the largest", r"in place of the action", r"was not taken"),
    "beyond_dqn-maximum": (
        *(
            r"is too (large|high)",
            r"too good to be true",
            r"overestimat",
            r"that are too high",
            r"\bcure\b",
            r"luckiest",
        ),
    ),
    "beyond_dqn-wrong": (r"going on seems to pay", r"stays above 0", r"again and again", r"\b90 ?%"),
    "beyond_dqn-near-greedy": (
        r"where it helps:",
        r"speeds learning",
        r"travels slowly",
        r"one square nearer",
        r"faster news",
    ),
    "beyond_dqn-off-policy": (r"where it harms", r"answer wrong", r"which lines go down", r"rest above", r"\bbias\b"),
    "beyond_dqn-priorities": (r"is made for it", r"most of replay teaches nothing", r"times fewer", r"saved most"),
    "beyond_dqn-dueling": (
        *(r"similar actions:", r"all much the same", r"hardly matters", r"helps somewhere", r"several times sooner"),
        *(r"disturbs", r"for all actions, and"),
    ),
    "beyond_dqn-ablation": (r"Hessel", r"missed most", r"why the n-step", r"3 is about 32", r"changes nothing here"),
    "rollouts_on_dask-dice": (r"\bpure\b", r"same arguments, the same", r"does not run a key", r"result it has"),
    "rollouts_on_dask-survives": (r"after another worker died", r"looks made for", r"made again", r"recipe"),
    "rollouts_on_dask-stream": (r"recording [12] (is|has|waits)", r"in rounds", r"red bars? in", r"needs an array"),
    "rollouts_on_dask-throughput": (
        *(r"rarely four times", r"limit you have met: cores", r"the other one leave", r"four\[1\]", r"not clear on"),
        *(r"busy brings nothing", r"waiting needs no"),
    ),
    "rollouts_on_dask-amdahl": (
        r"rarely four times",
        r"lies near Amdahl",
        r"\b2\.5 times",
        r"stream not care",
        r"= 2\.5\b",
    ),
    "rollouts_on_dask-lag": (
        r"does harm",
        r"harms",
        r"far too strict",
        r"first row whose",
        r"good work away",
        r"only late",
    ),
    "strategy_learner-sum": (r"times too l", r"\btwice as", r"one division", r"already has the size"),
    "strategy_learner-apply": (
        r"sums? over the replicas",
        r"-twice\b",
        r"twice as",
        r"once more",
        r"n-th part",
        r"by itself\.\*\*",
    ),
    "strategy_learner-optimizer": (
        r"hardly be seen",
        r"\bhides?\b",
        r"\bhid\b",
        r"forgives",
        r"would you have noticed",
        r"cancels",
    ),
    "strategy_learner-speed": (
        r"gains? (no speed|nothing)",
        r"is above the dark",
        r"the rest is",
        r"exchange takes?\b",
    ),
    "strategy_learner-straggler": (r"slowest decides", r"\b13\.[0-9]", r"2\.7 times", r"slowest of the eight"),
    "train_on_a_cluster-limit": (r"cheaper than", r"the learner sets the pace", r"actors are never the limit"),
    "train_on_a_cluster-sides": (r"\(A, D\)", r"so little to do", r"in B (and|the)", r"is the limit \("),
    "train_on_a_cluster-speed": (
        r"became of the speed",
        r"no help there",
        r"gains little",
        r"help nothing",
        r"and which does not",
        r"may well lose",
    ),
    "train_on_a_cluster-waits": (
        *(
            r"became of the speed",
            r"gains with every",
            r"which line rises",
            r"four < 3",
            r"not clear on",
            r"needs no core",
        ),
    ),
    "train_on_a_cluster-lost": (r"two or three rollouts", r"rollouts are lost"),
    "train_on_a_cluster-death": (r"survives", r"made again", r"did nothing break", r"goes in once", r"replay twice"),
    "train_on_a_cluster-weights": (r"bit for bit", r"fingerprint differs", r"\bbits\b", r"last bit"),
    "train_on_a_cluster-bytes": (r"transitions (take|need) more", r"weights (take|need) more", r"a usual order"),
    "cloud-weekend": (r"hundred times", r"hundredfold", r"surprise people", r"63 hours", r"nobody ended"),
    "cloud-knee": (r"knee of", r"\b\d+ workers are enough", r"then comes the \*\*knee"),
    "cloud-first": (
        r"knows its own end",
        r"before it does anything else",
        r"first command .{0,20}(end|shutdown)",
        r"shutdown",
    ),
    "cloud-spot": (r"new machine", r"replace(d|ment)", r"the dip\b", r"how deep", r"made again"),
    "cloud-orphan": (
        r"nothing is left",
        r"they did\.",
        r"knows its own end",
        r"and its end\b",
        r"nobody ended them: they",
    ),
    "applications-random": (r"random policy (earns|gets)", r"at random .{0,30}\bearns (nothing|about|-?[0-9])"),
    "applications-minutes": (r"whole run takes", r"\b\d+ minutes in one process"),
    "applications-discount": (r"\b45\b", r"0\.95\*\*45"),
    "applications-network": (r"is not smaller", r"gets more numbers", r"32,8\d\d", r"more weights than the dense"),
    "applications-replay": (r"\b11,?29\d", r"28,224", r"eleven gigabytes", r"11 GB"),
    "applications-trained": (r"hardly moved", r"has not moved from", r"little to show"),
    "applications-forces": (
        *(r"table of luck", r"seeds? lie further apart", r"one run of each", r"one run for each", r"bad luck"),
    ),
    "applications-stuck": (
        *(r"\bstuck\b.{0,40}polic", r"in (a )?circles?", r"same (observation|action)s? .{0,20}again"),
        *(r"back and forth", r"\bloops?\b", r"breaks the circle", r"went on to the limit of \d"),
    ),
    "applications-car": (r"reward hacking", r"crash .{0,20}cheaper", r"what it was paid for", r"hits? somebody"),
    "applications-workers": (
        *(r"the car gains", r"CartPole (gains|has) nothing", r"a message costs nothing", r"workers pay where"),
        *(r"the honest case", r"how much work is in a step"),
    ),
}

# What once stood beside its question. The expressions must find it.
ONCE = [
    ("start_here-angle", "the policy that looks is better than both that do not, but even its best episode is short."),
    ("q_update-rewards", "## 2 · What goes wrong without it: remembering rewards"),
    ("q_update-alpha", "alpha 1 comes down first and stays where it is; 0.1 takes longer and goes lower"),
    ("q_update-epsilon", "## 8 · Epsilon: why an agent must explore"),
    ("q_network-repeats", "Most problems have too many states for that."),
    ("q_network-moves", "## 7 · One update moves everything"),
    ("q_network-alone", "the surface finds its way to the dots, and never comes to rest"),
    ("q_network-alone", "The table's error falls to 0 and stays there."),
    ("q_network-published", 'predict("q_network-flat")'),
    ("replay-left", "show how a network forgets what it learned when its data comes in order"),
    ("replay-left", 'predict("replay-forget")'),
    ("replay-left", "In a network all squares share the parameters."),
    ("replay-truncated", '"1 / (1 − γ (1 − 1/T))": 1 / (1 - GAMMA_CARTPOLE * (1 - 1 / LIMIT))'),
    ("target_network-gamma", "In this notebook you see training explode without it"),
    ("target_network-start", "So news of the goal spreads in waves, one for each copy."),
    ("target_network-period", "## 4. Too short, too long"),
    ("target_network-returns", "say what a final return can *not* show;"),
    (
        "when_it_does_not_learn-random_batch",
        "the loss must fall to nearly 0, for the network has more weights than targets",
    ),
    ("when_it_does_not_learn-smallest_loss", "nearly 0 from the start: the targets are too easy. It is not a score"),
    ("when_it_does_not_learn-patient_a", "one bootstraps after the end of an episode"),
    ("when_it_does_not_learn-patient_d", "truncation was stored as an end"),
    ("beyond_dqn-maximum", "say why a maximum over noisy values is too large"),
    ("beyond_dqn-wrong", "with one table the line stays above 0"),
    ("beyond_dqn-near-greedy", "### Where it helps: acting nearly greedily"),
    ("beyond_dqn-off-policy", "### Where it harms: learning off-policy"),
    ("beyond_dqn-priorities", "The **blind cliff walk** is made for it"),
    ("beyond_dqn-dueling", "the error falls several times sooner."),
    ("beyond_dqn-ablation", "it works well enough to be the part that Hessel et al. (2018) missed most"),
    ("rollouts_on_dask-dice", "### The same arguments, the same task?"),
    ("rollouts_on_dask-survives", "It looks made for environments"),
    ("rollouts_on_dask-stream", "In the first stream tasks are submitted in rounds."),
    ("rollouts_on_dask-throughput", "explain why four of them are rarely four times as fast."),
    ("rollouts_on_dask-amdahl", "the barrier lies near Amdahl's curve."),
    ("rollouts_on_dask-lag", "say what policy lag is, measure it, and know how much of it does harm."),
    ("strategy_learner-apply", 'predict("strategy_learner-twice")'),
    ("strategy_learner-optimizer", "## 4. The mistake that hides"),
    ("strategy_learner-speed", "That gains no speed, but all the arithmetic is that of two GPUs."),
    ("strategy_learner-straggler", "## 6. The slowest decides"),
    ("train_on_a_cluster-speed", "which line rises with the workers, and which does not?"),
    ("train_on_a_cluster-death", "say what the death of a worker costs, and why training survives it"),
    ("train_on_a_cluster-weights", "and buys a claim that can be tested **bit for bit**."),
    ("cloud-weekend", "say which mistake makes a bill a hundred times as high"),
    ("cloud-first", "Every machine knows its own end before it does anything else."),
    ("cloud-spot", "It ends some seconds after the new machine has booted."),
    ("cloud-orphan", "prove that nothing is left, even after the program that started it all was killed."),
    ("applications-forces", "A table with one run for each row is a table of luck."),
    ("applications-stuck", "### The key: a greedy policy that goes in circles"),
    ("applications-car", "### The car: reward hacking"),
    ("applications-workers", "scale the car's rollouts, where the car gains and CartPole did not"),
]

# Options that are the names of what is compared, or everyday words: a lesson may say them where it asks about them.
NAMES: dict[str, tuple[str, ...]] = {
    "when_it_does_not_learn-smallest_loss": (
        *("it learns", "learning rate × 300", "never bootstraps", "buffer made anew"),
    ),
    "target_network-period": ("every update (no target network)", "every 50", "every 400", "every 1,000"),
    "beyond_dqn-ablation": ("double", "3-step", "prioritized", "dueling"),
    "rollouts_on_dask-survives": ("all of them",),
    "strategy_learner-sum": ("the same",),
    "train_on_a_cluster-bytes": ("the weights", "the transitions"),
}


@dataclass(frozen=True)
class Call:
    """A call in a notebook."""

    cell: int
    function: str  # "predict" or "compare"
    arguments: list[ast.expr]


@cache
def sources() -> dict[str, Source]:
    return {source.lesson: source for source in read_sources(NOTEBOOKS)}


@cache
def calls_of(id: str) -> list[Call]:
    """The calls that ask and compare this question, in the order of the notebook."""
    cells = sources()[id.partition("-")[0]].cells
    found = []
    for index, cell in enumerate(cells):
        for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id in ("predict", "compare") and isinstance(first, ast.Constant) and first.value == id:
                    found.append(Call(index, node.func.id, node.args))
    return found


def question(id: str) -> Question:
    lesson, _, name = id.partition("-")
    return questions_of(lesson)[name]


def in_one_line(text: str) -> str:
    joined = re.sub(r'"\s*\n\s*f?"', "", text)  # a text in the code that goes over several lines
    return " ".join(joined.split())


def up_to_compare(id: str) -> Iterator[tuple[int, str]]:
    """Each cell from the top to the one that compares, as its reader sees it, without the question's own text."""
    lesson, _, name = id.partition("-")
    source = sources()[lesson]
    for index, cell in enumerate(source.cells[: calls_of(id)[-1].cell + 1]):
        if cell.cell_type == "code":
            yield index, in_one_line(without_solution(cell.source))
        else:
            yield index, in_one_line(filled(cell.source.replace(f"[[question.{name}]]", ""), source))


def tells(id: str, text: str) -> list[str]:
    return [found[0] for found in (re.search(pattern, text, re.IGNORECASE) for pattern in TELLS[id]) if found]


def says(option: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(option)}(?!\w)", text, re.IGNORECASE) is not None


def test_every_question_has_what_would_tell_its_answer() -> None:
    assert [id for id in TELLS if id.partition("-")[0] in LESSONS] == IDS  # a lesson in work waits with its own


@pytest.mark.parametrize("id", IDS)
def test_a_question_is_asked_once_below_its_text_and_then_compared_once(id: str) -> None:
    lesson, _, name = id.partition("-")
    cells = sources()[lesson].cells
    assert [call.function for call in calls_of(id)] == ["predict", "compare"]
    asked, compared = (call.cell for call in calls_of(id))
    assert asked < compared
    with_text = [index for index, cell in enumerate(cells) if f"[[question.{name}]]" in cell.source]
    assert with_text == [asked - 1]
    assert cells[asked - 1].cell_type == "markdown"


@pytest.mark.parametrize("id", IDS)
def test_a_question_ends_as_one_or_is_completed_by_its_options(id: str) -> None:
    assert re.search(r"\?| \.\.\.$|Draw what you expect\.$", question(id).text)


@pytest.mark.parametrize("id", IDS)
def test_nothing_up_to_the_comparison_tells_the_answer(id: str) -> None:
    assert {index: told for index, text in up_to_compare(id) if (told := tells(id, text))} == {}


@pytest.mark.parametrize("id", IDS)
def test_no_option_is_said_before_the_comparison(id: str) -> None:
    asked = question(id)
    options = asked.options if isinstance(asked, Choice) else ()
    said = {option: [index for index, text in up_to_compare(id) if says(option, text)] for option in options}
    assert {option: cells for option, cells in said.items() if cells and option not in NAMES.get(id, ())} == {}
    assert [option for option in NAMES.get(id, ()) if not said[option]] == [], "need no exception"


@pytest.mark.parametrize("id", IDS)
def test_what_is_compared_is_computed(id: str) -> None:
    _, value = calls_of(id)[-1].arguments
    assert not isinstance(value, (ast.Constant, ast.JoinedStr))
    assert any(isinstance(node, ast.Name) for node in ast.walk(value))
    asked = question(id)
    texts = {node.value for node in ast.walk(value) if isinstance(node, ast.Constant)}
    assert not texts.intersection(asked.options if isinstance(asked, Choice) else ())


@pytest.mark.parametrize(("id", "text"), ONCE)
def test_what_once_told_the_answer_is_found(id: str, text: str) -> None:
    assert tells(id, text)
