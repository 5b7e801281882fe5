"""What a request is to be like, by values of facts, and whether one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from rules.facts import Facts, Seen
from rules.nodes import Test
from rules.operators import holds_for
from schemas.limits import MAX_MESSAGES, MAX_TOOLS

_LARGEST: Mapping[str, int] = {
    "toolCount": MAX_TOOLS,
    "messageCount": MAX_MESSAGES,
    "messageLength": 10_000_000,
    "inputTokens": 10_000_000,
}
"""No larger request is made: the server takes no more tools and messages, and nobody reads more text."""


class Wanted(Struct, frozen=True):
    """What a request is to be like.

    `values` are exact values of facts; `spans` the least and greatest of numbers; `members` of sets those it must have
    and what no further one may be, `sizes` how many there may be; `words` and `no_words` keywords; `choice` the
    explicit `provider,model`, if any.
    """

    values: Mapping[str, Seen] = field(default_factory=dict)
    spans: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    members: Mapping[str, tuple[Sequence[str], Sequence[str | Test]]] = field(default_factory=dict)
    words: Sequence[str] = ()
    no_words: Sequence[str] = ()
    choice: str | None = None
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def span(self, fact: str) -> tuple[float, float] | None:
        """The bounds of a number, also where its exact value is wanted."""
        value = self.values.get(fact)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value, value
        return self.spans.get(fact)

    def barred(self, fact: str) -> Sequence[str | Test]:
        """What no member of a set may be."""
        return self.members.get(fact, ((), ()))[1]

    def bars(self, fact: str, member: str) -> bool:
        """Whether a member may not be in a set."""
        return is_barred(member, self.barred(fact))


class Impossible(Struct, frozen=True):
    """No such request was found; `facts` are those that could not all be had."""

    facts: tuple[str, ...]


def too_large(wanted: Wanted) -> tuple[str, ...]:
    """The facts of which more is wanted than a request is made to have."""
    large = [fact for fact, most in _LARGEST.items() if (wanted.span(fact) or (0, 0))[0] > most]
    return (*large, *(fact for fact, (least, _) in wanted.sizes.items() if least > MAX_TOOLS))


def lacking_in(wanted: Wanted, facts: Facts) -> tuple[str, ...]:
    """The facts that are not as wanted."""
    lacking = [fact for fact, value in wanted.values.items() if facts.get(fact) != value]
    for fact, (low, high) in wanted.spans.items():
        value = facts.get(fact)
        if not isinstance(value, int | float) or not low <= value <= high:
            lacking.append(fact)
    for fact, (low, high) in wanted.sizes.items():
        value = facts.get(fact)
        if not isinstance(value, frozenset) or not low <= len(value) <= high:
            lacking.append(fact)
    for fact, (needed, barred) in wanted.members.items():
        value = facts.get(fact)
        there = value if isinstance(value, frozenset) else frozenset()
        if not set(needed) <= there or any(is_barred(member, barred) for member in there):
            lacking.append(fact)
    spoken = facts.get("contentKeywords") if wanted.words or wanted.no_words else ""
    if isinstance(spoken, str) and (
        any(word not in spoken for word in wanted.words) or any(word in spoken for word in wanted.no_words)
    ):
        lacking.append("contentKeywords")
    chosen = facts.choices()
    if wanted.choice is not None and (not chosen or chosen[0] != wanted.choice):
        lacking.append("explicit")
    return tuple(dict.fromkeys(lacking))


def is_barred(text: str, barred: Sequence[str | Test]) -> bool:
    """Whether a member is something that none may be."""
    return any(one == text if isinstance(one, str) else holds_for(one, text) for one in barred)
