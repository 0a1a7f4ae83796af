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
# `%time x`, `!pip`, `?f`, `f?`, `files = !ls`
_MAGIC = re.compile(r"^(\s*)[%!?].*$|^(\s*)\S.*\?\s*$|^(\s*)[\w, ]+= *[%!].*$", re.MULTILINE)
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)
_IMPORTS = (ast.Import, ast.ImportFrom)
_STEMS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, *_IMPORTS, ast.Assign, ast.AnnAssign)
_OF_THE_COURSE = ("use", "check", "predict", "compare", "hint", "hand_in")  # what they return is no reader's code
_CHANGES = ("append", "extend", "insert", "add", "update", "setdefault", "pop", "remove", "clear", "sort", "fill")
_CALLABLE = (ast.Lambda, ast.Call, ast.Name, ast.Attribute)  # what an assignment may give an answer its name with


@dataclass(frozen=True)
class Written:
    """What a reader wrote for one exercise."""

    code: str  # with what it uses of the notebook: imports, values, other functions; the answer comes last
    name: str  # that the code binds the answer to
    cell: int  # the number of its cell, from 1, counting code cells only
    lacks: tuple[str, ...] = ()  # names that it uses and that the code has not, or not as the notebook left them


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
    is_answer: bool  # whether it can be one: no import, and no value that cannot be called
    is_value: bool  # neither a function, nor a class, nor an import
    empty_methods: frozenset[str]  # of a class


def find(cells: Sequence[str], exercises: Mapping[str, str]) -> Found:
    """Find the answers to exercises.

    An answer is what has the exercise's name, unless only something with another name was given to ``check`` or ``use``
    for it: then it is that. Where there is neither, it is what has the name that the exercise's signature begins with
    (``RingBuffer(capacity).add(...)``). Of several versions the last that is written counts, not an empty stub after
    it. A class is a stub while a method of the signature is.

    Args:
        cells: sources of the code cells, in order.
        exercises: a dict: name of an exercise -> its signature.
    """
    problems: list[str] = []
    statements: list[_Statement] = []
    given: dict[str, list[str]] = {}
    changed: set[str] = set()  # names of values that are changed after they are given
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
        changed |= _changed(tree)
        for exercise, name in _checked(tree):
            given.setdefault(exercise, []).append(name)
    answers = {}
    for exercise, signature in exercises.items():
        begins = re.match(r"\w*", signature)
        methods = frozenset(re.findall(r"\.(\w+)\(", signature))
        names = [*reversed(given.get(exercise, [])), exercise, begins.group() if begins else ""]
        if exercise in names[:-2]:  # given as well: another one that was given too is something beside it
            names.insert(0, exercise)
        found = (_answer(name, methods, statements, changed) for name in names)
        if written := next(filter(None, found), None):
            answers[exercise] = written
    return Found(answers, tuple(problems))


def _answer(name: str, methods: frozenset[str], statements: Sequence[_Statement], changed: set[str]) -> Written | None:
    bound = [each for each in statements if name in each.names and each.is_answer and not each.is_stub]
    found = next((each for each in reversed(bound) if not methods & each.empty_methods), None)
    if found is None:
        return None
    last: dict[tuple[str, ...], _Statement] = {}
    for each in statements:
        if not each.is_stub or last.get(each.names, each).is_stub:  # a helper may do nothing
            last[each.names] = each
    chosen: dict[str, str] = {}
    _collect(found, last, chosen)
    has = [each for each in last.values() if each.text in chosen.values()]
    lacks = {used for text in chosen.values() for used in _names_used(text)} - {
        part for each in has for part in each.names
    }
    stars = [each.text for each in statements if "*" in each.names] if lacks else []
    code = own_code.joined({**{text: text for text in stars}, **chosen})
    values = {part for each in has if each.is_value for part in each.names}
    return Written(code, name, found.cell, tuple(sorted((set() if stars else lacks) | (values & changed))))


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
            if names and (isinstance(node, own_code.DEFINES) or _is_value(node)):
                text, empty = own_code.text_of(source, node), _empty_methods(node)
                is_value = isinstance(node, (ast.Assign, ast.AnnAssign))
                yield _Statement(names, text, cell, _is_stub(node), _can_be_answer(node), is_value, empty)
        elif isinstance(node, (*_BLOCKS, ast.ExceptHandler)):
            yield from _statements(node, source, cell)


def _changed(tree: ast.AST) -> set[str]:
    """Names whose values a cell changes in place, outside of functions: ``x += 1``, ``x[0] = 1``, ``x.append(1)``."""
    found = set()
    parts = [tree]
    while parts:
        part = parts.pop()
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(part, ast.AugAssign):
            found.add(_root(part.target))
        elif isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
            found.add(_root(part))
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _CHANGES:
            found.add(_root(part.func))
        parts += ast.iter_child_nodes(part)
    return found


def _root(node: ast.AST) -> str:
    """The name at the beginning of ``name.part[0]``."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_value(node: ast.AST) -> bool:
    """Return whether an assignment can be made again by itself: it has a value, awaits nothing, asks no check."""
    value = getattr(node, "value", None)
    waits = (ast.Await, ast.Yield, ast.YieldFrom)
    parts = () if value is None else tuple(ast.walk(value))
    return bool(parts) and not any(isinstance(part, waits) or _called(part) in _OF_THE_COURSE for part in parts)


def _called(node: ast.AST) -> str:
    """The last name of the function that is called; empty for what is no call."""
    called = node.func if isinstance(node, ast.Call) else None
    return called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")


def _can_be_answer(node: ast.AST) -> bool:
    if isinstance(node, _IMPORTS):
        return False
    return not isinstance(node, (ast.Assign, ast.AnnAssign)) or isinstance(node.value, _CALLABLE)


def _is_stub(node: ast.AST) -> bool:
    """Return whether a definition does nothing: at most it has a docstring, ``pass``, ``...``, ``return`` or raises."""
    if isinstance(node, ast.ClassDef):
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        return bool(methods) and all(_is_stub(method) for method in methods)
    if not isinstance(node, ast.FunctionDef):
        return False
    return all(_does_nothing(part) for part in node.body)


def _empty_methods(node: ast.AST) -> frozenset[str]:
    parts = node.body if isinstance(node, ast.ClassDef) else []
    return frozenset(part.name for part in parts if isinstance(part, ast.FunctionDef) and _is_stub(part))


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
            first, second = node.args
            if _called(node) in ("check", "use") and isinstance(first, ast.Constant) and isinstance(second, ast.Name):
                yield str(first.value), second.id


def _read(cell: str) -> tuple[str, ast.AST]:
    """Return a cell's source and its tree, without the lines that only IPython understands, where it has some."""
    if cell.lstrip().startswith("%%") and not cell.lstrip().startswith(("%%time", "%%capture", "%%prun")):
        return "", ast.Module([], [])  # another language
    try:
        return cell, _parse(cell)
    except SyntaxError:
        source = _MAGIC.sub(lambda found: f"{next(filter(None, found.groups()), '')}pass", cell)
        return source, _parse(source)


def _parse(source: str) -> ast.AST:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree: ast.AST = compile(
            source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
    return tree
