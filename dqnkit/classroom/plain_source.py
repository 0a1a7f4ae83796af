"""The kit's code as a reader would write it: without annotations and without what belongs to the kit only."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

Edit = tuple[tuple[int, int], tuple[int, int], bytes]  # from (line, column) to (line, column): other text


def plain(source: str) -> str:
    """Return a source without annotations, imports of the kit and remarks for type checkers; all else stays.

    That of a method or of an inner function, which is indented, begins at the left.
    """
    source = textwrap.dedent(source)
    lines = source.encode().splitlines(keepends=True)
    for (first, start), (last, end), text in sorted(_edits(ast.parse(source)), reverse=True):
        joined = lines[first - 1][:start] + text + lines[last - 1][end:]
        lines[first - 1 : last] = [joined]
    changed = b"".join(lines).decode()
    changed = re.sub(r"\) -> [^:\n]+:$", "):", changed, flags=re.MULTILINE)
    changed = re.sub(r"^ *from dqnkit\b.*\n\n?", "", changed, flags=re.MULTILINE)
    return re.sub(r"  # type: ignore.*$", "", changed, flags=re.MULTILINE).rstrip()


def _edits(tree: ast.AST) -> Iterator[Edit]:
    """Yield what takes the annotations out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from _edits_of_arguments(node.args)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield _end(node.target), _start(node.value), b" = "


def _edits_of_arguments(arguments: ast.arguments) -> Iterator[Edit]:
    """Yield what turns ``tau: float = 1.0`` into ``tau=1.0``, and ``period: int`` into ``period``."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + [*arguments.defaults, *arguments.kw_defaults]
    rest = [(argument, None) for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    for argument, default in [*zip([*positional, *arguments.kwonlyargs], defaults, strict=True), *rest]:
        if argument.annotation is not None:
            named = argument.lineno, argument.col_offset + len(argument.arg.encode())
            yield (named, _start(default), b"=") if default else (named, _end(argument.annotation), b"")


def _start(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset
