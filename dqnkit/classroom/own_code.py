"""The source of what a reader wrote in a notebook: kept when its check passes, for the program that is made of it.

Kept is a function or class together with what it uses of the same notebook: imports, constants, and other functions of
the reader. It is text; nothing of it runs here.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import linecache
import sys
import warnings
from collections.abc import Iterator, Mapping
from types import CodeType, ModuleType
from typing import Any

from dqnkit.classroom.allowance import is_library

LONGEST = 20_000  # characters; longer code is not kept
NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)  # what `ast.parse` raises for rubbish
UNREAD_ANNOTATIONS = "from __future__ import annotations"
DEFINES = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
CONSTANTS = (bool, int, float, str, type(None))


def source_of(thing: Any) -> str:
    """Return the source of a reader's function or class, below that of what it uses; empty where there is none.

    There is none for what the kit or a library wrote, for what was typed into a terminal, and for objects that are
    neither functions nor classes.
    """
    statements: dict[str, str] = {}
    try:
        _collect(inspect.unwrap(thing), statements)
    except Exception:  # an object may answer anything to a question about its attributes
        return ""
    source = joined(statements)
    return source if len(source) <= LONGEST and is_code(source) else ""


def is_code(source: str) -> bool:
    """Return whether a text is code as `source_of` returns it: definitions, imports and constants; no calls."""
    try:
        source.encode()
        _compiled(source)
        statements = parse(source).body
    except NOT_PYTHON:
        return False
    return bool(statements) and all(isinstance(node, DEFINES) or _is_simple(node) for node in statements)


def parse(source: str) -> ast.Module:
    """Return the syntax tree of a source, without the warnings that Python has for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def statements_of(source: str) -> dict[str, str]:
    """Return the top-level statements of a source by the names that they bind.

    Of a reader's code the last one is the function or class itself, those before it are what it uses.
    """
    found = {}
    for node in parse(source).body:
        for name in bound_by(node):
            found[name] = text_of(source, node)
    return found


def names_used(source: str) -> set[str]:
    """Return the names that a source needs from outside: neither bound in it nor Python's own.

    Annotations do not count: a program that begins with `UNREAD_ANNOTATIONS` never looks at them.
    """
    code = _compiled(source)
    return set(_names_looked_up(code)) - _stored_in(code) - vars(builtins).keys()


def joined(statements: Mapping[str, str]) -> str:
    """Return statements as one source: two empty lines around functions and classes, each import on its own line."""
    imports = sorted({text for text in statements.values() if text.startswith(("import ", "from "))})
    others = dict.fromkeys(text for text in statements.values() if text not in imports)
    return "\n\n\n".join(["\n".join(imports), *others] if imports else others)


def _compiled(source: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(f"{UNREAD_ANNOTATIONS}\n{source}", "own code", "exec", dont_inherit=True)


def _is_simple(node: ast.stmt) -> bool:
    """Return whether a statement gives a name to a constant, a lambda or another name."""
    simple = (ast.Constant, ast.UnaryOp, ast.Tuple, ast.Lambda, ast.Name)
    return isinstance(node, ast.Assign) and isinstance(node.value, simple)


def _collect(thing: Any, statements: dict[str, str]) -> str:
    """Add the source of a function or class to ``statements``, behind what it uses; return its name there."""
    code = _code_of(thing)
    if code is None or is_library(code.co_filename):
        return ""
    name, source = _find(thing, code)
    if not source or name in statements:
        return name
    statements[name] = ""  # in work: two functions may call each other
    around = _globals_of(thing)
    for used in sorted(names_used(source) & around.keys()):
        _collect_used(used, around[used], statements, notebook=around.get("__name__", ""))
    del statements[name]
    statements[name] = source
    return name


def _collect_used(name: str, value: Any, statements: dict[str, str], notebook: str) -> None:
    """Add what a source uses under this name, if it can be written down."""
    module = getattr(value, "__module__", None) or ""
    if isinstance(value, ModuleType):
        if not value.__name__.startswith("dqnkit"):
            statements[name] = f"import {value.__name__}" + ("" if name == value.__name__ else f" as {name}")
    elif isinstance(value, CONSTANTS) or (isinstance(value, tuple) and all(isinstance(x, CONSTANTS) for x in value)):
        statements[name] = f"{name} = {value!r}"
    elif module == notebook:
        found = _collect(inspect.unwrap(value), statements)
        if found not in ("", name):
            statements[name] = f"{name} = {found}"
    elif not module.startswith("dqnkit") and getattr(sys.modules.get(module), name, None) is value:
        statements[name] = f"from {module} import {name}"


def _code_of(thing: Any) -> CodeType | None:
    """Return the code of a function, or that of a class's first method."""
    if inspect.isclass(thing):
        return next(filter(None, map(_code_of, vars(thing).values())), None)
    return getattr(thing, "__code__", None)


def _globals_of(thing: Any) -> Mapping[str, Any]:
    if inspect.isclass(thing):
        return vars(sys.modules.get(thing.__module__, builtins))
    return getattr(thing, "__globals__", {})


def _find(thing: Any, code: CodeType) -> tuple[str, str]:
    """Return the name and the text of the statement that made a function or class; two empty strings if unknown.

    `inspect.getsource` does not find the class of a notebook's cell.
    """
    source = "".join(linecache.getlines(code.co_filename))
    for node in ast.walk(parse(source)):
        if inspect.isclass(thing):
            inside = isinstance(node, ast.ClassDef) and node.lineno <= code.co_firstlineno <= (node.end_lineno or 0)
            is_it = inside and node.name == thing.__name__  # type: ignore[attr-defined]
        elif isinstance(node, ast.FunctionDef):
            is_it = code.co_firstlineno in (node.lineno, *(line.lineno for line in node.decorator_list))
        else:
            is_it = isinstance(node, ast.Assign) and _is_lambda_at(node, code.co_firstlineno)
        if is_it:
            return bound_by(node)[-1], text_of(source, node)
    return "", ""


def _is_lambda_at(node: ast.Assign, line: int) -> bool:
    return isinstance(node.value, ast.Lambda) and node.value.lineno == line and bool(bound_by(node))


def bound_by(node: ast.AST) -> list[str]:
    """Return the names that a statement binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def text_of(source: str, node: Any) -> str:
    """Return the lines of a statement, decorators included, without its indentation."""
    first = min([node.lineno, *(line.lineno for line in getattr(node, "decorator_list", []))])
    lines = source.splitlines()[first - 1 : node.end_lineno]
    indent = node.col_offset
    return "\n".join(line[indent:] if not line[:indent].strip() else line for line in lines).rstrip()


def _names_looked_up(code: CodeType) -> Iterator[str]:
    """Yield the names that a code and those inside it look up, and do not bind themselves."""
    steps = list(dis.get_instructions(code))
    yield from {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")} - _stored_in(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_looked_up(constant)


def _stored_in(code: CodeType) -> set[str]:
    return {step.argval for step in dis.get_instructions(code) if step.opname == "STORE_NAME"}
