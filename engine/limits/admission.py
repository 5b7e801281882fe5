"""Who asks, as limits know them, and what they were charged: values."""

from __future__ import annotations

from msgspec import Struct, field

from engine.limits.settings import Limit, Rate


class Asker(Struct, frozen=True):
    """Who asks: by each name that a limit may go by. `provider` is where the request would go first."""

    key: str | None = None
    address: str | None = None
    session: str | None = None
    provider: str | None = None


class Charge(Struct, frozen=True):
    """What was charged to one window, which ends at `until` (seconds since the epoch)."""

    limit: Limit
    rate: Rate
    subject: str
    amount: int
    until: float


class Admission(Struct):
    """What a request was charged. `headers` say how much is left of every limit that it is under."""

    asker: Asker
    charges: list[Charge] = field(default_factory=list)
    seats: list[str] = field(default_factory=list)
    headers: tuple[tuple[str, str], ...] = ()
