"""What an explanation shows of a fact: cut, hashed where it is secret, and in the words of its operator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.log.redact import SECRET_HEADERS, digest_of, redact
from rules.cost import leaves_of
from rules.evaluate import Leaf
from rules.facts import MISSING, UNKNOWN, Facts, Seen, tokens_counted
from rules.moments import Share, Window, bucket_of
from rules.nodes import RuleSet, Test

MAX_CHARS = 80


def shown_seen(leaf: Leaf, fact: str, facts: Facts, full: bool) -> Any:
    """What a predicate sees of one of its facts, as JSON."""
    if fact == "inputTokens" and not tokens_counted(facts):
        *_, (low, high) = facts.token_bounds()
        return low if low == high else f"{low}..{high}"
    seen = facts.get(fact)
    if seen is MISSING or seen is UNKNOWN:
        return "missing" if seen is MISSING else "not given"
    operand = leaf.operand if isinstance(leaf, Test) else None
    if isinstance(operand, Window) and isinstance(seen, int | float):
        return shown_moment(seen, operand)
    if isinstance(operand, Share):
        return f"{bucket_of(operand.salt, str(seen)) * 100 / 2**64:.4f} %"
    if fact == "contentKeywords" and isinstance(operand, tuple):
        return ", ".join(word for word in operand if word in str(seen)) or "none of them"
    return shown_value(fact, seen, full)


def shown_value(fact: str, seen: Seen, full: bool) -> Any:
    """A fact's value as JSON."""
    if isinstance(seen, frozenset):
        return sorted(seen)
    if isinstance(seen, str):
        if fact.removeprefix("header.") in SECRET_HEADERS and fact.startswith("header."):
            return digest_of(seen)
        text = redact(seen)
        return text if full or len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"
    return seen


def keywords_in(text: str, rules: RuleSet) -> list[str]:
    """The words among those that any rule or category asks `contentKeywords` for which are in `text`."""
    conditions = [*(one.condition for one in rules.rules), *(one.condition for one in rules.categories)]
    leaves = (leaf for condition in conditions for leaf in leaves_of(condition))
    asked = (leaf.operand for leaf in leaves if isinstance(leaf, Test) and leaf.fact == "contentKeywords")
    return sorted({word for words in asked if isinstance(words, tuple) for word in words if word in text})


def shown_case(supposed: Mapping[str, Seen]) -> dict[str, Any]:
    """Suppositions as JSON; a moment in UTC."""
    return {
        fact: datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%MZ")
        if fact == "time" and isinstance(value, int | float)
        else shown_value(fact, value, True)
        for fact, value in supposed.items()
    }


def shown_moment(moment: float, window: Window) -> str:
    """A moment as the window's zone has it."""
    return datetime.fromtimestamp(moment, window.tz).strftime("%a %Y-%m-%d %H:%M") + f" {window.zone}"
