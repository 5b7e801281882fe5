"""The history of a conversation with single blocks replaced or left out; all that stays are the bytes that came."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum, auto
from typing import Literal, TypeAlias

import msgspec
from msgspec import Raw

from schemas.request import Block, MessagesRequest


class Fate(Enum):
    """What becomes of a block that is not replaced."""

    KEEP = auto()
    DROP = auto()


Edit: TypeAlias = Callable[[Block], bytes | Literal[Fate.KEEP, Fate.DROP]]
"""Says for a block of a message what stands in its place: other JSON, nothing, or itself."""


def rewritten(request: MessagesRequest, edit: Edit, kinds: Collection[str]) -> bytes | None:
    """`messages` as JSON after the edits; None where every block is kept. A message that nothing is left of goes too.

    Each block whose type is among `kinds` is asked for once, in order; the others are kept.
    """
    fates = [
        [edit(block) if block.type in kinds else Fate.KEEP for block in message.content]
        if isinstance(message.content, list)
        else []
        for message in request.messages
    ]
    if all(fate is Fate.KEEP for message in fates for fate in message):
        return None
    kept: list[Raw] = []
    for message, raw in zip(fates, _LIST.decode(request.fields["messages"]), strict=True):
        if all(fate is Fate.KEEP for fate in message):
            kept.append(raw)
            continue
        members = _MEMBERS.decode(raw)
        blocks = zip(message, _LIST.decode(members["content"]), strict=True)
        content = [one if fate is Fate.KEEP else Raw(fate) for fate, one in blocks if fate is not Fate.DROP]
        if content:
            kept.append(Raw(msgspec.json.encode(members | {"content": Raw(msgspec.json.encode(content))})))
    return msgspec.json.encode(kept)


_LIST = msgspec.json.Decoder(list[Raw])
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
