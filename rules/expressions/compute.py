"""Computing what could not be lowered, with simpleeval locked down: no attributes, no functions but ours, plain values in.

Only trees that `rules/expressions/expression.py` has checked get here; this is the second wall, not the first.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rules.facts import MISSING, Seen
from rules.nodes import Compare, Opaque

if TYPE_CHECKING:
    from simpleeval import SimpleEval


class ExpressionFailed(Exception):  # noqa: N818 - says what happened
    """An expression could not be computed for this request; blame: the rule. `str()` is the reason."""


def compute(node: Compare | Opaque, values: Mapping[str, Seen]) -> bool:
    """What a computed predicate gives for the values of its facts; false where one of them is missing.

    Raises `ExpressionFailed`.
    """
    if any(values[fact] is MISSING for fact in node.facts):
        return False
    assert node.tree is not None
    evaluator = _evaluator({f"fact{index}": values[fact] for index, fact in enumerate(node.facts)})
    try:
        return bool(evaluator.eval(node.source, previously_parsed=node.tree))
    except ExpressionFailed:
        raise
    except (ArithmeticError, TypeError, ValueError) as failure:
        raise ExpressionFailed(f"`{node.source}`: {failure}") from failure
    finally:
        # its methods lead back to it
        evaluator.nodes = {}


def fold(text: str) -> str:
    """The text without its case."""
    return text.casefold()


def number_in(text: str) -> int | float:
    """The number a text is. Raises `ExpressionFailed` where it is none."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number - number != 0:
        raise ExpressionFailed(f"`{text[:40]}` is not a number")
    return number


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "lower": fold,
    "strip": lambda text: text.strip(),
    "len": lambda value: len(value),
    "number": number_in,
    "has": lambda members, member: member in members,
}
"""What an expression may call when it is computed."""

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.In: lambda part, whole: part in whole,
}


def _evaluator(names: Mapping[str, Seen]) -> SimpleEval:
    """One for each computation. The library's own constructor changes the process's filters of warnings, which takes long, too."""
    from simpleeval import SimpleEval

    made = SimpleEval.__new__(SimpleEval)
    made.operators, made.functions, made.names, made.allowed_attrs = _OPERATORS, FUNCTIONS, names, {}
    made.nodes = {
        ast.Name: made._eval_name,
        ast.Constant: made._eval_constant,
        ast.UnaryOp: made._eval_unaryop,
        ast.BinOp: made._eval_binop,
        ast.Compare: made._eval_compare,
        ast.Call: made._eval_call,
    }
    return made
