"""System messages within the conversation, for a service that is not told of the beta they need: user text in the client's own tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from providers.dialects.losses import Losses

BETA = "mid-conversation-system-"
"""How the name of the beta begins that allows them."""

_OPEN, _CLOSE = "<system-reminder>\n", "\n</system-reminder>"


def reminding(messages: bytes, betas: Sequence[str], losses: Losses) -> bytes | None:
    """`messages` with these as the user's; None where there are none, or the beta is sent. All others are the bytes that came."""
    if any(beta.startswith(BETA) for beta in betas):
        return None
    kept: list[Raw] = []
    found = 0
    for raw in _LIST.decode(messages):
        if _ROLE.decode(raw).role != "system":
            kept.append(raw)
            continue
        found += 1
        message = msgspec.json.decode(raw)
        content = _reminder(message["content"])
        if content:
            kept.append(Raw(msgspec.json.encode({**message, "role": "user", "content": content})))
    losses.add("messages.role", "a system message within the conversation is sent as a reminder in user text", found)
    return msgspec.json.encode(kept) if found else None


def _reminder(content: Any) -> Any:
    if isinstance(content, str):
        return f"{_OPEN}{content}{_CLOSE}" if content else None
    return [
        {**block, "text": f"{_OPEN}{block['text']}{_CLOSE}"} if block.get("type") == "text" else block
        for block in content
    ]


class _Role(msgspec.Struct):
    role: str = ""


_LIST = msgspec.json.Decoder(list[Raw])
_ROLE = msgspec.json.Decoder(_Role)
