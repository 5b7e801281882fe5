"""Thinking of earlier turns that another issuer gave: left out, never forged, and never touched where it may be valid.

A thinking block is bound to who signed it. What other dialects of ours made has an empty signature, so it is known
before it is sent; what a foreign upstream signed is known only when the vendor refuses it. Sources: the vendor's guide
to extended thinking, and the refusals that clients report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from providers.messages.signatures import is_marked
from schemas.request import Block, MessagesRequest

THOUGHTS = frozenset(("thinking", "redacted_thinking"))

_FOREIGN = re.compile(
    r"invalid .?(?:signature|data).? in .?(?:redacted_)?thinking"
    r"|thinking\.signature"
    r"|redacted_thinking.? blocks in the latest assistant message cannot be modified"
    r"|contains any .?thinking.? blocks, the first block must be"
    r"|in the final position cannot contain .?thinking"
    r"|final block in an assistant message cannot be .?thinking",
    re.IGNORECASE,
)
_MISSING = re.compile(r"expected .?thinking.? or .?redacted_thinking.?, but found", re.IGNORECASE)


def refuses_thoughts(message: str) -> bool:
    """Whether a 400 with this message is about thinking blocks, so that a request without them has a chance."""
    return bool(_FOREIGN.search(message)) or misses_thoughts(message)


def misses_thoughts(message: str) -> bool:
    """Whether it wants a thinking block where there is none: only not to think at all helps then."""
    return bool(_MISSING.search(message))


def is_thought(block: Block) -> bool:
    """Whether a block is thinking, readable or not."""
    return block.type in THOUGHTS


def is_unsigned(block: Block) -> bool:
    """Whether a thinking block has no signature: it is none of the vendor's."""
    return block.type == "thinking" and not block.signature


def is_ours(block: Block) -> bool:
    """Whether another dialect of ours marked the block as its upstream's, so that it is worth nothing anywhere else."""
    return is_marked(block.data if block.type == "redacted_thinking" else block.signature) and is_thought(block)


def not_thinking(request: MessagesRequest, *, demanded: bool) -> dict[str, bytes | None]:
    """The edits of a request's members that are needed once its thinking blocks are left out; usually none.

    With a fixed budget the vendor wants the turn that called tools to begin with thinking, so this call is not to think.
    `demanded`: the vendor said so itself, so it does not matter how thinking was asked for.
    """
    kind = (request.thinking or {}).get("type")
    needed = kind in ("enabled", "adaptive") if demanded else kind == "enabled" and _last_turn_calls(request)
    return {"thinking": b'{"type":"disabled"}', **clearing_left_out(request)} if needed else {}


def clearing_left_out(request: MessagesRequest) -> Mapping[str, bytes | None]:
    """The edit of `context_management` for a request that does not think: the vendor refuses to clear thinking then."""
    raw = request.fields.get("context_management")
    try:
        value: Any = msgspec.json.decode(raw) if raw is not None else None
    except (msgspec.DecodeError, RecursionError):
        return {}
    steps = value.get("edits") if isinstance(value, dict) else None
    if not isinstance(steps, list):
        return {}
    kept = [one for one in steps if not (isinstance(one, dict) and str(one.get("type")).startswith("clear_thinking"))]
    if len(kept) == len(steps):
        return {}
    return {"context_management": msgspec.json.encode({**value, "edits": kept}) if kept else None}


def _last_turn_calls(request: MessagesRequest) -> bool:
    """Whether the last turn of the assistant calls tools."""
    for message in reversed(request.messages):
        if message.role == "assistant":
            blocks = message.content if isinstance(message.content, list) else []
            return any(block.type == "tool_use" for block in blocks)
    return False
