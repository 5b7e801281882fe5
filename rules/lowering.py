"""Checked expression syntax to predicates: types first, then the smallest predicate that says the same."""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from rules.compute import FUNCTIONS, fold
from rules.facts import FACTS, FAMILIES, spec_of
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Test
from rules.operands import literal_text, network_of
from rules.patterns import glob_of, pattern_of
from rules.regex import PatternError
from rules.spans import Within
from rules.terms import Fact, Folded, Kind, Literal, Number, Term, kind_of, linear_of, threshold_test
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.suggest import nearest


class Refused(Exception):  # noqa: N818 - says what was refused
    """A part of an expression is wrong; its diagnostic is already listed."""


CONDITIONS = ("contains", "startswith", "endswith", "matches", "glob", "has", "exists", "cidr")
"""Functions that give true or false."""

VALUES = ("lower", "strip", "len", "number", "header", "health", "inflight")
"""Functions that give a value to compare."""

_BANNED: Mapping[type[ast.AST], str] = {
    ast.Attribute: "a method or attribute", ast.Lambda: "`lambda`", ast.IfExp: "`if` inside an expression",
    ast.Subscript: "an index", ast.JoinedStr: "a formatted text", ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension", ast.DictComp: "a comprehension", ast.GeneratorExp: "a comprehension",
    ast.Dict: "a mapping", ast.NamedExpr: "`:=`", ast.Starred: "`*`", ast.Await: "`await`", ast.Yield: "`yield`",
}  # fmt: skip
_COMPARISONS: Mapping[type[ast.cmpop], str] = {ast.Gt: "gt", ast.GtE: "gte", ast.Lt: "lt", ast.LtE: "lte", ast.Eq: "eq"}
_TEXT_TESTS: Mapping[str, str] = {"contains": "contains", "startswith": "prefix", "endswith": "suffix"}
_KIND_WORDS: Mapping[Kind, str] = {
    "bool": "true or false", "number": "a number", "string": "a text", "set": "a set", "list": "a list",
}  # fmt: skip


