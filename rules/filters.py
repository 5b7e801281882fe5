"""Filters applied to a request: what is blocked, what is cut out of its texts, which tags it gets. Pure.

In their order, each sees what those before it have left. A filter applies where its condition holds (or cannot be
evaluated: what protects does not fail open) and, where it has patterns, one of them is found.

INVARIANT: what a `redact` found is nowhere in the texts of the request that is returned, neither decoded nor raw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from rules.compute import ExpressionFailed
from rules.evaluate import UnknownFact, holds
from rules.facts import Facts
from rules.nodes import Decision, Filter, Found, Reject, Route
from schemas.decode_request import decode_request
from schemas.members import spliced
from schemas.request import Envelope, MessagesRequest

_FIELDS = ("system", "messages", "tools")
_OF_STRUCTURE = frozenset(
    {"type", "id", "name", "role", "tool_use_id", "tool_name", "media_type", "cache_control", "file_id", "signature"}
)
"""Members whose text is the protocol's own; inside a tool's input all members are the client's."""

_SEALED = frozenset({"encrypted_content", "encrypted_index"})
_SEALED_TYPES = ("base64", "redacted_thinking")
"""What only its maker can read, and the types whose `data` is no text: a change would make them useless."""

_ROUNDS = 4
"""A cut may make an edge at which more is found; so often at most it is looked again."""


class Filtered(Struct, frozen=True):
    """What became of a request. `found` are the filters that applied; `blocked` is the one that ended it."""

    envelope: Envelope
    found: tuple[Found, ...] = ()
    blocked: Filter | None = None


def filtered(filters: Sequence[Filter], envelope: Envelope) -> Filtered:
    """The request behind all filters, or the one that blocks it."""
    found: list[Found] = []
    for number, one in enumerate(filters):
        if not _holds(one, envelope):
            continue
        count, request = _searched(one, envelope) if one.patterns else (0, envelope.request)
        if one.patterns and not count:
            continue
        found.append(Found(one.name, one.action, count))
        match one.action:
            case "block":
                return Filtered(_harmless(envelope, filters[number:]), tuple(found), one)
            case "redact":
                envelope = replace(envelope, request=request)
            case "tag":
                envelope = replace(envelope, tags=envelope.tags | {one.tag or one.name})
            case _:
                assert_never(one.action)
    return Filtered(envelope, tuple(found))


def message_of(one: Filter) -> str:
    """What a client reads that is blocked."""
    return f"{one.message or 'this request is not allowed by the router'} (filter `{one.name}`)"


def _harmless(envelope: Envelope, filters: Sequence[Filter]) -> Envelope:
    """A blocked request as it may be kept: without what blocked it, and without what filters behind that would cut out."""
    for one in filters:
        if one.patterns and one.action != "tag" and _holds(one, envelope):
            envelope = replace(envelope, request=_searched(one, envelope, cuts=True)[1])
    return envelope


def decision_of(one: Filter) -> Decision:
    """The decision that a filter that blocks is."""
    return Decision(Route(Reject(400, message_of(one), one.span)), one.name, None)


def _holds(one: Filter, envelope: Envelope) -> bool:
    if one.condition is None:
        return True
    try:
        return holds(one.condition, Facts(envelope))
    except (ExpressionFailed, UnknownFact):
        return True


def _spans(one: Filter, text: str) -> list[tuple[int, int]]:
    """Where its patterns are in a text, those that touch or overlap joined."""
    found = sorted(span for pattern in one.patterns for span in pattern.spans(text))
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _searched(one: Filter, envelope: Envelope, *, cuts: bool = False) -> tuple[int, MessagesRequest]:
    """How often its patterns are in the request, and the request: without what they found, if it `cuts` or redacts."""
    request, cuts = envelope.request, cuts or one.action == "redact"
    mark, count = f"[redacted: {one.name}]", 0

    def look(text: str) -> str:
        nonlocal count
        for number in range(_ROUNDS):
            spans = _spans(one, text)
            count += len(spans) if number == 0 else 0
            if not spans or not cuts:
                break
            pieces, at = [], 0
            for start, end in spans:
                pieces += [text[at:start], mark]
                at = end
            text = "".join([*pieces, text[at:]])
        return text

    edits: dict[str, bytes | None] = {}
    for name in _FIELDS:
        if name in request.fields:
            before = count
            changed = _changed(msgspec.json.decode(request.fields[name]), look)
            if cuts and count > before:
                edits[name] = msgspec.json.encode(changed)
    return count, _with(request, edits, envelope) if edits else request


def _with(request: MessagesRequest, edits: dict[str, bytes | None], envelope: Envelope) -> MessagesRequest:
    body = spliced(request.raw, request.fields, edits)
    again = decode_request(body, envelope.path)
    fields = {**request.fields, **{name: Raw(value) for name, value in edits.items() if value is not None}}
    return replace(request, raw=body, fields=fields, system=again.system, messages=again.messages, tools=again.tools)


def _changed(value: Any, change: Callable[[str], str], *, clients: bool = False) -> Any:
    """The value with all its texts changed but those of structure; `clients`: every member is the client's own."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_changed(item, change, clients=clients) for item in value]
    if not isinstance(value, dict):
        return value
    if clients:
        return {change(key): _changed(item, change, clients=True) for key, item in value.items()}
    sealed = _SEALED | ({"data"} if value.get("type") in _SEALED_TYPES else set())
    changed = {
        key: item
        if key in sealed or (key in _OF_STRUCTURE and isinstance(item, str))
        else _changed(item, change, clients=key == "input")
        for key, item in value.items()
    }
    if changed.get("thinking") != value.get("thinking") and "signature" in changed:
        changed["signature"] = ""  # it would not fit any more: this block goes where unsigned thinking goes
    return changed
