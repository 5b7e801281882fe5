"""Written conditions to predicates: combinators, named conditions, the seed's sugar, and facts with their matchers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, tzinfo
from fractions import Fraction
from functools import partial
from typing import TypeVar

from rules.cost import Price, cheapest_first, facts_of, price_of, sorted_by_cost
from rules.expressions.expression import compile_expression
from rules.extent import Extent
from rules.facts import FACTS, budget_of, provider_of, spec_of
from rules.matchers import Matchers
from rules.moments import DAYS, MINUTES_A_DAY, Share, Window
from rules.nodes import All, Any, Constant, Not, Predicate, Reference, Test
from rules.operands import LiteralError, days_of, literal_text, minutes_in, percent_of, salt_of, span_in
from rules.other_facts import ELSEWHERE, fact_meant
from rules.written import Refused, Written, each
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Fix, Span
from schemas.document import Entry, Node, Scalar, Sequence
from schemas.document import Mapping as MappingNode
from schemas.edits import renaming_whole
from schemas.places import within
from schemas.suggest import Names, nearest

LiteralT = TypeVar("LiteralT")

COMBINATORS = ("any", "all", "none", "not", "ref", "expr", "always")
SUGAR = ("modelContains",)
_SHARED_BY = ("sessionId", "clientKey", "clientIp")


def budgets_in(root: MappingNode) -> list[str]:
    """The names of a document's budgets; the schema judges their form."""
    node = root.get("budgets")
    return [str(entry.key.value) for entry in node] if isinstance(node, MappingNode) else []


