"""The import rule: folders import downwards only, and actors never need TensorFlow."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import dqnkit
from dqnkit.classroom.course import LESSONS

PACKAGE = Path(dqnkit.__file__).parent
SOURCES = PACKAGE.parent / "notebooks" / "source"

# From the bottom up: a folder imports only from rows above its own row in this list.
ROWS = [
    {"errors"},
    {"checked_numbers", "arguments"},
    {"types", "files", "hosted", "dqn_in_one_file", "own_process", "event_file"},
    {"compiled_programs"},
    {"atari", "opengl", "argument_errors"},
    {
        *("backend", "settings", "environment_errors", "games", "sum_tree", "array_store"),
        *("packing", "run_lock", "autograph_ready", "running_statistics", "action_bins", "action_values"),
    },
    {"named_wrappers"},
    {"environment_limits"},
    {"config", "small_environments", "frames", "observations", "minigrid_planes"},
    {"presets", "environments", "exploration", "policy", "replay", "value_learning"},
    {"network_layers", "replicas", "prioritized_replay", "actor_priorities", "environment_by_value"},
    {"actor"},
    {"networks"},
    {"learner", "rollouts"},
    {"default_parts"},
    {"training", "evaluation", "videos", "environment_contract"},
    {"checkpoint", "plots", "course_folder", "rendering"},
    {"cluster"},
    {"cloud"},
    {"deploy"},
    {"widgets"},
    {"runs"},
    {"doctor", "classroom"},
    {"extras"},
    {"lessons", "lab", "colab"},
    {"authoring"},
    {"instructor"},
    {"cli"},
]
# Folders that may use even less, besides these: errors and all rows below.
ONLY = {
    "plots": {"types", "files"},
    "widgets": {
        *("plots", "types", "config", "hosted", "environments", "small_environments", "policy", "replay"),
        *("exploration", "actor", "action_values", "rendering"),
    },
}
ACTOR_SIDE = [
    *("types", "config", "presets", "environments", "exploration", "policy", "actor", "frames", "packing"),
    *("atari", "actor_priorities", "action_bins", "action_values"),
    *("replay", "prioritized_replay", "rollouts"),
]
LEARNER_SIDE = [
    *(
        "backend",
        "autograph_ready",
        "value_learning",
        "network_layers",
        "networks",
        "replicas",
        "learner",
        "default_parts",
        "training",
    ),
]
ON_A_WORKER = {
    *("actor", "types", "environments", "policy", "actor_priorities"),
    # which those import themselves
    *("config", "settings", "errors", "exploration", "small_environments", "games", "atari", "environment_limits"),
    *("observations", "action_bins", "action_values", "opengl", "own_process", "environment_by_value"),
    *("checked_numbers", "environment_errors", "packing", "frames", "array_store"),
    *("arguments", "argument_errors", "named_wrappers"),
    "cluster",
}
SIMULATED = "dqnkit.cloud.simulated"

MODULES = {
    ".".join(("dqnkit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def room(module: str) -> str:
    """The top-level part of the package that a module belongs to; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@cache
def imports(module: str) -> frozenset[str]:
    """All modules that a module imports when it runs, also inside functions, by full name."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    is_package = MODULES[module].name == "__init__.py"
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".") if is_package else module.split(".")[:-1]
            base = ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])
            base = base if node.level else str(node.module)
            found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names}
        elif is_for_type_checkers(node):
            waiting.extend(node.orelse)  # type: ignore[attr-defined]
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return frozenset(found)


@cache
def named(module: str) -> frozenset[str]:
    """All modules whose full name is a string in a module, which may import or start them by that name."""
    nodes = ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and node.value in MODULES)


def modules_of(*rooms: str) -> list[str]:
    return [module for module in MODULES if room(module) in rooms]


def all_that_runs(start: list[str]) -> dict[str, str]:
    """Every direct or indirect import of these modules: name -> the module that imports it."""
    found: dict[str, str] = {}
    waiting = list(start)
    while waiting:
        module = waiting.pop()
        parts = module.split(".")
        packages = {".".join(parts[:i]) for i in range(1, len(parts))}  # the __init__ of each package runs first
        for name in imports(module) | packages:
            if name not in found:
                found[name] = module
                if name in MODULES:
                    waiting.append(name)
    return found


def assert_none(found: dict[str, str], forbidden: set[str]) -> None:
    wrong = {name: module for name, module in found.items() if name.split(".")[0] in forbidden}
    assert not wrong, ", ".join(f"{module} imports {name}" for name, module in wrong.items())


@pytest.mark.parametrize("module", MODULES)
def test_rooms_import_downwards_only(module: str) -> None:
    if not room(module):
        assert not {name for name in imports(module) if name.startswith("dqnkit")}
        return
    ranks = {name: rank for rank, names in enumerate(ROWS) for name in names}
    assert room(module) in ranks, f"{room(module)} is a new room: give it a row in this test"
    for name in imports(module) | named(module):
        if name.startswith("dqnkit.") and room(name) != room(module):
            assert ranks[room(name)] < ranks[room(module)], f"{module} imports {name}, which is not below it"
            allowed = ONLY.get(room(module))
            assert allowed is None or room(name) in {*allowed, "errors"}, f"{module} imports {name}"


def lesson(module: str) -> str:
    return module.split(".")[2] if module.startswith("dqnkit.lessons.") else ""


@pytest.mark.parametrize("module", modules_of("lessons"))
def test_a_lesson_imports_no_other_lesson(module: str) -> None:
    assert {lesson(name) for name in imports(module)} - {""} <= {lesson(module)}


def is_private(module: str) -> bool:
    """Whether students' kits lack a module: `dqnkit.instructor.public_kit` leaves it out."""
    return "answers" in module.split(".") or room(module) in {"instructor", "authoring"}


