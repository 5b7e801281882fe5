"""Checked expression syntax to predicates: types first, then the smallest predicate that says the same."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from rules.expressions.compute import FUNCTIONS, fold
from rules.expressions.terms import Fact, Folded, Literal, Number, Term, linear_of, threshold_test
from rules.expressions.unparsed import written
from rules.expressions.values import CONDITIONS, KIND_WORDS, NAMED_FACTS, Refused, Values, dotted_name, named_fact
from rules.facts import spec_of
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Test
from rules.operands import literal_text, network_of
from rules.patterns.compiled import glob_of, pattern_of
from rules.patterns.regex import PatternError
from schemas.codes import finding
from schemas.diagnostics import Span
from schemas.suggest import nearest

_COMPARISONS: Mapping[type[ast.cmpop], str] = {ast.Gt: "gt", ast.GtE: "gte", ast.Lt: "lt", ast.LtE: "lte", ast.Eq: "eq"}
_OPERATORS: Mapping[str, type[ast.cmpop]] = {name: kind for kind, name in _COMPARISONS.items()}
_TEXT_TESTS: Mapping[str, str] = {"contains": "contains", "startswith": "prefix", "endswith": "suffix"}


class Lowering:
    """One expression on its way; where parts are wrong, independent parts go on. `values` lists what is wrong."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def condition(self, node: ast.expr) -> Predicate:
        """The predicate of a part that must be true or false; a constant stands in for a wrong part."""
        try:
            return self._condition(node)
        except Refused:
            return Constant(False, self.values.span(node))

    def _condition(self, node: ast.expr) -> Predicate:
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        span = self.values.span(node)
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return All(tuple(self.condition(value) for value in values), span)
            case ast.BoolOp(values=values):
                return Any(tuple(self.condition(value) for value in values), span)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.condition(operand), span)
            case ast.Call(func=ast.Name(id=name)) if name in CONDITIONS:
                return self._call(node, name)
        term = self.values.term(node)
        if isinstance(term.shape, Fact) and term.kind == "bool":
            return Test(term.shape.name, "eq", True, span)
        if isinstance(term.shape, Literal) and isinstance(term.shape.value, bool):
            return Constant(term.shape.value, span)
        raise self.values.refused(
            "CCR604",
            f"`{self.values.text(node)}` is {KIND_WORDS[term.kind]}, not a condition",
            node,
            "compare it with something",
        )

    def _comparison(self, node: ast.Compare) -> Predicate:
        terms = [node.left, *node.comparators]
        pairs = [
            self._pair(left, operator, right) for left, operator, right in zip(terms, node.ops, terms[1:], strict=False)
        ]
        return pairs[0] if len(pairs) == 1 else All(tuple(pairs), self.values.span(node))

    def _pair(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Predicate:
        span = self.values.within(
            self.values.offset(left.col_offset), self.values.offset(right.end_col_offset or right.col_offset)
        )
        match operator:
            case ast.NotEq():
                return Not(self._pair(left, ast.Eq(), right), span)
            case ast.NotIn():
                return Not(self._pair(left, ast.In(), right), span)
            case ast.Is() | ast.IsNot():
                raise self.values.refused(
                    "CCR602", "`is` is not part of expressions", left, "compare with `==`", end=right
                )
            case ast.In():
                return self._membership(left, right, span)
        return self._compared(self.values.term(left), _COMPARISONS[type(operator)], self.values.term(right), span)

    def _compared(self, left: Term, operator: str, right: Term, span: Span) -> Predicate:
        if left.kind != right.kind or left.kind in ("set", "list"):
            raise self.values.refused(
                "CCR604",
                f"`{self.values.text(left.node)}` is {KIND_WORDS[left.kind]} and `{self.values.text(right.node)}` is {KIND_WORDS[right.kind]}: "
                "they cannot be compared" if left.kind != right.kind else f"{KIND_WORDS[left.kind]} cannot be compared",
                left.node,
                end=right.node,
                hint="use `in`, `has` or `len`" if "set" in (left.kind, right.kind) else None,
            )  # fmt: skip
        if left.kind == "number":
            return self._numbers(left, operator, right, span)
        if operator != "eq":
            raise self.values.refused("CCR604", f"{KIND_WORDS[left.kind]} has no order", left.node, end=right.node)
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
            return Test(shape.name, "eq", self._small(literal), span, ignore_case=True)
        spec = spec_of(shape.name)
        assert spec is not None
        if spec.words and value not in spec.words:
            near = nearest(str(value), spec.words)
            raise self.values.refused(
                "CCR204", f"`{shape.name}` is never `{value}`", literal.node,
                f"did you mean `{near}`?" if near else f"it is one of {', '.join(spec.words)}",
            )  # fmt: skip
        return Test(shape.name, "address" if spec.type == "address" else "eq", value, span)

    def _small(self, literal: Term) -> str:
        """A text to compare with a folded one. Raises `Refused` for one with capitals, which it never has."""
        assert isinstance(literal.shape, Literal)
        value = str(literal.shape.value)
        if fold(value) != value:
            raise self.values.refused(
                "CCR204", f"`lower(...)` never gives `{literal_text(value)}`", literal.node, f"write `{literal_text(fold(value))}`"
            )  # fmt: skip
        return value

    def _numbers(self, left: Term, operator: str, right: Term, span: Span) -> Predicate:
        difference = linear_of(left, right)
        if difference is not None:
            test = threshold_test(difference, operator, left, right, span)
            if test is not None:
                return test
        tree = ast.Compare(left.node, [_OPERATORS[operator]()], [right.node])
        arithmetic = isinstance(left.shape, Number) and isinstance(right.shape, Number)
        if not arithmetic:
            return self._opaque((left, right), tree, span)
        facts, plain = _renamed(tree, (left, right))
        return Compare(written(tree), facts, span, plain)

    def _membership(self, left: ast.expr, right: ast.expr, span: Span) -> Predicate:
        member = self.values.term(left)
        if isinstance(right, ast.List | ast.Tuple | ast.Set):
            return self._one_of(member, right, span)
        whole = self.values.term(right)
        if whole.kind == "set" and member.kind == "string":
            if isinstance(whole.shape, Fact) and isinstance(member.shape, Literal):
                return Test(whole.shape.name, "has", member.shape.value, span)
            return self._opaque((member, whole), ast.Compare(member.node, [ast.In()], [whole.node]), span)
        if whole.kind == "string" and member.kind == "string":
            return self._text_test("contains", whole, member, span)
        raise self.values.refused(
            "CCR604", f"`in` looks for {KIND_WORDS[member.kind]} in {KIND_WORDS[whole.kind]}", left,
            "it looks for a text in a text, a set or a list, for a number in a list", end=right,
        )  # fmt: skip

    def _one_of(self, member: Term, written: ast.List | ast.Tuple | ast.Set, span: Span) -> Predicate:
        items = [self.values.term(item) for item in written.elts]
        wrong = next((item for item in items if not isinstance(item.shape, Literal | Number) or item.facts), None)
        if wrong is not None:
            raise self.values.refused("CCR604", "a list holds texts or numbers written out", wrong.node)
        tests = [self._compared(member, "eq", item, span) for item in items]
        simple = [test for test in tests if isinstance(test, Test) and test.operator == "eq"]
        if tests and len(simple) == len(tests):
            first = simple[0]
            return Test(first.fact, "in", frozenset(test.operand for test in simple), span, first.ignore_case)
        return Any(tuple(tests), span)

    def _call(self, node: ast.Call, name: str) -> Predicate:
        span = self.values.span(node)
        if name == "exists":
            (term,) = self.values.arguments(node, 1)
            fact = self.values.fact_of(term, name)
            return Test(fact, "exists", True, span)
        subject, argument = self.values.arguments(node, 2)
        if name in _TEXT_TESTS:
            self.values.want(subject, "string", name)
            self.values.want(argument, "string", name)
            return self._text_test(name, subject, argument, span)
        if not (isinstance(argument.shape, Literal) and isinstance(argument.shape.value, str)):
            if name == "has":
                self.values.want(subject, "set", name)
                self.values.want(argument, "string", name)
                return self._opaque((subject, argument), node, span)
            raise self.values.refused("CCR604", f"the second argument of `{name}` is a text written out", argument.node)
        fact, value = self.values.fact_of(subject, name), argument.shape.value
        self.values.want(subject, "set" if name == "has" else "string", name)
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
            raise self.values.refused("CCR604", f"`{fact}` is no address", subject.node)
        network = network_of(value)
        if network is None:
            raise self.values.refused(
                "CCR203", f"`{value}` is no range of addresses", argument.node, "such as `10.0.0.0/8`"
            )
        return Test(fact, "cidr", (network,), span)

    def _pattern_fault(self, fault: PatternError, node: ast.expr, value: str) -> Refused:
        start = self.values.offset(node.col_offset)
        literal = self.values.source[start : self.values.offset(node.end_col_offset or 0)]
        exact = literal[1:-1] == value
        span = self.values.within(start + 1 + fault.start, start + 1 + fault.end) if exact else self.values.span(node)
        self.values.diagnostics.append(finding(fault.code, fault.message, span, help=fault.hint))
        return Refused()

    def _text_test(self, name: str, subject: Term, argument: Term, span: Span) -> Predicate:
        """`name` on a text: one of `_TEXT_TESTS`."""
        value = argument.shape.value if isinstance(argument.shape, Literal) else None
        if isinstance(value, str):
            if isinstance(subject.shape, Fact):
                return Test(subject.shape.name, _TEXT_TESTS[name], value, span)
            if isinstance(subject.shape, Folded):
                return Test(subject.shape.name, _TEXT_TESTS[name], self._small(argument), span, ignore_case=True)
            if isinstance(subject.shape, Literal):
                return Constant(bool(FUNCTIONS[name](subject.shape.value, value)), span)
        call = ast.Call(ast.Name(name, ast.Load()), [subject.node, argument.node], [])
        return self._opaque((subject, argument), call, span)

    def _opaque(self, terms: tuple[Term, ...], tree: ast.expr, span: Span) -> Predicate:
        facts, plain = _renamed(tree, terms)
        may_fail = any(term.may_fail for term in terms)
        return Opaque(written(tree), facts, span, plain, may_fail)


def _renamed(tree: ast.expr, terms: tuple[Term, ...]) -> tuple[tuple[str, ...], ast.expr]:
    """The facts of a tree, and the tree with `fact0`, `fact1`, ... in their places."""
    facts = tuple(dict.fromkeys(fact for term in terms for fact in term.facts))
    plain = _copied(tree, {fact: f"fact{index}" for index, fact in enumerate(facts)})
    assert isinstance(plain, ast.expr)
    return facts, plain


def _copied(part: object, names: Mapping[str, str]) -> object:
    """A tree, or what is in one, with other names for some facts and without places in a text."""
    if isinstance(part, list):
        return [_copied(one, names) for one in part]
    if not isinstance(part, ast.AST) or isinstance(part, ast.Constant) or not part._fields:
        return part
    if isinstance(part, _FACTS) and (name := names.get(_fact_name(part) or "")) is not None:
        return ast.Name(name, ast.Load())
    return type(part)(*[_copied(getattr(part, field), names) for field in part._fields])


_FACTS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


def _fact_name(node: ast.AST) -> str | None:
    match node:
        case ast.Name() | ast.Attribute():
            return dotted_name(node)
        case ast.Subscript(value=ast.Name(id="header"), slice=ast.Constant(value=str(name))):
            return f"header.{name.lower()}"
        case ast.Call(func=ast.Name(id=function), args=[ast.Constant(value=str(name))]) if function in NAMED_FACTS:
            return named_fact(function, name)
    return None
