"""A reader's function as AutoGraph can compile it: without early returns, and with conditions that are true or false.

AutoGraph turns an ``if`` on a tensor into TensorFlow's. It refuses one that returns and has no ``else`` that returns
too, and it takes a number for no condition, though both are good Python::

    if update % period:      if is_true(update % period):
        return                   pass
    for ...              ->  else:
                                 for ...
"""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable
from typing import Any


def autograph_ready(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does the same and can be compiled; the function itself where nothing is in the way.

    It stays as it is, too, where its source is unknown, where it uses variables of a function around it, or where it
    returns a value.
    """
    definition = _definition(function)
    if definition is None or getattr(function, "__closure__", None) or _returns_a_value(definition):
        return function
    before = ast.unparse(definition)
    definition.body = _without_returns(definition.body)
    definition.decorator_list = []
    source = ast.unparse(ast.fix_missing_locations(_Conditions().visit(definition)))
    if source == before:
        return function
    file = f"<{function.__qualname__} for AutoGraph {hash(source)}>"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file  # AutoGraph reads the source
    namespace = {**function.__globals__, "is_true": is_true}
    exec(compile(f"from __future__ import annotations\n{source}", file, "exec"), namespace)
    ready: Callable[..., Any] = namespace[definition.name]
    return ready


def is_true(value: Any) -> Any:
    """Return what a condition says: a number is true unless it is 0, also a tensor."""
    dtype = getattr(value, "dtype", None)
    is_number = dtype is not None and getattr(dtype, "name", "") != "bool"
    return value != 0 if is_number and not hasattr(value, "__array_interface__") else value


def _definition(function: Any) -> ast.FunctionDef | None:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    return tree.body[0] if len(tree.body) == 1 and isinstance(tree.body[0], ast.FunctionDef) else None


def _returns_a_value(definition: ast.FunctionDef) -> bool:
    returns = [node for node in ast.walk(definition) if isinstance(node, ast.Return)]
    return any(node.value is not None and ast.unparse(node.value) != "None" for node in returns)


def _without_returns(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements that do the same without a return at the end of an ``if``: what follows is in its ``else``."""
    for number, statement in enumerate(body):
        if isinstance(statement, ast.Return):
            return body[:number] or [ast.Pass()]
        if isinstance(statement, ast.If) and any(isinstance(node, ast.Return) for node in ast.walk(statement)):
            rest = body[number + 1 :]
            then = statement.body if _ends(statement.body) else [*statement.body, *rest]
            otherwise = statement.orelse if _ends(statement.orelse) else [*statement.orelse, *rest]
            branches = _without_returns(then), _without_returns(otherwise)
            return [*body[:number], ast.If(statement.test, *branches)]
    return body


def _ends(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Return)


class _Conditions(ast.NodeTransformer):
    """Puts `is_true` around what is used as a condition and is no comparison."""

    def visit_If(self, node: ast.If) -> ast.AST:
        node.test = _condition(node.test)
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node.test = _condition(node.test)
        return self.generic_visit(node)


def _condition(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ast.UnaryOp(ast.Not(), _condition(test.operand))
    if isinstance(test, ast.BoolOp):
        return ast.BoolOp(test.op, [_condition(value) for value in test.values])
    if isinstance(test, ast.Compare | ast.Constant):
        return test
    return ast.Call(ast.Name("is_true", ast.Load()), [test], [])
