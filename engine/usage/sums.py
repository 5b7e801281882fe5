"""What is recorded of exchanges: sums by day, rule, target, model and router key. Pure but for `Pending`, which collects.

Ended -> usage_line -> Pending -> (a thread) the store -> `ccr usage`, budgets
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from msgspec import Struct, field

NANO = Decimal("0.000000001")
MOST_LINES = 10_000
OTHER = "(other)"


class Line(NamedTuple):
    """What one sum is of. `day` is of UTC, as 2026-01-31; a text is empty where there is none: no target, no key."""

    day: str
    rule: str
    provider: str
    model: str
    key: str
    currency: str


class Sums(NamedTuple):
    """Counts of exchanges and tokens, and `cost_nano`, a milliardth of the currency. `unpriced`: replies of unknown cost."""

    requests: int = 0
    errors: int = 0
    unpriced: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    thinking: int = 0
    cost_nano: int = 0

    @property
    def cost(self) -> Decimal:
        """In units of the currency, of what has a price."""
        return self.cost_nano * NANO

    @property
    def tokens(self) -> int:
        """All of them, each once: thinking is a part of the output."""
        return self.input + self.cache_read + self.cache_write + self.output


Row: TypeAlias = tuple[Line, Sums]


def plus(one: Sums, other: Sums) -> Sums:
    """Both together."""
    return Sums(*(a + b for a, b in zip(one, other, strict=True)))


def day_of(moment: float) -> str:
    """The day in UTC of a moment, in seconds since the epoch."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


class Pending(Struct):
    """Sums that are not in the store yet. Beyond `MOST_LINES` models run together as `OTHER`, so that nothing is lost."""

    sums: dict[Line, Sums] = field(default_factory=dict)

    def add(self, line: Line, sums: Sums) -> None:
        """Adds to the line's sum."""
        if line not in self.sums and len(self.sums) >= MOST_LINES:
            line = line._replace(rule=OTHER, model=OTHER, key=OTHER)
        known = self.sums.get(line)
        self.sums[line] = sums if known is None else plus(known, sums)

    def take(self) -> list[Row]:
        """All of it, in one order for every writer; from here on it is the caller's."""
        rows, self.sums = sorted(self.sums.items()), {}
        return rows

    def put_back(self, rows: list[Row]) -> None:
        """What could not be written."""
        for line, sums in rows:
            self.add(line, sums)
