"""What is known of an exchange when it is over: what the audit log, usage, limits, metrics and the page read.

record_exchange ──> the log line, the counters
      └──> Ended ──> every one of `router.listeners`, in their order (it is made only where somebody listens)
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct, field

from engine.exchange_state import Exchange
from engine.usage.prices import Prices, cost_of
from providers.errors import ProviderError

Outcome: TypeAlias = Literal["answered", "rejected", "failed", "broken", "client gone"]
"""`rejected`: by a rule, a filter, a key or a limit; `failed`: by every target; `broken`: after the commit point."""


class Ended(Struct, frozen=True):
    """`at` is the end, in seconds since the epoch; `total_s` and `first_byte_s` count from the request's first byte.

    `error` is what the client was told last, if it was told an error. `one` has the request, the decision, who asked,
    who answered, what was lost, and the usage (`one.summary`).
    """

    one: Exchange
    outcome: Outcome
    status: int
    at: float
    total_s: float
    error: ProviderError | None = None
    prices: Prices = field(default_factory=Prices)

    @property
    def cost(self) -> Decimal | None:
        """What its tokens cost, in `prices.currency`. None: not known, or nothing answered."""
        provider, model, summary = self.provider, self.target_model, self.one.summary
        if provider is None or model is None or summary is None:
            return None
        return cost_of(self.prices, provider, model, summary.usage)

    @property
    def provider(self) -> str | None:
        """Whose instance answered."""
        return self.one.answered_by.target.pool.name if self.one.answered_by is not None else None

    @property
    def target_model(self) -> str | None:
        """The upstream's name of the model that answered."""
        return self.one.answered_by.target.model if self.one.answered_by is not None else None

    @property
    def first_byte_s(self) -> float | None:
        """None: nothing was sent before the error."""
        return None if self.one.first_byte_at is None else self.one.first_byte_at - self.one.started_at


Listener: TypeAlias = Callable[[Ended], None]
"""Is called on the event loop when an exchange is over: it must not wait, and hands work for a disk to somebody else.

It must not raise: what goes wrong with a record (a full disk) is its own to count and to say.
"""
