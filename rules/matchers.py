"""A fact and what is written beside it to a predicate: bare values, lists, comparisons in strings, operators."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from rules.facts import FactSpec, FactType
from rules.nodes import All, Any, Predicate, Test
from rules.operands import (
    Comparison,
    LiteralError,
    between_of,
    comparison_in,
    literal_text,
    network_of,
)
from rules.operators import NUMBERS, OPERATORS, STRINGS, Network, address_of
from rules.other_facts import operator_meant
from rules.patterns.compiled import glob_of, pattern_of
from rules.patterns.regex import PatternError
from rules.written import Refused, Written, each, listed
from schemas.diagnostics import Span
from schemas.document import Mapping as MappingNode
from schemas.document import Node, Scalar, Sequence
from schemas.edits import renaming_whole
from schemas.places import within
from schemas.suggest import nearest

WRITTEN = (
    "eq", "in", "contains", "prefix", "suffix", "glob", "regex", "gt", "gte", "lt", "lte", "between",
    "has", "hasAny", "hasAll", "hasNone", "size", "cidr", "exists",
)  # fmt: skip
"""The operators that may be written under a fact."""

TYPE_WORDS: Mapping[FactType, str] = {
    "string": "a text", "text": "a text", "bool": "true or false", "int": "a number", "number": "a number",
    "enum": "one of a few words", "set": "a set", "address": "an address", "window": "a time", "share": "a share",
    "keywords": "words",
}  # fmt: skip
_COMPARISON_WORDS: Mapping[str, str] = {
    "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "eq": "eq", "ne": "ne",
    ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "==": "eq", "=": "eq", "!=": "ne",
}  # fmt: skip


class Matchers:
    """Reads matchers; what is wrong is listed by `written`, which reads their operands."""

    def __init__(self, written: Written) -> None:
        self.written = written

    def matcher(self, fact: str, spec: FactSpec, node: Node) -> Predicate:
        """The predicate of a fact and its matcher. Raises `Refused`."""
        if isinstance(node, Scalar):
            return self._bare(fact, spec, node)
        if isinstance(node, Sequence):
            return self._one_of(fact, spec, node)
        return self._operators(fact, spec, node)

    def _bare(self, fact: str, spec: FactSpec, node: Scalar) -> Predicate:
        match spec.type:
            case "int" | "number":
                return self._number_test(fact, spec, node)
            case "set":
                raise self.written.refused(
                    "CCR202",
                    f"`{fact}` is a set and never equals one value",
                    node.span,
                    f"write `{{has: {node.value}}}`",
                )
            case "window" | "share":
                forms = {"time": '{days: mon-fri, between: "09:00-18:00"}', "rollout": "{percent: 10, salt: a}"}
                raise self.written.refused("CCR202", f"`{fact}` wants a mapping", node.span, f"such as `{forms[fact]}`")
            case "keywords":
                return Test(fact, "keywords", (self.written.text(fact, node).casefold(),), node.span)
            case "address":
                return self._address(fact, node)
        return Test(fact, "eq", self._value(fact, spec, node), node.span)

    def _one_of(self, fact: str, spec: FactSpec, node: Sequence) -> Predicate:
        if spec.type in ("set", "window", "share"):
            hint = "write `{hasAny: [...]}` or `{hasAll: [...]}`" if spec.type == "set" else None
            raise self.written.refused(
                "CCR202", f"a list says what one value may be, `{fact}` is {TYPE_WORDS[spec.type]}", node.span, hint
            )
        if spec.type == "keywords":
            words = tuple(self.written.text(fact, item).casefold() for item in node)
            return Test(fact, "keywords", words, node.span)
        tests = each(node, lambda item: self.matcher(fact, spec, item))
        if all(isinstance(test, Test) and test.operator == "eq" for test in tests):
            return Test(fact, "in", frozenset(test.operand for test in tests if isinstance(test, Test)), node.span)
        return Any(tests, node.span)

    def _operators(self, fact: str, spec: FactSpec, node: MappingNode) -> Predicate:
        keys = {str(entry.key.value): entry for entry in node}
        if spec.type in NUMBERS and {"operator", "value"} >= set(keys) and keys:
            return self._spelled_comparison(fact, spec, node)
        ignore_case = self._ignore_case(fact, spec, node)
        tests: list[Predicate] = []
        failed = False
        for name, entry in keys.items():
            if name == "ignoreCase":
                continue
            try:
                self._check_operator(name, fact, spec, entry.key)
                tests.append(self._operator(name, fact, spec, entry.value, ignore_case))
            except Refused:
                failed = True
        if failed:
            raise Refused
        if not tests:
            raise self.written.refused(
                "CCR202",
                f"the matcher of `{fact}` has no operator",
                node.span,
                f"there are {', '.join(self._fitting(spec))}",
            )
        return tests[0] if len(tests) == 1 else All(tuple(tests), node.span)

    def _check_operator(self, name: str, fact: str, spec: FactSpec, key: Scalar) -> None:
        span = key.span
        if name not in WRITTEN:
            near = operator_meant(name) or nearest(name, (*WRITTEN, "ignoreCase"))
            raise self.written.refused(
                "CCR202",
                f"there is no operator `{name}`",
                span,
                f"did you mean `{near}`?" if near else f"for `{fact}` there are {', '.join(self._fitting(spec))}",
                renaming_whole(key, (*WRITTEN, "ignoreCase")),
            )
        if name not in self._fitting(spec):
            raise self.written.refused(
                "CCR202", f"`{name}` does not fit `{fact}`, which is {TYPE_WORDS[spec.type]}", span,
                f"there are {', '.join(self._fitting(spec))}",
            )  # fmt: skip

    def _fitting(self, spec: FactSpec) -> list[str]:
        return [name for name in WRITTEN if spec.type in OPERATORS[name].types]

    def _operator(self, name: str, fact: str, spec: FactSpec, node: Node, ignore_case: bool) -> Predicate:
        match name:
            case "exists":
                return Test(fact, "exists", self.written.boolean(name, node), node.span)
            case "eq" if spec.type in NUMBERS:
                return Test(fact, "eq", self.written.number(fact, spec, node), node.span)
            case "eq" if spec.type == "address":
                return self._address(fact, node)
            case "eq":
                return Test(fact, "eq", self._value(fact, spec, node), node.span, ignore_case)
            case "in":
                items = self.written.items_of(name, node)
                read = self.written.number if spec.type in NUMBERS else self._value
                return Test(
                    fact, "in", frozenset(each(items, lambda item: read(fact, spec, item))), node.span, ignore_case
                )
            case "contains" | "prefix" | "suffix" | "glob" | "regex":
                return self.text_operator(name, fact, node, ignore_case)
            case "gt" | "gte" | "lt" | "lte":
                return Test(fact, name, self.written.number(fact, None, node), node.span)
            case "between":
                return self._between(fact, node)
            case "has":
                return Test(fact, "has", self._member(node), node.span)
            case "hasAny" | "hasAll" | "hasNone":
                return Test(fact, name, each(listed(node), self._member), node.span)
            case "size":
                return self._size(fact, node)
        return self._networks(fact, node)

    def text_operator(self, name: str, fact: str, node: Node, ignore_case: bool) -> Predicate:
        if isinstance(node, Sequence):
            return Any(each(node, lambda item: self.text_operator(name, fact, item, ignore_case)), node.span)
        text = self.written.text(name, node)
        if name == "glob":
            return Test(fact, name, glob_of(text, ignore_case), node.span, ignore_case)
        if name != "regex":
            return Test(fact, name, text, node.span, ignore_case)
        try:
            return Test(fact, name, pattern_of(text, ignore_case), node.span, ignore_case)
        except PatternError as fault:
            assert isinstance(node, Scalar)
            raise self.written.refused(
                fault.code, fault.message, within(node)(fault.start, fault.end), fault.hint
            ) from None

    def _number_test(self, fact: str, spec: FactSpec, node: Scalar) -> Predicate:
        if not isinstance(node.value, str) or node.value in self.written.settings:
            return Test(fact, "eq", self.written.number(fact, spec, node), node.span)
        return self._comparison_test(fact, spec, self.written.read(node, comparison_in), node.span)

    def _comparison_test(self, fact: str, spec: FactSpec, comparison: Comparison, span: Span) -> Predicate:
        operand = comparison.operand
        if comparison.operator == "ne":
            # a matcher is false for a missing fact, which the negation of `eq` would not be
            return Any((Test(fact, "lt", operand, span), Test(fact, "gt", operand, span)), span)
        if comparison.operator == "eq" and isinstance(operand, int | float):
            self.written.check_whole(fact, spec, operand, span)
        return Test(fact, comparison.operator, operand, span)

    def _spelled_comparison(self, fact: str, spec: FactSpec, node: MappingNode) -> Predicate:
        operator, value = node.get("operator"), node.get("value")
        if operator is None or value is None:
            missing = "operator" if operator is None else "value"
            raise self.written.refused("CCR202", f"`{{operator, value}}` lacks `{missing}`", node.span)
        word = operator.value if isinstance(operator, Scalar) else None
        name = _COMPARISON_WORDS.get(str(word))
        if name is None:
            near = nearest(str(word), _COMPARISON_WORDS)
            raise self.written.refused(
                "CCR202",
                f"there is no operator `{literal_text(str(word))}`",
                operator.span,
                f"did you mean `{near}`?" if near else "there are gt, gte, lt, lte, eq",
                renaming_whole(operator, _COMPARISON_WORDS) if isinstance(operator, Scalar) else None,
            )
        return self._comparison_test(fact, spec, Comparison(name, self.written.number(fact, None, value)), node.span)

    def _between(self, fact: str, node: Node) -> Predicate:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            comparison = self.written.read(node, comparison_in)
            if comparison.operator != "between":
                raise self.written.refused(
                    "CCR203",
                    f"`{literal_text(node.value)}` is no range",
                    node.span,
                    'write `[10k, 60k]` or `"10k..60k"`',
                )
            return Test(fact, "between", comparison.operand, node.span)
        bounds = [self.written.number(fact, None, item) for item in self.written.items_of("between", node)]
        if len(bounds) != 2:
            raise self.written.refused("CCR203", f"a range has two ends, this one {len(bounds)}", node.span)
        try:
            return Test(fact, "between", between_of(bounds[0], bounds[1]).operand, node.span)
        except LiteralError as fault:
            raise self.written.refused("CCR203", fault.message, node.span, fault.hint) from None

    def _size(self, fact: str, node: Node) -> Predicate:
        test = self.matcher("size", FactSpec("int", 0, ""), node)
        if isinstance(test, Test):
            return Test(fact, "size", test, node.span)
        assert isinstance(test, All | Any)
        parts = tuple(Test(fact, "size", child, child.span) for child in test.children)
        return All(parts, node.span) if isinstance(test, All) else Any(parts, node.span)

    def _member(self, node: Node) -> str | Test:
        """A member of a set: a text, or a string matcher that some member must meet."""
        if not isinstance(node, MappingNode):
            return self.written.text("has", node)
        test = self.matcher("member", FactSpec("string", 0, ""), node)
        if isinstance(test, Test) and test.operator != "exists":
            return test
        raise self.written.refused("CCR202", "a member is one text or has one operator", node.span)

    def _address(self, fact: str, node: Node) -> Predicate:
        text = self.written.text(fact, node)
        if address_of(text) is None:
            hint = f'write `{{cidr: "{text}"}}`' if network_of(text) is not None else None
            raise self.written.refused("CCR203", f"`{literal_text(text)}` is no address", node.span, hint)
        return Test(fact, "address", text, node.span)

    def _networks(self, fact: str, node: Node) -> Predicate:
        return Test(fact, "cidr", each(listed(node), self._network), node.span)

    def _network(self, node: Node) -> Network:
        text = self.written.text("cidr", node)
        network = network_of(text)
        if network is None:
            raise self.written.refused(
                "CCR203", f"`{literal_text(text)}` is no range of addresses", node.span, "such as `10.0.0.0/8`"
            )
        try:
            ip_network(text.strip())
        except ValueError:
            raise self.written.refused(
                "CCR203", f"`{text}` has bits behind its prefix", node.span, f"did you mean `{network}`?"
            ) from None
        return network

    def _value(self, fact: str, spec: FactSpec, node: Node) -> str | bool:
        """A text, a word of an enum, or a boolean, as the fact wants it."""
        if spec.type == "bool":
            return self.written.boolean(fact, node)
        unquoted = spec.words and isinstance(node, Scalar) and isinstance(node.value, bool | int | float)
        text = node.raw if unquoted and isinstance(node, Scalar) else self.written.text(fact, node)
        if spec.words and text not in spec.words:
            near = nearest(text, spec.words)
            raise self.written.refused(
                "CCR204", f"`{fact}` is never `{literal_text(text)}`", node.span,
                f"did you mean `{near}`?" if near else f"it is one of {', '.join(spec.words)}",
                renaming_whole(node, spec.words) if isinstance(node, Scalar) else None,
            )  # fmt: skip
        return text

    def _ignore_case(self, fact: str, spec: FactSpec, node: MappingNode) -> bool:
        entry = node.entry("ignoreCase")
        if entry is None:
            return False
        if spec.type not in STRINGS:
            raise self.written.refused(
                "CCR202", f"`ignoreCase` does not fit `{fact}`, which is {TYPE_WORDS[spec.type]}", entry.key.span
            )
        return self.written.boolean("ignoreCase", entry.value)
