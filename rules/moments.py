"""Windows of time and shares of traffic: the operands of `time` and `rollout`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """A part of every week in one zone.

    `days` are numbers from Monday, 0; `start` and `end` minutes of the day, half open. A span over midnight
    (`end` before `start`) belongs to the day on which it starts; one that ends where it starts is empty.
    """

    days: frozenset[int]
    start: int
    end: int
    zone: str
    tz: tzinfo = field(compare=False, repr=False)

    def holds(self, now: float) -> bool:
        """Whether the moment, in seconds since the epoch, is inside."""
        local = datetime.fromtimestamp(now, self.tz)
        minute, today = local.hour * 60 + local.minute, local.weekday()
        if self.start <= self.end:
            return self.start <= minute < self.end and today in self.days
        if minute >= self.start:
            return today in self.days
        return minute < self.end and (local - timedelta(days=1)).weekday() in self.days

    def __str__(self) -> str:
        words = [] if len(self.days) == len(DAYS) else [" ".join(DAYS[day] for day in sorted(self.days)) or "no day"]
        if (self.start, self.end) != (0, MINUTES_A_DAY):
            words.append(f"{_clock(self.start)}-{_clock(self.end)}")
        return ", ".join(words or ["always"]) + f" ({self.zone})"


@dataclass(frozen=True, slots=True)
class Share:
    """A stable share of all values of a fact: those whose bucket is below `threshold` (of 2 to the power of 64).

    INVARIANT: raising the percentage never takes a value out that was in.
    """

    percent: Fraction
    salt: str
    threshold: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # floor(percent * 2^64 / 100), once and not for every request
        object.__setattr__(self, "threshold", int(self.percent * 2**64 / 100))

    def holds(self, key: str) -> bool:
        """Whether that value is in."""
        return bucket_of(self.salt, key) < self.threshold

    def __str__(self) -> str:
        number = self.percent.numerator if self.percent.denominator == 1 else float(self.percent)
        return f"{number} % (salt {self.salt})"


def bucket_of(salt: str, key: str) -> int:
    """The first 8 bytes of SHA-256(salt NUL key), big-endian."""
    text = f"{salt}\0{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
