"""The parts of an expression that give a value: facts, literals, arithmetic and functions, with their types."""

from __future__ import annotations

import ast
import math
import re
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction

from rules.expressions.terms import Fact, Folded, Kind, Literal, Number, Term, kind_of
from rules.facts import FACTS, FAMILIES, spec_of
from rules.operands import literal_text
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.places import Within
from schemas.suggest import nearest

CONDITIONS = ("contains", "startswith", "endswith", "matches", "glob", "has", "exists", "cidr")
"""Functions that give true or false."""

NAMED_FACTS = {
    "header": "header.*",
    "health": "provider.*.health",
    "inflight": "provider.*.inflight",
    "budget": "budget.*.state",
}
"""Functions that write a fact whose name has another name in it."""

VALUES = ("lower", "strip", "len", "number", "header", "health", "inflight", "budget")
"""Functions that give a value to compare."""

KIND_WORDS: Mapping[Kind, str] = {
    "bool": "true or false", "number": "a number", "string": "a text", "set": "a set", "list": "a list",
}  # fmt: skip
_SIGNS: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_BANNED: Mapping[type[ast.AST], str] = {
    ast.Attribute: "a method or attribute", ast.Lambda: "`lambda`", ast.IfExp: "`if` inside an expression",
    ast.Subscript: "an index", ast.JoinedStr: "a formatted text", ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension", ast.DictComp: "a comprehension", ast.GeneratorExp: "a comprehension",
    ast.Dict: "a mapping", ast.NamedExpr: "`:=`", ast.Starred: "`*`", ast.Await: "`await`", ast.Yield: "`yield`",
}  # fmt: skip
_OTHER_WORDS: Mapping[str, str] = {
    "true": "write `True`", "false": "write `False`", "modelContains": "write `contains(lower(model), ...)`",
    "null": "`exists(...)` says whether a fact is there", "none": "`exists(...)` says whether a fact is there",
}  # fmt: skip
_WITH_DASHES = re.compile(r"(header|provider|budget)\.([\w.]*-[\w.-]*)")


class Refused(Exception):  # noqa: N818 - says what was refused
    """A part of an expression is wrong; its diagnostic is already listed."""


class Values:
    """Reads the values of one expression; `diagnostics` grows where they are wrong."""

    def __init__(self, source: str, offset: Callable[[int], int], within: Within) -> None:
        self.source, self.offset, self.within = source, offset, within
        self.diagnostics: list[Diagnostic] = []

    def term(self, node: ast.expr) -> Term:
        """A part that gives a value. Raises `Refused`."""
        match node:
            case ast.Constant(value=value):
                return self._constant(node, value)
            case ast.Name(id=name):
                return self._fact(name, node)
            case ast.Attribute() if (dotted := dotted_name(node)) is not None and dotted.startswith(
                ("provider.", "header.", "budget.")
            ):
                return self._fact(dotted, node)
            case ast.Subscript(value=ast.Name(id="header"), slice=ast.Constant(value=str(name))):
                return self._fact(f"header.{name.lower()}", node)
            case ast.Call(func=ast.Name(id=name)):
                return self._value_call(node, name)
            case ast.Call(func=ast.Attribute(attr=method, value=subject)):
                known = nearest(method, (*CONDITIONS, *VALUES)) if method not in (*CONDITIONS, *VALUES) else method
                hint = f"write `{known}({self.text(subject)}, ...)`" if known else None
                raise self.refused("CCR602", "a method is not part of expressions", node, hint)
            case ast.BinOp(op=ast.Sub()) if (named := _WITH_DASHES.fullmatch(self.text(node))) is not None:
                raise self.refused(
                    "CCR604", f"`{named[0]}` is a subtraction here", node, f"write `{_quoted_name(named[1], named[2])}`"
                )
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
                return self._arithmetic(node, self.term(left), self.term(right))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                inner = self.term(operand)
                self.want(inner, "number", "the sign")
                return Term("number", node, inner.facts, _signed(node, inner.shape), inner.may_fail)
            case ast.BinOp():
                raise self.refused("CCR602", "expressions know only `+`, `-` and `*`", node)
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp():
                raise self.refused("CCR604", f"`{self.text(node)}` is a condition, not a value", node)
            case ast.List() | ast.Tuple() | ast.Set():
                raise self.refused("CCR604", "a list can only stand behind `in`", node)
        raise self.refused("CCR602", f"{_BANNED.get(type(node), 'this')} is not part of expressions", node)

    def _constant(self, node: ast.Constant, value: object) -> Term:
        if isinstance(value, bool):
            return Term("bool", node, (), Literal(value))
        if isinstance(value, str):
            return Term("string", node, (), Literal(value))
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            raise self.refused("CCR602", f"`{self.text(node)}` is too large a number", node)
        if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            return Term("number", node, (), Number({}, Fraction(repr(value)) if isinstance(value, float) else value))
        raise self.refused(
            "CCR602",
            f"`{self.text(node)}` is not part of expressions",
            node,
            "`exists(...)` says whether a fact is there" if value is None else None,
        )

    def _fact(self, name: str, node: ast.expr) -> Term:
        spec = spec_of(name)
        if spec is None:
            known = [*FACTS, *CONDITIONS, *VALUES]
            near = nearest(name, known)
            families = f"facts with a name in them are {', '.join(FAMILIES)}"
            hint = f"did you mean `{near}`?" if near else families if "." in name else f"a text is quoted: `'{name}'`"
            raise self.refused("CCR603", f"there is no fact `{name}`", node, _OTHER_WORDS.get(name, hint))
        kind = kind_of(spec.type)
        if kind is None:
            raise self.refused(
                "CCR604",
                f"`{name}` has a form of its own and cannot stand in an expression",
                node,
                "write it as a key beside `expr`",
            )
        shape = Number({name: 1}, 0) if kind == "number" else Fact(name)
        return Term(kind, node, (name,), shape)

    def _value_call(self, node: ast.Call, name: str) -> Term:
        if name in NAMED_FACTS:
            (argument,) = self.arguments(node, 1)
            value = argument.shape.value if isinstance(argument.shape, Literal) else None
            if not isinstance(value, str):
                raise self.refused("CCR604", f"the argument of `{name}` is a name written out", argument.node)
            return self._fact(named_fact(name, value), node)
        if name in CONDITIONS:
            raise self.refused("CCR604", f"`{self.text(node)}` is a condition, not a value", node)
        if name not in VALUES:
            near = nearest(name, (*CONDITIONS, *VALUES))
            raise self.refused(
                "CCR603", f"there is no function `{name}`", node.func,
                f"did you mean `{near}`?" if near else f"there are {', '.join((*CONDITIONS, *VALUES))}",
            )  # fmt: skip
        (inner,) = self.arguments(node, 1)
        plain = ast.Call(node.func, [inner.node], [])
        ast.copy_location(plain, node)
        if name == "len":
            if inner.kind == "set" and isinstance(inner.shape, Fact):
                return Term("number", plain, inner.facts, Number({f"len {inner.shape.name}": 1}, 0))
            if inner.kind not in ("set", "string"):
                raise self.refused(
                    "CCR604",
                    f"`len` wants a text or a set, `{self.text(inner.node)}` is {KIND_WORDS[inner.kind]}",
                    inner.node,
                )
            return Term("number", plain, inner.facts, None, inner.may_fail)
        self.want(inner, "string", name)
        if name == "lower":
            return Term(
                "string",
                plain,
                inner.facts,
                Folded(inner.shape.name) if isinstance(inner.shape, Fact) else None,
                inner.may_fail,
            )
        return Term(
            "number" if name == "number" else "string", plain, inner.facts, None, inner.may_fail or name == "number"
        )

    def _arithmetic(self, node: ast.BinOp, left: Term, right: Term) -> Term:
        for side in (left, right):
            self.want(side, "number", _SIGNS[type(node.op)])
        facts = tuple(dict.fromkeys((*left.facts, *right.facts)))
        shape: Number | None = None
        if isinstance(left.shape, Number) and isinstance(right.shape, Number):
            shape = left.shape.combined(type(node.op), right.shape)
        plain = ast.copy_location(ast.BinOp(left.node, node.op, right.node), node)
        return Term("number", plain, facts, shape, left.may_fail or right.may_fail)

    def arguments(self, node: ast.Call, count: int) -> list[Term]:
        """The arguments of a call that takes so many. Raises `Refused`."""
        assert isinstance(node.func, ast.Name)
        if node.keywords or len(node.args) != count:
            raise self.refused("CCR604", f"`{node.func.id}` takes {count} argument{'s' * (count > 1)}", node)
        return [self.term(argument) for argument in node.args]

    def fact_of(self, term: Term, name: str) -> str:
        """The fact that a term is; the function `name` takes nothing else. Raises `Refused`."""
        if isinstance(term.shape, Fact):
            return term.shape.name
        if isinstance(term.shape, Number) and (single := term.shape.single_fact) is not None:
            return single
        raise self.refused("CCR604", f"the first argument of `{name}` is a fact", term.node)

    def want(self, term: Term, kind: Kind, user: str) -> None:
        """Raises `Refused` for a term of another kind than `user` wants."""
        if term.kind != kind:
            raise self.refused(
                "CCR604",
                f"`{self.text(term.node)}` is {KIND_WORDS[term.kind]}, `{user}` wants {KIND_WORDS[kind]}",
                term.node,
            )

    def span(self, node: ast.expr) -> Span:
        """Where a part stands."""
        return self.within(self.offset(node.col_offset), self.offset(node.end_col_offset or node.col_offset))

    def text(self, node: ast.expr) -> str:
        """A part as written."""
        return literal_text(
            self.source[self.offset(node.col_offset) : self.offset(node.end_col_offset or node.col_offset)]
        )

    def refused(
        self, code: str, message: str, node: ast.expr, hint: str | None = None, end: ast.expr | None = None
    ) -> Refused:
        """Lists what is wrong with a part, which is to be given up."""
        last = end or node
        span = self.within(self.offset(node.col_offset), self.offset(last.end_col_offset or last.col_offset))
        self.diagnostics.append(finding(code, message, span, help=hint))
        return Refused()


def _signed(node: ast.UnaryOp, shape: object) -> Number | None:
    if not isinstance(shape, Number):
        return None
    return shape.scaled(-1) if isinstance(node.op, ast.USub) else shape


def named_fact(function: str, name: str) -> str:
    """The fact that one of `NAMED_FACTS` stands for."""
    return NAMED_FACTS[function].replace("*", name.lower() if function == "header" else name)


def _quoted_name(family: str, name: str) -> str:
    """How a fact with another name in its name is written where that has a dash."""
    if family == "header":
        return f"header['{name}']"
    name, _, ending = name.rpartition(".")
    return f"{'budget' if family == 'budget' else ending}('{name}')"


def dotted_name(node: ast.expr) -> str | None:
    """`a.b.c` as a text; None for every other syntax."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None
