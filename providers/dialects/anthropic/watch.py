"""Looks on while a reply in Anthropic's form passes: usage, stop reason, tools called, and breaches of the grammar."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from providers.messages.grammar import NEXT, State
from providers.messages.parts import Usage
from providers.messages.usage import merged
from providers.reply import Summary


class Event(msgspec.Struct):
    """An event as far as it is looked at."""

    type: str
    message: Raw | UnsetType = UNSET
    content_block: Raw | UnsetType = UNSET
    delta: Raw | UnsetType = UNSET
    usage: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    index: Any = None


_EVENT = msgspec.json.Decoder(Event)
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def event_of(data: bytes) -> Event | None:
    """The event that the data of a frame is, None where it is none."""
    try:
        return _EVENT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def members_of(data: bytes | Raw) -> dict[str, Raw] | None:
    """The members of a JSON object, None where it is none."""
    try:
        return _MEMBERS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def plain(value: object) -> object:
    """Raw JSON as a value (None for what cannot be read), anything else as it is."""
    if not isinstance(value, Raw):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def usage_of(value: object) -> Usage:
    """Anthropic's `usage` object as token counts; anything else says nothing."""
    if not isinstance(value, dict):
        return Usage()
    details, tools = value.get("output_tokens_details"), value.get("server_tool_use")
    return Usage(
        input=_count(value, "input_tokens"),
        output=_count(value, "output_tokens"),
        cache_read=_count(value, "cache_read_input_tokens"),
        cache_write=_count(value, "cache_creation_input_tokens"),
        thinking=_count(details, "thinking_tokens"),
        web_searches=_count(tools, "web_search_requests"),
    )


def _count(value: object, name: str) -> int | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


class Watch:
    """What was seen so far. Breaches of the grammar pass too; they are counted."""

    __slots__ = ("_breaches", "_fixes", "_state", "_stop_reason", "_tools", "_usage")

    def __init__(self) -> None:
        self._state = State.BEFORE
        self._usage = Usage()
        self._stop_reason: str | None = None
        self._tools: list[str] = []
        self._fixes: list[str] = []
        self._breaches: Counter[str] = Counter()

    @property
    def ended(self) -> bool:
        """Whether the last event has passed."""
        return self._state is State.ENDED

    @property
    def has_stop_reason(self) -> bool:
        """Whether it was said why the model stopped: the reply is complete, whatever of its end is missing."""
        return self._stop_reason is not None

    @property
    def in_block(self) -> bool:
        """Whether a content block is open, so that a delta is in its place."""
        return self._state is State.IN_BLOCK

    def see(self, event: Event) -> None:
        """Takes note of an event that passes."""
        after = NEXT[self._state].get(event.type)
        if after is not None:
            self._state = after
        elif event.type in _KNOWN:
            self._breaches[f"`{event.type}` where the stream was {self._state}"] += 1
            self._state = _LEADS_TO.get(event.type, self._state)
        match event.type:
            case "message_start":
                message = members_of(event.message) if event.message is not UNSET else None
                self._count((message or {}).get("usage"))
            case "content_block_start":
                self._call(plain(event.content_block))
            case "message_delta":
                self._count(event.usage)
                delta = plain(event.delta)
                reason = delta.get("stop_reason") if isinstance(delta, dict) else None
                self._stop_reason = reason if isinstance(reason, str) else self._stop_reason

    def see_message(self, members: dict[str, Raw]) -> None:
        """Takes note of a whole message."""
        self._count(members.get("usage"))
        reason, content = plain(members.get("stop_reason")), plain(members.get("content"))
        self._stop_reason = reason if isinstance(reason, str) else None
        for block in content if isinstance(content, list) else ():
            self._call(block)

    def fixed(self, name: str) -> None:
        """A repair was made; however often, it is listed once."""
        if name not in self._fixes:
            self._fixes.append(name)

    def summary(self) -> Summary:
        """What passed."""
        lost = (f"{what}{f' ({count} times)' if count > 1 else ''}" for what, count in self._breaches.items())
        return Summary(self._usage, self._stop_reason, tuple(self._tools), tuple(self._fixes), tuple(lost))

    def _count(self, usage: object) -> None:
        self._usage = merged(self._usage, usage_of(plain(usage)))

    def _call(self, block: object) -> None:
        if isinstance(block, dict) and block.get("type") == "tool_use" and isinstance(block.get("name"), str):
            self._tools.append(block["name"])


_KNOWN = frozenset(name for events in NEXT.values() for name in events)
_LEADS_TO = {
    "message_start": State.BETWEEN,
    "content_block_start": State.IN_BLOCK,
    "message_delta": State.ENDING,
    "message_stop": State.ENDED,
}
"""Where the stream is after an event that stood in the wrong place."""
