"""All facts a condition may speak of, and their values for one request, each computed at most once and only if asked.

`FACTS` is the table; `rules/extract.py` has the function behind every row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from rules import measure
from rules.explicit import choices_of
from rules.extract import MESSAGE_FACTS, READERS, read_header, read_messages, read_provider_state
from rules.nodes import Value
from schemas.request import Envelope

FactType: TypeAlias = Literal[
    "string", "text", "bool", "int", "number", "enum", "set", "address", "window", "share", "keywords"
]


class Absent(Enum):
    """Why a fact has no value: the request has none, or nobody said (only `explain` meets the second)."""

    MISSING = "missing"
    UNKNOWN = "unknown"

    __hash__ = object.__hash__  # what is remembered by value is looked up by these too, and the hash of enums is slow


MISSING, UNKNOWN = Absent.MISSING, Absent.UNKNOWN

Seen: TypeAlias = Value | Absent
"""What asking for a fact gives."""


class FactSpec(Struct, frozen=True):
    """One row: `tier` is the cost (0 free, 1 one pass over the messages, 2 measuring, 3 state of the router).

    `words` are all values of an enum; `optional` facts can be missing.
    """

    type: FactType
    tier: int
    says: str
    words: tuple[str, ...] = ()
    optional: bool = False


FACTS: Mapping[str, FactSpec] = {
    "model": FactSpec("string", 0, "the model the client asked for, without a `[1m]` or `[2m]` suffix"),
    "stream": FactSpec("bool", 0, "whether the answer is to be streamed; missing when tokens are counted", optional=True),
    "maxTokens": FactSpec("int", 0, "`max_tokens`", optional=True),
    "temperature": FactSpec("number", 0, "`temperature`", optional=True),
    "toolChoice": FactSpec("enum", 0, "`tool_choice.type`", ("auto", "any", "tool", "none"), optional=True),
    "path": FactSpec("enum", 0, "the endpoint", ("messages", "count_tokens")),
    "hasTools": FactSpec("bool", 0, "whether any tool is offered"),
    "toolCount": FactSpec("int", 0, "how many tools are offered, the deferred placeholder not counted"),
    "toolNames": FactSpec("set", 0, "the names of the tools offered"),
    "serverTools": FactSpec("set", 0, "the types of the server tools offered, such as `web_search_20250305`"),
    "thinking": FactSpec("enum", 0, "`thinking.type`; `none` without it", ("none", "enabled", "adaptive", "disabled")),
    "thinkingBudget": FactSpec("int", 0, "`thinking.budget_tokens` while thinking is enabled", optional=True),
    "effort": FactSpec("enum", 0, "`output_config.effort`", ("low", "medium", "high", "xhigh", "max"), optional=True),
    "betas": FactSpec("set", 0, "the names in the `anthropic-beta` header", optional=True),
    "sessionId": FactSpec("string", 0, "the client's session", optional=True),
    "clientKey": FactSpec("string", 0, "the name of the router key that was used", optional=True),
    "clientIp": FactSpec("address", 0, "the client's address", optional=True),
    "tags": FactSpec("set", 0, "the tags that filters gave the request"),
    "requestClass": FactSpec(
        "enum", 0, "what kind of call it is, as the client says",
        ("main", "subagent", "workflow", "compaction", "auxiliary"), optional=True,
    ),
    "agentType": FactSpec("string", 0, "the kind of agent that calls, such as `Explore`", optional=True),
    "subagent": FactSpec("bool", 0, "whether a subagent calls"),
    "time": FactSpec("window", 0, "when the request came: `{days, between, tz}`"),
    "rollout": FactSpec("share", 0, "a stable share of sessions, keys or addresses: `{percent, by, salt}`"),
    "messageCount": FactSpec("int", 1, "how many messages there are"),
    "messageLength": FactSpec("int", 1, "Unicode characters of all text in `system` and `messages`"),
    "hasImages": FactSpec("bool", 1, "whether any image is in the messages, tool results included"),
    "hasDocuments": FactSpec("bool", 1, "whether any document is in the messages, tool results included"),
    "hasToolResults": FactSpec("bool", 1, "whether any tool result is in the messages"),
    "lastUserText": FactSpec("text", 1, "the last text of the user, without `<system-reminder>` parts", optional=True),
    "systemText": FactSpec("text", 1, "the text of `system`"),
    "contentKeywords": FactSpec("keywords", 1, "words, one of which is in the text of user or assistant, in any case"),
    "inputTokens": FactSpec("int", 2, f"our estimate of the input's tokens (`{measure.VERSION}`)"),
}  # fmt: skip

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header. Source: RFC 9110, section 5.6.2."""

HEADER = FactSpec("string", 0, "a header of the request", optional=True)
HEALTH = FactSpec("enum", 3, "the state of a provider", ("up", "degraded", "down"))
INFLIGHT = FactSpec("int", 3, "how many exchanges a provider has open")
BUDGET = FactSpec("enum", 3, "how much of a budget is spent", ("ok", "half", "spent"))

