"""The tool names of a request, and those that an upstream takes, one for one within the request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from schemas.request import MessagesRequest

DEFERRED_PLACEHOLDER = "DeferredToolPlaceholder"
"""The entry Claude Code sends for the tools it has not sent yet; it is no tool."""

MAX_CHARS = 64
_HASH_CHARS = 8
_GOOD = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_GOOD_FOR_GEMINI = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
_BAD_CHAR = re.compile(r"[^a-zA-Z0-9_-]")


def tool_names_of(request: MessagesRequest) -> list[str]:
    """Every tool name of the request: offered, called in the history, chosen."""
    names = [tool.name for tool in request.tools or ()]
    names += [
        block.name
        for message in request.messages
        if not isinstance(message.content, str)
        for block in message.content
        if block.type == "tool_use"
    ]
    if isinstance(chosen := (request.tool_choice or {}).get("name"), str):
        names.append(chosen)
    return names


def sent_names(names: Iterable[str], gemini: bool = False) -> Mapping[str, str]:
    """Client's name -> name to send, for every name of the request (tools, calls in the history, tool choice).

    A name that fits is sent as it is. Another keeps its beginning and gets eight hex digits of its SHA-256, so the same
    tool has the same name in every turn. `gemini`: a name must not begin with a digit or a hyphen.
    """
    # INVARIANT: one to one; no two names of a request are sent as the same.
    good = _GOOD_FOR_GEMINI if gemini else _GOOD
    wanted = tuple(dict.fromkeys(names))
    sent = {name: name for name in wanted if good.fullmatch(name)}
    if len(sent) == len(wanted):
        return sent
    taken = set(sent)
    for name in wanted:
        if name not in sent:
            sent[name] = _shortened(name, taken)
            taken.add(sent[name])
    return sent


def restored_names(sent: Mapping[str, str]) -> Mapping[str, str]:
    """Name as sent -> client's name, only those that differ."""
    return {after: before for before, after in sent.items() if before != after}


def _shortened(name: str, taken: set[str]) -> str:
    stem = _BAD_CHAR.sub("_", name)[: MAX_CHARS - _HASH_CHARS - 2]
    if not stem or not (stem[0].isalpha() or stem[0] == "_"):
        stem = "t" + stem
    salt = 0
    while True:
        text = name if salt == 0 else f"{name}\0{salt}"
        candidate = f"{stem}_{hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARS]}"
        if candidate not in taken:
            return candidate
        salt += 1
