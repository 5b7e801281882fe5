"""JSON text for events and messages, from values an upstream may have filled with anything."""

from __future__ import annotations

import msgspec

_encode = msgspec.json.Encoder().encode


def json_of(value: object) -> bytes:
    """`value` as compact JSON in UTF-8. A lone surrogate, which UTF-8 cannot hold, becomes U+FFFD."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_mended(value))


def _mended(value: object) -> object:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_mended(key): _mended(member) for key, member in value.items()}
        case list() | tuple():
            return [_mended(item) for item in value]
        case _:
            return value