FAMILIES: Mapping[str, FactSpec] = {
    "header.<name>": HEADER,
    "provider.<name>.health": HEALTH,
    "provider.<name>.inflight": INFLIGHT,
    "budget.<name>.state": BUDGET,
}
"""Facts with a name inside their name."""


def spec_of(fact: str) -> FactSpec | None:
    """The row of a fact's full name, or None where there is no such fact."""
    row = FACTS.get(fact)
    if row is not None:
        return row
    if fact.startswith("header."):
        return HEADER if _TOKEN.fullmatch(fact, len("header.")) else None
    if provider_of(fact) is not None:
        return HEALTH if fact.endswith(".health") else INFLIGHT
    return BUDGET if budget_of(fact) is not None else None


def provider_of(fact: str) -> str | None:
    """The provider that `provider.<name>.health` or `.inflight` speaks of, or None for every other fact."""
    for ending in (".health", ".inflight"):
        if fact.startswith("provider.") and fact.endswith(ending):
            return fact[len("provider.") : -len(ending)] or None
    return None


def budget_of(fact: str) -> str | None:
    """The budget that `budget.<name>.state` speaks of, or None for every other fact."""
    if fact.startswith("budget.") and fact.endswith(".state"):
        return fact[len("budget.") : -len(".state")] or None
    return None


def is_state(fact: str) -> bool:
    """Whether a fact is one of the router, and not of the request."""
    return fact.startswith(("provider.", "budget."))


class FactSource(Protocol):
    """Where predicates get what they compare: a request's `Facts`, or values given by a test or a proof."""

    def get(self, fact: str) -> Seen:
        """The value of a fact's full name."""
        ...

    def token_bounds(self) -> Iterable[tuple[int, int]]:
        """Bounds of `inputTokens`, ever closer and dearer, but cheaper than the fact itself."""
        ...

    def choices(self) -> tuple[str, ...]:
        """What the client chose explicitly as `provider,model`, the strongest first."""
        ...


class Facts:
    """The facts of one request. `time` is the moment as seconds since the epoch; a rollout reads the fact it goes by.

    INVARIANT: no fact is computed twice, and none that nobody asks for, but those of one pass over the messages.
    """

    __slots__ = ("_bounds", "_choices", "_envelope", "_values")

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._values: dict[str, Seen] = {}
        self._bounds: tuple[tuple[int, int], ...] = ()
        self._choices: tuple[str, ...] | None = None

    def get(self, fact: str) -> Seen:
        """The value of a fact's full name; a name that is no fact is missing."""
        known = self._values.get(fact)
        if known is not None:
            return known
        if fact in MESSAGE_FACTS:
            self._values.update(read_messages(self._envelope.request))
            return self._values[fact]
        read, absent = _reading_of(fact)
        value = read(self._envelope)
        seen = self._values[fact] = absent if value is None else value
        return seen

    def token_bounds(self) -> Iterable[tuple[int, int]]:
        """Bounds of `inputTokens`, ever closer; equal ones when it is already measured."""
        measured = self._values.get("inputTokens")
        if isinstance(measured, int):
            return ((measured, measured),)
        return map(self._bounds_at, range(len(measure.BOUNDS)))

    def choices(self) -> tuple[str, ...]:
        """What the client chose explicitly as `provider,model`: the subagent tag's, then the model's."""
        if self._choices is None:
            self._choices = choices_of(self._envelope.request)
        return self._choices

    def _bounds_at(self, number: int) -> tuple[int, int]:
        if number == len(self._bounds):
            self._bounds += (measure.BOUNDS[number](self._envelope.request),)
        return self._bounds[number]

    @property
    def envelope(self) -> Envelope:
        """The request they are of."""
        return self._envelope

    @property
    def computed(self) -> frozenset[str]:
        """The facts that have been computed so far."""
        return frozenset(self._values)


@lru_cache(maxsize=1024)  # the same few at every request
def _reading_of(fact: str) -> tuple[Callable[[Envelope], Value | None], Absent]:
    """How a fact is read, and what it is where that gives None."""
    reader = READERS.get(fact)
    if reader is not None:
        return reader, MISSING
    if fact == "time":
        return lambda envelope: envelope.now, UNKNOWN
    if fact == "inputTokens":
        return lambda envelope: measure.input_tokens(envelope.request), MISSING
    if fact.startswith("header."):
        name = fact[len("header.") :].lower()
        return lambda envelope: read_header(envelope, name), MISSING
    provider = provider_of(fact)
    if provider is not None:
        key = fact.rpartition(".")[2]
        return lambda envelope: read_provider_state(envelope, provider, key), UNKNOWN
    budget = budget_of(fact)
    if budget is not None:
        return lambda envelope: (envelope.budget_state or {}).get(budget), UNKNOWN
    return lambda _: None, MISSING


def tokens_counted(facts: Facts) -> bool:
    """Whether the request's tokens had to be counted."""
    return "inputTokens" in facts.computed
