"""Where the members of a JSON object stand in its bytes, so that one can be replaced with nothing else touched."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import Raw

_KEY = re.compile(rb'[ \t\r\n,{]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)


def spliced(body: bytes, members: Mapping[str, Raw], edits: Mapping[str, bytes | None]) -> bytes:
    """`body`, the JSON object whose members in their order are `members`, with the values in `edits`; None removes a member.

    Names in `edits` that the body does not have are left out. Every byte outside the edited members stays, but where a
    member was given twice: then the object is written anew with the last of its values.
    """
    edits = {name: value for name, value in edits.items() if name in members}
    if not edits:
        return body
    places = _places(body, members)
    if places is None:
        kept = {name: edits.get(name, bytes(raw)) for name, raw in members.items()}
        pairs = [msgspec.json.encode(name) + b":" + value for name, value in kept.items() if value is not None]
        return b"{" + b",".join(pairs) + b"}"
    pieces: list[bytes] = []
    before = 0
    for name, (key, start, end) in zip(members, places, strict=True):
        value = edits.get(name, b"")
        if value is not None:
            gap = body[before:key]
            if not pieces and before:
                gap = body[: places[0][0]]  # the members before were removed, with their commas
            pieces += (gap, body[key:start], value if name in edits else body[start:end])
        before = end
    if not pieces:
        pieces.append(body[: places[0][0]])
    return b"".join((*pieces, body[before:]))


def _places(body: bytes, members: Mapping[str, Raw]) -> list[tuple[int, int, int]] | None:
    """For each member where its key, its value and what follows begin; None where the body has other members than these.

    The values are found by their lengths: where a lone surrogate was replaced in them, the replacement is as long.
    """
    places: list[tuple[int, int, int]] = []
    at = 0
    for raw in members.values():
        found = _KEY.match(body, at)
        if found is None:
            return None
        at = found.end() + len(bytes(raw))
        places.append((found.start(1), found.end(), at))
        if not _ENDS.match(body, at):
            return None
    return places if places and _LAST.match(body, at) else None


_ENDS = re.compile(rb"[ \t\r\n]*[,}]")
_LAST = re.compile(rb"[ \t\r\n]*\}[ \t\r\n]*\Z")
