"""The ids of calls as the vendor takes them: of certain characters only, and each once in a conversation.

Calls that another model made may be called `functions.Read:0`, or `call_0` in each turn; the vendor refuses the whole
session for that.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from schemas.request import MessagesRequest

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_BAD_CHAR = re.compile(r"[^a-zA-Z0-9_-]")


def refused_ids(request: MessagesRequest) -> int:
    """How many calls have an id that the vendor refuses."""
    taken: set[str] = set()
    count = 0
    for message in request.messages:
        if message.role == "assistant" and isinstance(message.content, list):
            for block in message.content:
                if block.type == "tool_use":
                    count += block.id in taken or _ID.fullmatch(block.id) is None
                    taken.add(block.id)
    return count


def with_other_ids(messages: bytes) -> bytes:
    """`messages` as JSON in which each call, and its result, has an id that the vendor takes; other blocks are the bytes that came.

    Calls of one id are answered in their order. The same conversation gets the same ids, however far it has gone on.
    """
    renaming = _Renaming()
    turns = [_MEMBERS.decode(raw) for raw in _LIST.decode(messages)]
    for turn in turns:
        if bytes(turn["content"])[:1] == b"[":
            turn["content"] = Raw(msgspec.json.encode([renaming.block(one) for one in _LIST.decode(turn["content"])]))
    return msgspec.json.encode(turns)


class _Renaming(Struct):
    """`waiting` are the ids sent of the calls whose result has not come, by the id that they have at the client."""

    taken: set[str] = field(default_factory=set)
    latest: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, list[str]] = field(default_factory=dict)

    def block(self, raw: Raw) -> Raw:
        if bytes(raw)[:1] != b"{":
            return raw
        members: dict[str, Any] = _MEMBERS.decode(raw)
        match msgspec.json.decode(members["type"]) if "type" in members else None:
            case "tool_use":
                member, sent = "id", self._called(_text(members["id"]))
            case "tool_result":
                member, sent = "tool_use_id", self._answered(_text(members["tool_use_id"]))
            case _:
                return raw
        if sent == _text(members[member]):
            return raw
        return Raw(msgspec.json.encode(members | {member: sent}))

    def _called(self, given: str) -> str:
        base = sent = _BAD_CHAR.sub("_", given) or "call"
        number = 1
        while sent in self.taken:
            number += 1
            sent = f"{base}_{number}"
        self.taken.add(sent)
        self.latest[given] = sent
        self.waiting.setdefault(given, []).append(sent)
        return sent

    def _answered(self, given: str) -> str:
        waiting = self.waiting.get(given)
        if waiting:
            return waiting.pop(0)
        return self.latest.get(given) or _BAD_CHAR.sub("_", given) or "call"


def _text(raw: Raw) -> str:
    text: str = msgspec.json.decode(raw, type=str)
    return text


_LIST = msgspec.json.Decoder(list[Raw])
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
