"""What a reader wrote for each exercise, found in the source of a notebook's cells.

The exercise's name in the code decides, never a cell's place, tags or metadata: a notebook that was copied, split, cut
into other cells or put into another order has the same answers. Nothing of it runs here.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dqnkit.classroom import own_code

MOST_CELLS, MOST_CHARACTERS = 2_000, 2_000_000  # of a notebook; more is no course work
_MAGIC = re.compile(r"^(\s*)[%!?].*$|^(\s*)\S.*\?\s*$", re.MULTILINE)  # `%time x`, `!pip`, `?f`, `f?`
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)
_STEMS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


@dataclass(frozen=True)
class Written:
    """What a reader wrote for one exercise."""

    code: str  # with what it uses of the notebook: imports, constants, other functions; the answer comes last
    name: str  # that the code binds the answer to
    cell: int  # the number of its cell, from 1, counting code cells only


@dataclass(frozen=True)
class Found:
    """The answers in a notebook, and what could not be read."""

    answers: Mapping[str, Written]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Statement:
    names: tuple[str, ...]
    text: str
    cell: int
    is_stub: bool


def find(cells: Sequence[str], exercises: Mapping[str, str]) -> Found:
    """Find the answers to exercises.

    An answer is what has the exercise's name. Where nothing has, it is what was last given to ``check`` or ``use``
    under that name, or what has the name that the exercise's signature begins with (``RingBuffer(capacity).add(...)``).
    Of several versions the last that is written counts, not an empty stub after it.

    Args:
        cells: sources of the code cells, in order.
        exercises: a dict: name of an exercise -> its signature.
    """
    problems: list[str] = []
    statements: list[_Statement] = []
    given: dict[str, list[str]] = {}
    if len(cells) > MOST_CELLS or sum(map(len, cells)) > MOST_CHARACTERS:
        return Found({}, (f"it has more than {MOST_CELLS:,} cells or {MOST_CHARACTERS:,} characters",))
    for number, cell in enumerate(cells, start=1):
        try:
            source, tree = _read(cell)
        except own_code.NOT_PYTHON as error:
            where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            problems.append(f"code cell {number}{where} is not Python")
            continue
        statements += _statements(tree, source, number)
        for exercise, name in _checked(tree):
            given.setdefault(exercise, []).append(name)
    answers = {}
    for exercise, signature in exercises.items():
        begins = re.match(r"\w*", signature)
        names = [exercise, *reversed(given.get(exercise, [])), begins.group() if begins else ""]
        written = next((found for name in names if (found := _answer(name, statements)) is not None), None)
        if written is not None:
            answers[exercise] = written
    return Found(answers, tuple(problems))


def _answer(name: str, statements: Sequence[_Statement]) -> Written | None:
    bound = [statement for statement in statements if name in statement.names]
    found = next((statement for statement in reversed(bound) if not statement.is_stub), None)
    if found is None:
        return None
    chosen: dict[str, str] = {}
    _collect(found, {each.names: each for each in statements if not each.is_stub}, chosen)
    return Written(own_code.joined(chosen), name, found.cell)


def _collect(statement: _Statement, last: Mapping[tuple[str, ...], _Statement], chosen: dict[str, str]) -> None:
    """Add a statement to those that are chosen, behind all that it uses; the last version of each counts."""
    key = statement.names[0]
    chosen[key] = ""  # in work: two functions may call each other
    for used in sorted(_names_used(statement.text)):
        if used not in chosen:
            definition = next((each for each in reversed(tuple(last.values())) if used in each.names), None)
            if definition is not None:
                _collect(definition, last, chosen)
    del chosen[key]
    for name in statement.names[1:]:
        chosen.pop(name, None)
    chosen[key] = statement.text


def _names_used(text: str) -> set[str]:
    try:
        return own_code.names_used(text)
    except own_code.NOT_PYTHON:  # `return` outside of a function, and other things that only the compiler refuses
        return set()


def _statements(tree: ast.AST, source: str, cell: int) -> Iterator[_Statement]:
    """Yield what a cell binds at its top level, also inside of ``if``, ``try`` and the like."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _STEMS):
            names = tuple(own_code.bound_by(node))
            if names and (isinstance(node, own_code.DEFINES) or _is_data(node)):
                yield _Statement(names, own_code.text_of(source, node), cell, _is_stub(node))
        elif isinstance(node, (*_BLOCKS, ast.ExceptHandler)):
            yield from _statements(node, source, cell)


def _is_data(node: ast.AST) -> bool:
    """Return whether an assignment can be made again without running a cell: it calls nothing."""
    value = getattr(node, "value", None)
    if value is None or isinstance(value, ast.Lambda):
        return value is not None
    calls = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return not any(isinstance(part, calls) for part in ast.walk(value))


def _is_stub(node: ast.AST) -> bool:
    """Return whether a definition does nothing: at most it has a docstring, ``pass``, ``...``, ``return`` or raises.

    A class is empty while one of its methods is.
    """
    if isinstance(node, ast.ClassDef):
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        return any(_is_stub(method) for method in methods)
    if not isinstance(node, ast.FunctionDef):
        return False
    return all(_does_nothing(part) for part in node.body)


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise):
        return "NotImplementedError" in ast.dump(node)
    value = getattr(node, "value", None)
    if isinstance(node, ast.Return):
        return value is None or (isinstance(value, ast.Constant) and value.value in (None, ...))
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(value, ast.Constant))


def _checked(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield ``(exercise, name)`` for each ``check("exercise", name)`` and ``use("exercise", name)`` in a cell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) == 2:
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            first, second = node.args
            if called in ("check", "use") and isinstance(first, ast.Constant) and isinstance(second, ast.Name):
                yield str(first.value), second.id


def _read(cell: str) -> tuple[str, ast.AST]:
    """Return a cell's source and its tree, without the lines that only IPython understands, where it has some."""
    if cell.lstrip().startswith("%%") and not cell.lstrip().startswith(("%%time", "%%capture", "%%prun")):
        return "", ast.Module([], [])  # another language
    try:
        return cell, _parse(cell)
    except SyntaxError:
        source = _MAGIC.sub(lambda found: f"{found.group(1) or found.group(2) or ''}pass", cell)
        return source, _parse(source)


def _parse(source: str) -> ast.AST:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree: ast.AST = compile(
            source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
    return tree
