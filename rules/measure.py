"""`inputTokens`: our estimate of what a request weighs, with cheap bounds from the same formula."""

from __future__ import annotations

from schemas.request import MessagesRequest

VERSION = "ccr-1"


def input_tokens(request: MessagesRequest) -> int:
    """The estimate."""
    return len(request.raw) // 4


def bounds(request: MessagesRequest) -> tuple[int, int]:
    """At least and at most what `input_tokens` gives, much cheaper."""
    return len(request.raw) // 4, len(request.raw) // 4
