"""Stream events, output items and whole responses as typed values: strictly where they are ordinary, loosely where they are not.

Source: `ResponseStreamEvent`, `ResponseOutputItem` and `Response` of the OpenAI API.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from providers.wire.json_text import value_of


class Item(msgspec.Struct):
    """An item of the output: a message, a call, reasoning, a search; members that its type does not have are None."""

    type: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: Any = None
    content: Any = None
    summary: Any = None
    encrypted_content: str | None = None
    action: Any = None


class Response(msgspec.Struct):
    """A response: whole, or as an event carries it."""

    status: str | None = None
    output: list[Item] | None = None
    usage: Any = None
    error: Any = None
    incomplete_details: Any = None


class Event(msgspec.Struct):
    """An event of the stream; only the members that are looked at."""

    type: str | None = None
    delta: Any = None
    output_index: int | None = None
    item_id: str | None = None
    summary_index: int | None = None
    item: Item | None = None
    response: Response | None = None
    arguments: Any = None
    annotation: Any = None
    error: Any = None


_EVENT = msgspec.json.Decoder(Event)
_RESPONSE = msgspec.json.Decoder(Response)


def event_of(data: bytes) -> Event:
    """The event in the data of a frame. Raises ValueError for what is no JSON object of this form."""
    try:
        return _EVENT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _loose(data, Event)


def response_of(data: bytes) -> Response:
    """A whole response. Raises ValueError as `event_of` does."""
    try:
        return _RESPONSE.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _loose(data, Response)


def texts_in(parts: Any, kind: str, member: str = "text") -> list[str]:
    """The texts of the parts of one kind in a list of content parts; whatever is no such part is passed over."""
    return [
        part[member]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and part.get("type") == kind and isinstance(part.get(member), str) and part[member]
    ]


_T = TypeVar("_T", Event, Response)


def _loose(data: bytes, form: type[_T]) -> _T:
    """What the standard library reads, which knows lone surrogates and odd numbers."""
    try:
        return msgspec.convert(value_of(data), form)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError("JSON of another form") from error