class Lowering:
    """One expression on its way; `diagnostics` grows where parts are wrong, and independent parts go on."""

    def __init__(self, source: str, offset: Callable[[int], int], within: Within) -> None:
        self.source, self.offset, self.within = source, offset, within
        self.diagnostics: list[Diagnostic] = []

    def condition(self, node: ast.expr) -> Predicate:
        """The predicate of a part that must be true or false; a constant stands in for a wrong part."""
        try:
            return self._condition(node)
        except Refused:
            return Constant(False, self.span(node))

    def _condition(self, node: ast.expr) -> Predicate:
        span = self.span(node)
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return All(tuple(self.condition(value) for value in values), span)
            case ast.BoolOp(values=values):
                return Any(tuple(self.condition(value) for value in values), span)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.condition(operand), span)
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name)) if name in CONDITIONS:
                return self._call(node, name)
        term = self.term(node)
        if isinstance(term.shape, Fact) and term.kind == "bool":
            return Test(term.shape.name, "eq", True, span)
        if isinstance(term.shape, Literal) and isinstance(term.shape.value, bool):
            return Constant(term.shape.value, span)
        raise self.refused(
            "CCR604",
            f"`{self.text(node)}` is {_KIND_WORDS[term.kind]}, not a condition",
            node,
            "compare it with something",
        )

    def _comparison(self, node: ast.Compare) -> Predicate:
        terms = [node.left, *node.comparators]
        pairs = [
            self._pair(left, operator, right) for left, operator, right in zip(terms, node.ops, terms[1:], strict=False)
        ]
        return pairs[0] if len(pairs) == 1 else All(tuple(pairs), self.span(node))

    def _pair(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Predicate:
        span = self.within(self.offset(left.col_offset), self.offset(right.end_col_offset or right.col_offset))
        match operator:
            case ast.NotEq():
                return Not(self._pair(left, ast.Eq(), right), span)
            case ast.NotIn():
                return Not(self._pair(left, ast.In(), right), span)
            case ast.Is() | ast.IsNot():
                raise self.refused("CCR602", "`is` is not part of expressions", left, "compare with `==`", end=right)
            case ast.In():
                return self._membership(left, right, span)
        return self._compared(self.term(left), _COMPARISONS[type(operator)], self.term(right), span)

    def _compared(self, left: Term, operator: str, right: Term, span: Span) -> Predicate:
        if left.kind != right.kind or left.kind in ("set", "list"):
            raise self.refused(
                "CCR604",
                f"`{self.text(left.node)}` is {_KIND_WORDS[left.kind]} and `{self.text(right.node)}` is {_KIND_WORDS[right.kind]}: "
                "they cannot be compared" if left.kind != right.kind else f"{_KIND_WORDS[left.kind]} cannot be compared",
                left.node,
                end=right.node,
                hint="use `in`, `has` or `len`" if "set" in (left.kind, right.kind) else None,
            )  # fmt: skip
        if left.kind == "number":
            return self._numbers(left, operator, right, span)
        if operator != "eq":
            raise self.refused("CCR604", f"{_KIND_WORDS[left.kind]} has no order", left.node, end=right.node)
        if isinstance(left.shape, Literal):
            left, right = right, left
        if isinstance(right.shape, Literal) and isinstance(left.shape, Fact | Folded):
            return self._equal(left.shape, right, span)
        if isinstance(left.shape, Literal) and isinstance(right.shape, Literal):
            return Constant(left.shape.value == right.shape.value, span)
        return self._opaque((left, right), ast.Compare(left.node, [ast.Eq()], [right.node]), span)

    def _equal(self, shape: Fact | Folded, literal: Term, span: Span) -> Predicate:
        assert isinstance(literal.shape, Literal)
        value = literal.shape.value
        if isinstance(shape, Folded):
            assert isinstance(value, str)
            same = fold(value) == value
            return Test(shape.name, "eq", value, span, ignore_case=True) if same else Constant(False, span)
        spec = spec_of(shape.name)
        assert spec is not None
        if spec.words and value not in spec.words:
            near = nearest(str(value), spec.words)
            raise self.refused(
                "CCR204", f"`{shape.name}` is never `{value}`", literal.node,
                f"did you mean `{near}`?" if near else f"it is one of {', '.join(spec.words)}",
            )  # fmt: skip
        return Test(shape.name, "address" if spec.type == "address" else "eq", value, span)

    def _numbers(self, left: Term, operator: str, right: Term, span: Span) -> Predicate:
        difference = linear_of(left, right)
        if difference is not None:
            test = threshold_test(difference, operator, left, right, span)
            if test is not None:
                return test
        tree = ast.Compare(left.node, [{name: kind for kind, name in _COMPARISONS.items()}[operator]()], [right.node])
        arithmetic = isinstance(left.shape, Number) and isinstance(right.shape, Number)
        if not arithmetic:
            return self._opaque((left, right), tree, span)
        facts, plain = _renamed(tree, (left, right))
        return Compare(ast.unparse(tree), facts, span, plain)

    def _membership(self, left: ast.expr, right: ast.expr, span: Span) -> Predicate:
        member = self.term(left)
        if isinstance(right, ast.List | ast.Tuple | ast.Set):
            return self._one_of(member, right, span)
        whole = self.term(right)
        if whole.kind == "set" and member.kind == "string":
            if isinstance(whole.shape, Fact) and isinstance(member.shape, Literal):
                return Test(whole.shape.name, "has", member.shape.value, span)
            return self._opaque((member, whole), ast.Compare(member.node, [ast.In()], [whole.node]), span)
        if whole.kind == "string" and member.kind == "string":
            return self._text_test("contains", whole, member, span)
        raise self.refused(
            "CCR604", f"`in` looks for {_KIND_WORDS[member.kind]} in {_KIND_WORDS[whole.kind]}", left,
            "it looks for a text in a text, a set or a list, for a number in a list", end=right,
        )  # fmt: skip

    def _one_of(self, member: Term, written: ast.List | ast.Tuple | ast.Set, span: Span) -> Predicate:
        items = [self.term(item) for item in written.elts]
        wrong = next((item for item in items if not isinstance(item.shape, Literal | Number) or item.facts), None)
        if wrong is not None:
            raise self.refused("CCR604", "a list holds texts or numbers written out", wrong.node)
        tests = [self._compared(member, "eq", item, span) for item in items]
        simple = [test for test in tests if isinstance(test, Test) and test.operator == "eq"]
        if tests and len(simple) == len(tests):
            first = simple[0]
            return Test(first.fact, "in", frozenset(test.operand for test in simple), span, first.ignore_case)
        return Any(tuple(tests), span)

    def _call(self, node: ast.Call, name: str) -> Predicate:
        span = self.span(node)
        if name == "exists":
            (term,) = self._arguments(node, 1)
            fact = self._fact_of(term, name)
            return Test(fact, "exists", True, span)
        subject, argument = self._arguments(node, 2)
        if name in _TEXT_TESTS:
            self._want(subject, "string", name)
            self._want(argument, "string", name)
            return self._text_test(name, subject, argument, span)
        if not (isinstance(argument.shape, Literal) and isinstance(argument.shape.value, str)):
            if name == "has":
                self._want(subject, "set", name)
                self._want(argument, "string", name)
                return self._opaque((subject, argument), node, span)
            raise self.refused("CCR604", f"the second argument of `{name}` is a text written out", argument.node)
        fact, value = self._fact_of(subject, name), argument.shape.value
        self._want(subject, "set" if name == "has" else "string", name)
        if name == "has":
            return Test(fact, "has", value, span)
        if name == "glob":
            return Test(fact, "glob", glob_of(value), span)
        if name == "cidr":
            return self._cidr(fact, value, subject, argument, span)
        try:
            return Test(fact, "regex", pattern_of(value), span)
        except PatternError as fault:
            raise self._pattern_fault(fault, argument.node, value) from None

    def _cidr(self, fact: str, value: str, subject: Term, argument: Term, span: Span) -> Predicate:
        spec = spec_of(fact)
        if spec is None or spec.type != "address":
            raise self.refused("CCR604", f"`{fact}` is no address", subject.node)
        network = network_of(value)
        if network is None:
            raise self.refused("CCR203", f"`{value}` is no range of addresses", argument.node, "such as `10.0.0.0/8`")
        return Test(fact, "cidr", (network,), span)

    def _pattern_fault(self, fault: PatternError, node: ast.expr, value: str) -> Refused:
        start = self.offset(node.col_offset)
        literal = self.source[start : self.offset(node.end_col_offset or 0)]
        exact = literal[1:-1] == value
        span = self.within(start + 1 + fault.start, start + 1 + fault.end) if exact else self.span(node)
        self.diagnostics.append(finding(fault.code, fault.message, span, help=fault.hint))
        return Refused()

    def _text_test(self, name: str, subject: Term, argument: Term, span: Span) -> Predicate:
        """`name` on a text: one of `_TEXT_TESTS`."""
        value = argument.shape.value if isinstance(argument.shape, Literal) else None
        if isinstance(value, str):
            if isinstance(subject.shape, Fact):
                return Test(subject.shape.name, _TEXT_TESTS[name], value, span)
            if isinstance(subject.shape, Folded):
                if fold(value) != value:
                    return Constant(False, span)
                return Test(subject.shape.name, _TEXT_TESTS[name], value, span, ignore_case=True)
            if isinstance(subject.shape, Literal):
                return Constant(bool(FUNCTIONS[name](subject.shape.value, value)), span)
        call = ast.Call(ast.Name(name, ast.Load()), [subject.node, argument.node], [])
        return self._opaque((subject, argument), call, span)

    def term(self, node: ast.expr) -> Term:
        """A part that gives a value. Raises `Refused`."""
        match node:
            case ast.Constant(value=value):
                return self._constant(node, value)
            case ast.Name(id=name):
                return self._fact(name, node)
            case ast.Attribute() if (dotted := _dotted(node)) is not None and dotted.startswith(
                ("provider.", "header.")
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
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
                return self._arithmetic(node, self.term(left), self.term(right))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                inner = self.term(operand)
                self._want(inner, "number", "the sign")
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
        if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            return Term(
                "number", node, (), Number({}, Fraction(repr(value)) if isinstance(value, float) else Fraction(value))
            )
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
            raise self.refused(
                "CCR603", f"there is no fact `{name}`", node,
                f"did you mean `{near}`?" if near else f"facts with a name in them are {', '.join(FAMILIES)}",
            )  # fmt: skip
        kind = kind_of(spec.type)
        if kind is None:
            raise self.refused(
                "CCR604",
                f"`{name}` has a form of its own and cannot stand in an expression",
                node,
                "write it as a key beside `expr`",
            )
        shape = Number({name: Fraction(1)}, Fraction(0)) if kind == "number" else Fact(name)
        return Term(kind, node, (name,), shape)

    def _value_call(self, node: ast.Call, name: str) -> Term:
        if name in ("header", "health", "inflight"):
            (argument,) = self._arguments(node, 1)
            value = argument.shape.value if isinstance(argument.shape, Literal) else None
            if not isinstance(value, str):
                raise self.refused("CCR604", f"the argument of `{name}` is a name written out", argument.node)
            return self._fact(f"header.{value.lower()}" if name == "header" else f"provider.{value}.{name}", node)
        if name in CONDITIONS:
            raise self.refused("CCR604", f"`{self.text(node)}` is a condition, not a value", node)
        if name not in VALUES:
            near = nearest(name, (*CONDITIONS, *VALUES))
            raise self.refused(
                "CCR603", f"there is no function `{name}`", node.func,
                f"did you mean `{near}`?" if near else f"there are {', '.join((*CONDITIONS, *VALUES))}",
            )  # fmt: skip
        (inner,) = self._arguments(node, 1)
        plain = ast.Call(node.func, [inner.node], [])
        ast.copy_location(plain, node)
        if name == "len":
            if inner.kind == "set" and isinstance(inner.shape, Fact):
                return Term("number", plain, inner.facts, Number({f"len {inner.shape.name}": Fraction(1)}, Fraction(0)))
            if inner.kind not in ("set", "string"):
                raise self.refused(
                    "CCR604",
                    f"`len` wants a text or a set, `{self.text(inner.node)}` is {_KIND_WORDS[inner.kind]}",
                    inner.node,
                )
            return Term("number", plain, inner.facts, None, inner.may_fail)
        self._want(inner, "string", name)
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
            self._want(side, "number", "arithmetic")
        facts = tuple(dict.fromkeys((*left.facts, *right.facts)))
        shape: Number | None = None
        if isinstance(left.shape, Number) and isinstance(right.shape, Number):
            shape = left.shape.combined(type(node.op), right.shape)
        plain = ast.copy_location(ast.BinOp(left.node, node.op, right.node), node)
        return Term("number", plain, facts, shape, left.may_fail or right.may_fail)

    def _arguments(self, node: ast.Call, count: int) -> list[Term]:
        assert isinstance(node.func, ast.Name)
        if node.keywords or len(node.args) != count:
            raise self.refused("CCR604", f"`{node.func.id}` takes {count} argument{'s' * (count > 1)}", node)
        return [self.term(argument) for argument in node.args]

    def _fact_of(self, term: Term, name: str) -> str:
        if isinstance(term.shape, Fact):
            return term.shape.name
        if isinstance(term.shape, Number) and (single := term.shape.single_fact) is not None:
            return single
        raise self.refused("CCR604", f"the first argument of `{name}` is a fact", term.node)

    def _want(self, term: Term, kind: Kind, user: str) -> None:
        if term.kind != kind:
            raise self.refused(
                "CCR604",
                f"`{self.text(term.node)}` is {_KIND_WORDS[term.kind]}, `{user}` wants {_KIND_WORDS[kind]}",
                term.node,
            )

    def _opaque(self, terms: tuple[Term, ...], tree: ast.expr, span: Span) -> Predicate:
        facts, plain = _renamed(tree, terms)
        may_fail = any(term.may_fail for term in terms)
        return Opaque(ast.unparse(tree), facts, span, plain, may_fail)

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
    return shape.scaled(Fraction(-1)) if isinstance(node.op, ast.USub) else shape


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def _renamed(tree: ast.expr, terms: tuple[Term, ...]) -> tuple[tuple[str, ...], ast.expr]:
    """The facts of a tree, and the tree with `fact0`, `fact1`, ... in their places."""
    facts = tuple(dict.fromkeys(fact for term in terms for fact in term.facts))
    plain = _Renaming(facts).visit(copy.deepcopy(tree))
    assert isinstance(plain, ast.expr)
    return facts, ast.fix_missing_locations(plain)


class _Renaming(ast.NodeTransformer):
    def __init__(self, facts: tuple[str, ...]) -> None:
        self.facts = facts

    def visit(self, node: ast.AST) -> ast.AST:
        name = _fact_name(node)
        if name in self.facts:
            return ast.Name(f"fact{self.facts.index(name)}", ast.Load())
        return self.generic_visit(node)


def _fact_name(node: ast.AST) -> str | None:
    match node:
        case ast.Name() | ast.Attribute():
            return _dotted(node)
        case ast.Subscript(value=ast.Name(id="header"), slice=ast.Constant(value=str(name))):
            return f"header.{name.lower()}"
        case ast.Call(func=ast.Name(id="header"), args=[ast.Constant(value=str(name))]):
            return f"header.{name.lower()}"
        case ast.Call(func=ast.Name(id=("health" | "inflight") as kind), args=[ast.Constant(value=str(name))]):
            return f"provider.{name}.{kind}"
    return None
