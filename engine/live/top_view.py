"""What `ccr top` knows of a router, from the events of `/v1/ccr/events`, and the figures it shows. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

JSON = Mapping[str, Any]

MOST_ROWS = 600
WINDOW_S = 300.0
"""Rates, failures and latencies are of the last five minutes."""

FAILURES = ("failed", "broken")


class View(Struct):
    """`gateway` and `state` are {} until they have come; `rows` are the last exchanges, oldest first."""

    gateway: JSON = field(default_factory=dict)
    state: JSON = field(default_factory=dict)
    rows: deque[JSON] = field(default_factory=lambda: deque(maxlen=MOST_ROWS))

    def take(self, name: str, value: JSON) -> None:
        """Takes in one event."""
        match name:
            case "gateway":
                self.gateway = value
            case "state":
                self.state = value
            case "exchanges":
                self.rows.extend(value["rows"])

    def begin(self) -> None:
        """A new connection: what was kept is told again."""
        self.rows.clear()

    @property
    def now(self) -> float:
        """The router's time."""
        return float(self.state.get("serverTime", 0.0))

    def latest(self) -> list[JSON]:
        """The rows of the window."""
        since = self.now - WINDOW_S
        return [row for row in self.rows if row["at"] >= since]

    def window_s(self) -> float:
        """How long the window is: no longer than the router runs, and than the kept rows reach back."""
        ran = float(self.state.get("uptime", WINDOW_S))
        reach = self.now - self.rows[0]["at"] if len(self.rows) == MOST_ROWS else WINDOW_S
        return max(1.0, min(WINDOW_S, ran, reach))


class Figures(Struct, frozen=True):
    """Of some exchanges in the window. Times in milliseconds, None where there is none."""

    count: int
    failed: int
    per_minute: float
    p50_ms: float | None
    p95_ms: float | None
    first_byte_ms: float | None


def figures(rows: Sequence[JSON], window_s: float) -> Figures:
    """The figures of these rows."""
    totals = sorted(row["totalMs"] for row in rows)
    firsts = sorted(row["firstByteMs"] for row in rows if row["firstByteMs"] is not None)
    return Figures(
        len(rows),
        sum(row["outcome"] in FAILURES for row in rows),
        len(rows) * 60 / window_s,
        quantile(totals, 0.5),
        quantile(totals, 0.95),
        quantile(firsts, 0.5),
    )


class Sum(Struct, frozen=True):
    """Since the start of the router. `cost` None: none of it has a price."""

    name: str
    exchanges: int
    errors: int
    tokens: int
    cost: float | None


def sums(branches: Iterable[JSON], by: str) -> list[Sum]:
    """The counts by `rule` or `target`, the greatest first."""
    found: dict[str, list[JSON]] = {}
    for branch in branches:
        found.setdefault(branch[by] or "no target", []).append(branch)
    whole = [
        Sum(
            name,
            sum(part["exchanges"] for part in parts),
            sum(part["errors"] for part in parts),
            sum(part["inputTokens"] + part["outputTokens"] for part in parts),
            sum(part["cost"] for part in parts) if any(part["priced"] for part in parts) else None,
        )
        for name, parts in found.items()
    ]
    return sorted(whole, key=lambda one: -one.exchanges)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value below which that share of them lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