@pytest.mark.parametrize("module", [module for module in MODULES if not is_private(module) and room(module) != "cli"])
def test_what_students_get_imports_nothing_that_they_do_not_get(module: str) -> None:
    assert not [name for name in imports(module) if is_private(name)]


def test_what_only_one_notebook_needs_lies_in_its_lesson() -> None:
    """Every module outside the lessons that a notebook or its lesson imports is needed by another notebook too."""
    shared = modules_of("plots", "widgets", "classroom")
    reached: dict[str, set[str]] = {module: set() for module in shared}
    for name in LESSONS:
        text = (SOURCES / f"{name}.py").read_text(encoding="utf-8")
        folder = [module for module in MODULES if lesson(module) == name]
        for module in all_that_runs([*folder, *names_imported(text)]).keys() | names_imported(text):
            reached.get(module, set()).add(name)
    elsewhere = {*all_that_runs(modules_of("cli", "lab", "doctor", "colab", "runs", "authoring"))}
    alone = {module: names for module, names in reached.items() if len(names) == 1 and module not in elsewhere}
    assert not alone, f"these are needed by one lesson only, so they belong into its folder: {alone}"


def names_imported(text: str) -> set[str]:
    """The dqnkit modules that the source of a notebook imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & MODULES.keys()


def test_the_actor_side_never_imports_what_is_heavy() -> None:
    assert {"config", "actor", "rollouts"} <= {room(module) for module in modules_of(*ACTOR_SIDE)}
    heavy = {"tensorflow", "keras", "dask", "distributed", "ipywidgets", "matplotlib", "PIL", "pygame"}
    assert_none(all_that_runs(modules_of(*ACTOR_SIDE)), heavy)


def test_the_learner_side_never_imports_dask_or_widgets() -> None:
    assert_none(all_that_runs(modules_of(*LEARNER_SIDE)), {"dask", "distributed", "ipywidgets"})


@pytest.mark.parametrize("module", MODULES)
def test_dask_widgets_and_tensorflow_stay_in_their_rooms(module: str) -> None:
    top = {name.split(".")[0] for name in imports(module)}
    with_dask = room(module) in ("cluster", "cloud") or module == "dqnkit.instructor.grade_on_dask"
    assert with_dask or not top & {"dask", "distributed"}
    assert room(module) in {"widgets", "lessons"} or "ipywidgets" not in top
    with_tensorflow = {*LEARNER_SIDE, "dqn_in_one_file", "cluster", "runs", "doctor", "widgets", "lessons"}
    assert room(module) in with_tensorflow or not top & {"tensorflow", "keras"}


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith(SIMULATED)])
def test_nothing_but_notebooks_and_tests_uses_the_simulated_cloud(module: str) -> None:
    assert SIMULATED in MODULES
    assert not {name for name in imports(module) | named(module) if name.startswith(SIMULATED)}


@pytest.mark.parametrize("package", ["doctor"])
def test_the_modules_of_a_package_import_each_other_without_circles(package: str) -> None:
    """Nor do they import the package itself, whose __init__ imports them."""
    below = {module: imports(module) & set(modules_of(package)) for module in modules_of(package)}
    order = list(graphlib.TopologicalSorter(below).static_order())  # a circle raises a CycleError, which names it
    assert order[-1] == f"dqnkit.{package}"


@pytest.mark.skipif("dqnkit.cluster.worker" not in MODULES, reason="there is no cluster yet")
def test_what_runs_on_a_worker_is_small() -> None:
    found = all_that_runs(["dqnkit.cluster.worker"])
    assert {room(name) for name in found if name.startswith("dqnkit.")} <= ON_A_WORKER
    assert_none(found, {"tensorflow", "keras", "ipywidgets", "matplotlib"})


def loaded_after(code: str) -> set[str]:
    command = f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_package_itself_imports_nothing() -> None:
    assert not loaded_after("import dqnkit") & {"numpy", "gymnasium", "tensorflow"}


def test_an_actor_acts_without_tensorflow() -> None:
    loaded = loaded_after(
        "import numpy as np\n"
        "from dqnkit import actor, config, evaluation, policy, replay, rollouts, training, types\n"
        "weights = types.PolicyWeights(0, (policy.Dense(4, 2, False),), np.zeros(10, np.float32))\n"
        "actor.Actor(config.DQNConfig()).rollout(weights, 0.5)"
    )
    assert "gymnasium" in loaded
    assert not loaded & {"tensorflow", "keras", "dask", "distributed", "ipywidgets", "matplotlib", "PIL"}


def handlers_of_missing_modules() -> list[tuple[str, ast.ExceptHandler]]:
    found = []
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                names = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
                if names & {"ImportError", "ModuleNotFoundError"}:
                    found.append((module, node))
    return found


def test_whoever_catches_a_missing_module_looks_at_which_one_it_is() -> None:
    """Or passes the error on, or shows its text: else the wrong package would be blamed."""
    looks = ("error.name", "missing_module(error)", "missing_package(env_id, error)", "{error}")
    handlers = handlers_of_missing_modules()
    assert handlers
    for module, handler in handlers:
        code = ast.unparse(handler)
        only_raises = len(handler.body) == 1 and isinstance(handler.body[0], ast.Raise) and handler.body[0].exc is None
        assert only_raises or any(words in code for words in looks), f"{module}: {code}"
