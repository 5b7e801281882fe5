"""Filters applied to a request: what is blocked, what is cut out of its texts, which tags it gets. Pure.

In their order, each sees what those before it have left. A filter applies where its condition holds (or cannot be
evaluated: what protects does not fail open) and, where it has patterns, one of them is found.

INVARIANT: what a `redact` found is nowhere in the texts of the request that is returned, neither decoded nor raw.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from rules.evaluate import UnknownFact, holds
from rules.expressions.compute import ExpressionFailed
from rules.facts import Facts
from rules.nodes import Decision, Filter, Found, Reject, Route, Spotter
from schemas.decode_request import decode_request
from schemas.known_patterns import joined
from schemas.members import spliced
from schemas.request import Envelope, MessagesRequest
from schemas.wrapped import unwrapped

_NOT_SEARCHED = frozenset({"model", "mcp_servers"})
"""Members of a request that are no text, and those whose credentials are meant for whom it is sent to."""

_CLIENTS = frozenset({"input", "input_examples", "input_schema", "schema"})
"""Members in which all names are the client's own."""

_OF_STRUCTURE = frozenset(
    {"type", "id", "name", "role", "tool_use_id", "tool_name", "media_type", "cache_control", "file_id", "signature"}
)
"""Members whose text is the protocol's own, but for those in `_CLIENTS`."""

_SEALED = frozenset({"encrypted_content", "encrypted_index"})
_SEALED_TYPES = ("base64", "redacted_thinking")
"""What only its maker can read, and the types whose `data` is no text: a change would make them useless."""

_KEPT = ("max_tokens", "origin", "chat_only", "replaced_surrogates")
"""What of a request is not in its body, or otherwise."""

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
    searched = any(one.patterns for one in filters)
    contents = _contents_of(envelope.request) if searched else None
    if contents is not None and contents.doubled:
        envelope = replace(envelope, request=_with(envelope, contents.doubled))
    for number, one in enumerate(filters):
        if not _holds(one, envelope):
            continue
        count, cut = 0, envelope.request
        if one.patterns and contents is not None:
            count, cut = _searched(one, envelope, contents)
            if not count:
                continue
        found.append(Found(one.name, one.action, count))
        match one.action:
            case "block":
                return Filtered(_harmless(envelope, filters[number:]), tuple(found), one)
            case "redact":
                envelope = replace(envelope, request=cut)
                contents = _contents_of(cut)
            case "tag":
                envelope = replace(envelope, tags=envelope.tags | {tag_of(one)})
            case _:
                assert_never(one.action)
    return Filtered(envelope, tuple(found))


def finds(filters: Sequence[Filter], value: Any) -> bool:
    """Whether a filter that blocks or cuts finds something in any text of a JSON value, whatever its condition says."""
    patterns = [pattern for one in filters if one.action != "tag" for pattern in one.patterns]
    found = False

    def look(text: str) -> str:
        nonlocal found
        found = found or bool(_spans(patterns, text))
        return text

    if patterns:
        _changed(value, look, clients=True)
    return found


def tags_of(filters: Sequence[Filter]) -> list[str]:
    """The tags that filters give."""
    return [tag_of(one) for one in filters if one.action == "tag"]


def tag_of(one: Filter) -> str:
    """The tag that a filter gives, by default its name."""
    return one.tag or one.name


def message_of(one: Filter) -> str:
    """What a client reads that is blocked."""
    return f"{one.message or 'this request is not allowed by the router'} (filter `{one.name}`)"


def _harmless(envelope: Envelope, filters: Sequence[Filter]) -> Envelope:
    """A blocked request as it may be kept: without what blocked it, and without what filters behind that would cut out."""
    for one in filters:
        if one.patterns and one.action != "tag" and _holds(one, envelope):
            _, request = _searched(one, envelope, _contents_of(envelope.request), cuts=True)
            envelope = replace(envelope, request=request)
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


class _Contents(Struct, frozen=True):
    """What of a request is searched: its members as values, and all their texts in one, for a first look.

    `doubled` are those in which some name stands twice, written anew as they are read here: what is searched is what is
    sent.
    """

    members: Mapping[str, Any]
    text: str
    doubled: Mapping[str, bytes]


def _contents_of(request: MessagesRequest) -> _Contents:
    members, doubled = {}, {}
    texts: list[str] = []

    def keep(text: str) -> str:
        texts.append(text)
        texts.extend(inner for _, inner in unwrapped(text))
        return text

    for name, raw in request.fields.items():
        data = bytes(raw)
        if name not in _NOT_SEARCHED and data[:1] in (b'"', b"[", b"{"):
            members[name] = msgspec.json.decode(data)
            _changed(members[name], keep, clients=name in _CLIENTS)
            if _has_twins(data, members[name]):
                doubled[name] = msgspec.json.encode(members[name])
    return _Contents(members, "\n".join(texts), doubled)


def _has_twins(data: bytes, value: Any) -> bool:
    """Whether an object in the JSON has two members of one name, the first of which `value` does not show."""
    if msgspec.json.encode(value) == data:
        return False
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in pairs}) < len(pairs)

    json.loads(data, object_pairs_hook=look)
    return found


def _spans(patterns: Sequence[Spotter], text: str) -> list[tuple[int, int]]:
    """Where the patterns are in a text, those that touch or overlap joined; a stretch of base64 counts whole."""
    wrapped = (
        span for span, inner in unwrapped(text) if any(one.may_be_in(inner) and one.spans(inner) for one in patterns)
    )
    return joined([*(span for pattern in patterns for span in pattern.spans(text)), *wrapped])


def _searched(
    one: Filter, envelope: Envelope, contents: _Contents, *, cuts: bool = False
) -> tuple[int, MessagesRequest]:
    """How often its patterns are in the request, and the request: without what they found, if it `cuts` or redacts."""
    patterns = [pattern for pattern in one.patterns if pattern.may_be_in(contents.text)]
    if not patterns:
        return 0, envelope.request
    cuts = cuts or one.action == "redact"
    mark, count = f"[redacted: {one.name}]", 0

    def look(text: str) -> str:
        nonlocal count
        for number in range(_ROUNDS):
            spans = _spans(patterns if number == 0 else one.patterns, text)
            count += len(spans) if number == 0 else 0
            if not spans or not cuts:
                break
            pieces, at = [], 0
            for start, end in spans:
                pieces += [text[at:start], mark]
                at = end
            text = "".join([*pieces, text[at:]])
        return text

    edits: dict[str, bytes] = {}
    for name, value in contents.members.items():
        before = count
        changed = _changed(value, look, clients=name in _CLIENTS)
        if cuts and count > before:
            edits[name] = msgspec.json.encode(changed)
    return count, _with(envelope, edits) if edits else envelope.request


def _with(envelope: Envelope, edits: Mapping[str, bytes]) -> MessagesRequest:
    """The envelope's request with other members."""
    request = envelope.request
    again = decode_request(spliced(request.raw, request.fields, dict(edits)), envelope.path)
    kept = {name: getattr(request, name) for name in _KEPT}
    fields = {**request.fields, **{name: Raw(value) for name, value in edits.items()}}
    return replace(again, fields=fields, **kept)


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
        else _changed(item, change, clients=key in _CLIENTS)
        for key, item in value.items()
    }
    if changed.get("thinking") != value.get("thinking") and "signature" in changed:
        changed["signature"] = ""  # it would not fit any more: this block goes where unsigned thinking goes
    return changed
