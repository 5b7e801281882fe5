"""What an expression is made of below its comparisons: typed terms, and arithmetic that stays linear."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Literal as OneOf
from typing import TypeAlias

from msgspec import Struct

from rules.facts import FactType, spec_of
from rules.nodes import Constant, Predicate, Test
from schemas.diagnostics import Span

Kind: TypeAlias = OneOf["bool", "number", "string", "set", "list"]

_KINDS: Mapping[FactType, Kind] = {
    "string": "string", "text": "string", "enum": "string", "address": "string",
    "bool": "bool", "int": "number", "number": "number", "set": "set",
}  # fmt: skip
_SIZE = "len "
_FLIPPED = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte", "eq": "eq"}


def kind_of(fact_type: FactType) -> Kind | None:
    """What a fact is in an expression; None where it cannot stand in one."""
    return _KINDS.get(fact_type)


class Fact(Struct, frozen=True):
    """The fact itself."""

    name: str


class Folded(Struct, frozen=True):
    """A text fact without its case."""

    name: str


class Literal(Struct, frozen=True):
    """A text, true or false, written out."""

    value: str | bool


Exact: TypeAlias = int | Fraction
"""A number without rounding."""


class Number(Struct, frozen=True):
    """A sum of number facts with factors, and a constant; `len <fact>` is the size of a set."""

    factors: Mapping[str, Exact]
    constant: Exact

    @property
    def single_fact(self) -> str | None:
        """The fact this is, where it is nothing but that."""
        if self.constant == 0 and len(self.factors) == 1:
            ((name, factor),) = self.factors.items()
            return name if factor == 1 and not name.startswith(_SIZE) else None
        return None

    def scaled(self, factor: Exact) -> Number:
        """Every part times `factor`."""
        return Number({name: value * factor for name, value in self.factors.items()}, self.constant * factor)

    def combined(self, operator: type[ast.operator], other: Number) -> Number:
        """The sum, difference or product; a product of facts is `NONLINEAR`."""
        if operator is ast.Mult:
            if not self.factors:
                return other.scaled(self.constant)
            if not other.factors:
                return self.scaled(other.constant)
            return NONLINEAR
        sign = -1 if operator is ast.Sub else 1
        factors = dict(self.factors)
        for name, value in other.factors.items():
            factors[name] = factors.get(name, 0) + sign * value
        return Number(factors, self.constant + sign * other.constant)


NONLINEAR = Number({"": 1}, 0)
"""Arithmetic over number facts that is no sum with factors."""

Shape: TypeAlias = Fact | Folded | Literal | Number | None


class Term(Struct, frozen=True):
    """A typed part of an expression: its syntax, the facts it reads, and its shape where that can be lowered."""

    kind: Kind
    node: ast.expr
    facts: tuple[str, ...]
    shape: Shape = None
    may_fail: bool = False


def linear_of(left: Term, right: Term) -> Number | None:
    """`left - right`, where that is linear."""
    if not (isinstance(left.shape, Number) and isinstance(right.shape, Number)):
        return None
    difference = left.shape.combined(ast.Sub, right.shape)
    return None if _is_nonlinear(difference) else difference


def threshold_test(difference: Number, operator: str, left: Term, right: Term, span: Span) -> Predicate | None:
    """The test that `difference operator 0` is, where one fact decides it exactly; None otherwise."""
    factors = {name: factor for name, factor in difference.factors.items() if factor}
    if not difference.factors:
        return Constant(_holds(operator, difference.constant), span)
    if len(factors) != 1 or len(difference.factors) != 1:
        return None
    ((name, factor),) = factors.items()
    size = name.startswith(_SIZE)
    spec = spec_of(name.removeprefix(_SIZE))
    threshold = -difference.constant * factor if abs(factor) == 1 else -Fraction(difference.constant) / factor
    operator = operator if factor > 0 else _FLIPPED[operator]
    if not size and (spec is None or spec.type != "int"):
        if abs(factor) != 1 or not _is_bare(left) or not _is_bare(right):
            return None
        number: int | float = threshold.numerator if threshold.denominator == 1 else float(threshold)
        return Test(name, operator, number, span)
    whole = _whole(operator, threshold)
    if whole is None:
        return Constant(False, span)
    if size:
        return Test(name.removeprefix(_SIZE), "size", Test("size", operator, whole, span), span)
    return Test(name, operator, whole, span)


def _whole(operator: str, threshold: Exact) -> int | None:
    """The integer bound with the same meaning for integers; None: never equal."""
    if operator in ("gt", "lte"):
        return math.floor(threshold)
    if operator in ("gte", "lt"):
        return math.ceil(threshold)
    return threshold.numerator if threshold.denominator == 1 else None


def _holds(operator: str, number: Exact) -> bool:
    return {"gt": number > 0, "gte": number >= 0, "lt": number < 0, "lte": number <= 0, "eq": number == 0}[operator]


def _is_bare(term: Term) -> bool:
    node = term.node.operand if isinstance(term.node, ast.UnaryOp) else term.node
    return not isinstance(node, ast.BinOp)


def _is_nonlinear(number: Number) -> bool:
    return "" in number.factors
