"""The neutral reply: what a dialect's decoder says of an upstream reply, without a word of Anthropic's stream grammar.

Order: any number of content parts, then `Stop` (once), with `Usage` anywhere. A call is known by `call`, a number
the decoder chooses (0, 1, ... by first appearance); calls may interleave here, the writer puts them in sequence.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from providers.errors import ProviderError


class Text(msgspec.Struct, frozen=True, gc=False):
    """A piece of answer text, never empty."""

    text: str


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """A piece of reasoning text, never empty."""

    text: str


class Signature(msgspec.Struct, frozen=True, gc=False):
    """The issuer's signature for the thinking just given. Never ours."""

    signature: str


class Redacted(msgspec.Struct, frozen=True, gc=False):
    """A whole block of reasoning the issuer encrypted."""

    data: str


class ToolStart(msgspec.Struct, frozen=True, gc=False):
    """A call begins: its id (None: upstream gave none, repair makes one) and its name as the client knows it."""

    call: int
    id: str | None
    name: str


class ToolInput(msgspec.Struct, frozen=True, gc=False):
    """A piece of the JSON text of a call's input."""

    call: int
    json: str


class ToolEnd(msgspec.Struct, frozen=True, gc=False):
    """The call's input is complete. A decoder that cannot know leaves it out: `Stop` ends all calls."""

    call: int


class Whole(msgspec.Struct, frozen=True):
    """A content block that arrives in one piece (`server_tool_use`, `web_search_tool_result`), as Anthropic's object."""

    block: dict[str, object]


class Citation(msgspec.Struct, frozen=True):
    """A citation of the text block that is open, as Anthropic's citation object."""

    citation: dict[str, object]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Token counts so far, Anthropic's meaning: `input` excludes what the cache served or took. None: not said."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    thinking: int | None = None
    web_searches: int | None = None


class Stop(msgspec.Struct, frozen=True, gc=False):
    """The model stopped; `reason` is an Anthropic stop reason.

    `unknown`: the upstream's own word where that is in no table, so that `reason` is only the likeliest.
    """

    reason: str
    sequence: str | None = None
    unknown: str | None = None


class Fault(msgspec.Struct, frozen=True):
    """The reply broke: an error event, a cut, garbage. Nothing follows."""

    error: ProviderError


Part: TypeAlias = (
    Text | Thinking | Signature | Redacted | ToolStart | ToolInput | ToolEnd | Whole | Citation | Usage | Stop | Fault
)
