"""Why a rule did not take a request, in one line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rules.evaluate import UnknownFact, holds
from rules.expressions.compute import ExpressionFailed
from rules.facts import MISSING, Absent, FactSource, Seen
from rules.nodes import All, Category, Compare, Opaque, Predicate, Reference, Rule, RuleSet, Test
from rules.operators import wanted_of
from schemas.suggest import nearest
from schemas.wording import quoted

_MOST = 3


def why_not(rules: RuleSet, name: str, facts: FactSource, kind: str = "rule") -> str | None:
    """What of a rule or category is not as the request is; what `kind` of name there is not, where there is none."""
    entries: list[Rule | Category] = [*rules.rules, *rules.categories]
    entry = next((one for one in entries if one.name == name), None)
    if entry is None:
        return no_such(kind, name, [one.name for one in entries])
    if isinstance(entry, Rule) and not entry.enabled:
        return f"{quoted(name)} is switched off"
    failed = [_seen(part, facts) for part in _conjuncts(entry.condition) if not _holds(part, facts)]
    if failed:
        return f"{quoted(name)}: {', '.join(failed[:_MOST])}"
    return f"{quoted(name)} would take it, too, but an earlier rule does"


def no_such(kind: str, name: str, known: Iterable[str]) -> str:
    """That a name does not exist, and the one that was meant."""
    near = nearest(name, known)
    return f"there is no {kind} {quoted(name)}{f'; did you mean {quoted(near)}?' if near else ''}"


def _conjuncts(node: Predicate) -> list[Predicate]:
    if isinstance(node, Reference):
        return _conjuncts(node.child)
    if isinstance(node, All):
        return [part for child in node.children for part in _conjuncts(child)]
    return [node]


def _holds(node: Predicate, facts: FactSource) -> bool:
    try:
        return holds(node, facts)
    except (ExpressionFailed, UnknownFact):
        return False


def _seen(node: Predicate, facts: FactSource) -> str:
    if isinstance(node, Test):
        return f"{node.fact} is {shown_fact(node.fact, facts.get(node.fact))}, wanted: {wanted_of(node)}"
    if isinstance(node, Compare | Opaque):
        return f"not {node.source}"
    return "a group of conditions does not hold"


def shown_fact(fact: str, seen: Seen) -> str:
    """A fact's value in a message; the time in UTC, long texts cut."""
    if isinstance(seen, Absent):
        return "missing" if seen is MISSING else "not given"
    if fact == "time" and isinstance(seen, int | float):
        return f"{datetime.fromtimestamp(seen, UTC):%Y-%m-%dT%H:%MZ}"
    if isinstance(seen, bool):
        return str(seen).lower()
    if isinstance(seen, frozenset):
        return "[" + ", ".join(sorted(seen)) + "]"
    text = str(seen)
    return text if len(text) <= 60 else text[:59] + "…"
