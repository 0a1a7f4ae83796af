"""What in an answer reaches for the check itself: frames of its caller, the exercise's own module, Python's innards.

The cage keeps everything private away from an answer, but the public part of an exercise runs beside it and could be
made to report what is not so. No exercise needs any of this: an answer that has it is for people to judge.
"""

from __future__ import annotations

import ast

from dqnkit import classroom
from dqnkit.classroom.own_code import NOT_PYTHON, parse

MODULES = ("ctypes", "gc", "inspect", "importlib", "builtins", "traceback", "linecache", "_ctypes", "mmap", "marshal")
OF_THE_KIT = ("dqnkit.classroom", "dqnkit.instructor", "dqnkit.authoring")
OFFERED = {"dqnkit.classroom", *(f"dqnkit.classroom.{name}" for name in classroom.__all__)}  # in every notebook
PARTS = {"exercises", "answers"}  # of a lesson
NAMES = {"eval", "exec", "compile", "__import__", "globals", "__builtins__", "__loader__", "__spec__"}
ATTRIBUTES = {
    *("_getframe", "_current_frames", "modules", "settrace", "setprofile", "addaudithook", "_exit"),
    *("f_back", "f_globals", "f_locals", "f_builtins", "tb_frame", "gi_frame", "cr_frame", "ag_frame"),
    *("__globals__", "__code__", "__closure__", "__subclasses__", "__builtins__", "__loader__", "__dict__"),
    *("__import__", "_exit", "fork", "system", "kill"),
}


def reaches(code: str) -> list[str]:
    """Return where in a code something is that no answer needs, as texts like ``"line 3: sys._getframe"``."""
    try:
        tree = parse(code)
    except NOT_PYTHON:
        return []
    own = _bound(tree)
    found = {(getattr(node, "lineno", 0), text) for node in ast.walk(tree) for text in _of(node) if text not in own}
    modules = _imported(tree)
    found |= {
        (target.lineno, f"{ast.unparse(target)} is changed")
        for node in ast.walk(tree)
        for target in _assigned(node)
        if _root(target) in modules
    }
    return [f"line {line}: {text}" for line, text in sorted(found)]


def _of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [f"import {alias.name}" for alias in node.names if _is_suspect(alias.name)]
    if isinstance(node, ast.ImportFrom):
        names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        return [f"from {node.module} import …"] if any(map(_is_suspect, names)) else []
    if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
        return [ast.unparse(node)[:80]]
    if isinstance(node, ast.Name) and node.id in NAMES:
        return [node.id]
    return []


def _bound(tree: ast.Module) -> set[str]:
    """Names that the code itself gives to functions, arguments and variables: `compile` may be one of its own."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return names | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _is_suspect(module: str) -> bool:
    parts = module.split(".")
    if module in OFFERED:
        return False
    is_part = parts[0] in ("dqnkit", "dqnkit_own_lessons") and bool(PARTS & {*parts})
    return parts[0] in MODULES or module.startswith(OF_THE_KIT) or is_part


def _imported(tree: ast.Module) -> set[str]:
    """Names that hold modules, or things of modules."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(alias.asname or alias.name).partition(".")[0] for node in nodes for alias in node.names}


def _assigned(node: ast.AST) -> list[ast.Attribute]:
    """Attributes that a statement sets, `setattr` included."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr" and node.args:
        return [ast.copy_location(ast.Attribute(node.args[0], "…", ast.Store()), node)]
    return [target for target in targets if isinstance(target, ast.Attribute)]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