class Conditions:
    """Compiles the conditions of one document; `diagnostics` grows, and what is wrong becomes a constant.

    `broken` is set where a shape is not even a condition's: the schema has its own finding for that.
    """

    def __init__(
        self,
        named: MappingNode | None,
        providers: Collection[str],
        settings: Mapping[str, int | float],
        budgets: Collection[str] = (),
    ) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.broken = False
        self._named = {str(entry.key.value): entry for entry in named or ()}
        self._compiled: dict[str, Predicate] = {}
        self._prices: dict[str, Price] = {}
        self._extent = Extent()
        self._open: list[str] = []
        self._names, self._providers, self._budgets = map(Names, (self._named, providers, budgets))
        self._written = Written(settings, self.diagnostics)
        self._matchers = Matchers(self._written)

    def compile_named(self) -> None:
        """Compiles every named condition, also those nobody refers to."""
        for name in self._named:
            self._named_condition(name)

    def condition(self, node: Node) -> Predicate:
        """The predicate of a condition: the conjunction of its keys."""
        if not isinstance(node, MappingNode):
            return self._no_shape(node)
        with self._extent.deeper() as allowed:
            if not allowed:
                return self._too_large(node.span)
            parts = [self._entry(entry) for entry in node]
        return parts[0] if len(parts) == 1 else All(cheapest_first(parts, self._prices), node.span)

    def _entry(self, entry: Entry) -> Predicate:
        key, value = str(entry.key.value), entry.value
        self._extent.count(1)
        try:
            if key in COMBINATORS:
                return self._combinator(key, value)
            if key == "modelContains":
                return self._matchers.text_operator("contains", "model", value, True)
            return self._fact(key, entry)
        except Refused:
            return Constant(False, value.span)

    def _combinator(self, key: str, value: Node) -> Predicate:
        match key, value:
            case "not", MappingNode():
                return Not(self.condition(value), value.span)
            case (("any" | "all" | "none"), Sequence()):
                children = cheapest_first([self.condition(item) for item in value], self._prices)
                if key == "all":
                    return All(children, value.span)
                either = Any(children, value.span)
                return Not(either, value.span) if key == "none" else either
            case "ref", Scalar(value=str(name)):
                return self._reference(name, value)
            case "expr", Scalar(value=str(source)) if source:
                predicate, wrong = compile_expression(source, within(value))
                self.diagnostics.extend(wrong)
                if predicate is None:
                    return Constant(False, value.span)
                for fact in sorted(facts_of(predicate)):
                    self._check_names(fact, value.span)
                return sorted_by_cost(predicate)
            case "always", Scalar(value=bool(holds)):
                return Constant(holds, value.span)
            case "always", Scalar(value=("true" | "false") as word):
                return Constant(word == "true", value.span)
        return self._no_shape(value)

    def _reference(self, name: str, written: Scalar) -> Predicate:
        span = written.span
        if name not in self._named:
            near = self._names.nearest(name)
            hint = f"did you mean `{near}`?" if near else "named conditions stand under `conditions`"
            self._find(
                "CCR401",
                f"there is no condition `{literal_text(name)}`",
                span,
                hint,
                renaming_whole(written, self._names),
            )
            return Constant(False, span)
        if name in self._open:
            circle = [*self._open[self._open.index(name) :], name]
            path = " -> ".join(f"`{step}`" for step in circle)
            self._find("CCR205", f"`{name}` refers to itself: {path}", span, "break the circle at one of these")
            return Constant(False, span)
        predicate = self._named_condition(name)
        return Reference(name, predicate, span) if self._extent.take(name) else self._too_large(span)

    def _named_condition(self, name: str) -> Predicate:
        if name not in self._compiled:
            self._open.append(name)
            with self._extent.of(name):
                predicate = self.condition(self._named[name].value)
            self._open.pop()
            self._compiled[name], self._prices[name] = predicate, price_of(predicate, self._prices)
        return self._compiled[name]

    def _too_large(self, span: Span) -> Predicate:
        """Said once: what is above and behind it is too large for the same reason."""
        if not self._extent.said:
            self._extent.said = True
            self._find("CCR006", self._extent.why, span, "name fewer conditions in one another")
        return Constant(False, span)

    def _fact(self, key: str, entry: Entry) -> Predicate:
        fact = key.lower() if key.startswith("header.") else key
        spec = spec_of(fact)
        if spec is None:
            known = [*FACTS, *COMBINATORS, *SUGAR]
            near = nearest(key, known)
            if key.lower().startswith("header"):
                near = f"header.{'' if key.startswith('header.') else key.partition('.')[2]}"
                near += "<name>" if near == "header." else ""
            meant = fact_meant(key)
            hint = (
                f"write `{meant}`: {FACTS[meant].says}"
                if meant
                else f"did you mean `{near}`?"
                if near
                else ELSEWHERE.get(key) or "a condition has facts and any, all, none, not, ref, expr, always"
            )
            fix = renaming_whole(entry.key, known) if meant in (None, near) else None
            raise self._written.refused("CCR201", f"there is no fact `{literal_text(key)}`", entry.key.span, hint, fix)
        self._check_names(fact, entry.key.span)
        if isinstance(entry.value, Scalar) and entry.value.value is None:
            return self._no_shape(entry.value)
        if isinstance(entry.value, MappingNode) and fact == "time":
            return self._window(entry.value)
        if isinstance(entry.value, MappingNode) and fact == "rollout":
            return self._share(entry.value)
        return self._matchers.matcher(fact, spec, entry.value)

    def _check_names(self, fact: str, span: Span) -> None:
        """Raises `Refused` where the fact is of a provider or a budget that does not exist."""
        for what, name, known in (
            ("provider", provider_of(fact), self._providers),
            ("budget", budget_of(fact), self._budgets),
        ):
            if name is not None and name not in known:
                near = known.nearest(name)
                hint = f"did you mean `{near}`?" if near else None
                raise self._written.refused("CCR401", f"there is no {what} `{literal_text(name)}`", span, hint)

    def _window(self, node: MappingNode) -> Predicate:
        known = _kept(partial(self._check_keys, node, "time", ("days", "between", "tz")))
        days = _kept(partial(self._days, node.get("days")))
        hours = _kept(partial(self._span, node.get("between")))
        zone = _kept(partial(self._zone, node.get("tz")))
        if not known or days is None or hours is None or zone is None:
            raise Refused
        return Test("time", "window", Window(days, *hours, *zone), node.span)

    def _days(self, node: Node | None) -> frozenset[int]:
        if node is None:
            return frozenset(range(len(DAYS)))
        items = node.items if isinstance(node, Sequence) else (node,)
        return frozenset().union(*each(items, lambda item: self._literal(item, lambda text: days_of(text.split(",")))))

    def _span(self, node: Node | None) -> tuple[int, int]:
        if node is None:
            return 0, MINUTES_A_DAY
        if isinstance(node, Sequence) and len(node.items) == 2:
            return self._literal(node.items[0], minutes_in), self._literal(node.items[1], minutes_in)
        return self._literal(node, span_in)

    def _zone(self, node: Node | None) -> tuple[str, tzinfo]:
        if node is None:
            return "UTC", UTC
        return self._literal(node, _zone_of)

    def _share(self, node: MappingNode) -> Predicate:
        known = _kept(partial(self._check_keys, node, "rollout", ("percent", "by", "salt")))
        percent = _kept(lambda: self._percent(self._needed(node, "percent")))
        salt = _kept(lambda: self._literal(self._needed(node, "salt"), salt_of))
        by = node.get("by")
        fact = "sessionId" if by is None else _kept(partial(self._literal, by, _sharing_fact))
        if not known or percent is None or salt is None or fact is None:
            raise Refused
        return Test(fact, "rollout", Share(percent, salt), node.span)

    def _needed(self, node: MappingNode, name: str) -> Node:
        value = node.get(name)
        if value is None:
            raise self._written.refused(
                "CCR203", f"`rollout` lacks `{name}`", node.span, "such as `{percent: 10, salt: spring}`"
            )
        return value

    def _percent(self, node: Node) -> Fraction:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._written.refused("CCR202", "`percent` wants a number", node.span)
        try:
            return percent_of(value)
        except LiteralError as fault:
            raise self._written.refused("CCR203", fault.message, node.span, fault.hint) from None

    def _check_keys(self, node: MappingNode, fact: str, known: tuple[str, ...]) -> bool:
        fine = True
        for entry in node:
            if entry.key.value not in known:
                fine = False
                near = nearest(str(entry.key.value), known)
                hint = f"did you mean `{near}`?" if near else f"there are {', '.join(known)}"
                self._written.refused(
                    "CCR202",
                    f"`{fact}` has no `{literal_text(str(entry.key.value))}`",
                    entry.key.span,
                    hint,
                    renaming_whole(entry.key, known),
                )
        return fine

    def _literal(self, node: Node, read: Callable[[str], LiteralT]) -> LiteralT:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            hint = f'quote it: `"{node.raw}"`' if isinstance(node, Scalar) else None
            raise self._written.refused("CCR202", "this wants a text", node.span, hint)
        try:
            return read(node.value)
        except LiteralError as fault:
            raise self._written.refused("CCR203", fault.message, node.span, fault.hint) from None

    def _no_shape(self, node: Node) -> Predicate:
        self.broken = True
        return Constant(False, node.span)

    def _find(self, code: str, message: str, span: Span, hint: str | None = None, fix: Fix | None = None) -> None:
        self.diagnostics.append(finding(code, message, span, help=hint, fix=fix))


def _zone_of(name: str) -> tuple[str, tzinfo]:
    """A zone by its name; the zones themselves are data of the system or of the package `tzdata`."""
    if name.upper() in ("UTC", "Z"):
        return "UTC", UTC
    from zoneinfo import ZoneInfo

    try:
        return name, ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise LiteralError(f"`{literal_text(name)}` is no time zone", hint="such as `Europe/Berlin`") from None


def _sharing_fact(name: str) -> str:
    fact = name.lower() if name.startswith("header.") else name
    if fact in _SHARED_BY or (fact.startswith("header.") and spec_of(fact) is not None):
        return fact
    raise LiteralError(
        f"a rollout cannot go by `{literal_text(name)}`",
        hint="it goes by sessionId, clientKey, clientIp or header.<name>",
    )


def _kept(read: Callable[[], LiteralT]) -> LiteralT | None:
    """What is read; None where it was refused: what stands beside it is to be read, too."""
    try:
        return read()
    except Refused:
        return None
