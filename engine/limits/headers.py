"""How much is left of the limits, as the headers that clients of Anthropic's API read. Pure.

Source: the API's `anthropic-ratelimit-*` headers, for requests, input tokens, output tokens and the narrower of these two
(`tokens`): what is allowed in a window, what is left, and when the window ends (RFC 3339). Money has none there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from engine.limits.settings import LIMIT_HEADERS, Kind, Rate

_WORDS: Mapping[Kind, str] = {"requests": "requests", "inputTokens": "input-tokens", "outputTokens": "output-tokens"}
_TOKENS: tuple[Kind, ...] = ("inputTokens", "outputTokens")


class Standing(Struct, frozen=True):
    """How a window stands: `remaining` of its rate until `until` (seconds since the epoch)."""

    rate: Rate
    remaining: int
    until: float


def headers_of(standings: Iterable[Standing]) -> tuple[tuple[str, str], ...]:
    """Three headers for each kind that is limited; of several windows the one with the least left counts."""
    standings = list(standings)
    found = {
        word: rows for kind, word in _WORDS.items() if (rows := [row for row in standings if row.rate.kind == kind])
    }
    tokens = [row for row in standings if row.rate.kind in _TOKENS]
    if tokens:
        found["tokens"] = tokens
    return tuple(header for word, rows in found.items() for header in _three(word, min(rows, key=_share_left)))


def _share_left(row: Standing) -> float:
    return row.remaining / row.rate.amount


def _three(word: str, row: Standing) -> Iterator[tuple[str, str]]:
    yield f"{LIMIT_HEADERS}{word}-limit", str(row.rate.amount)
    yield f"{LIMIT_HEADERS}{word}-remaining", str(max(0, row.remaining))
    yield f"{LIMIT_HEADERS}{word}-reset", datetime.fromtimestamp(int(row.until), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
