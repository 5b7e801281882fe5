"""How many retries the whole process may make: a token bucket, so that an outage is no storm."""

from __future__ import annotations

from msgspec import Struct


class RetryBudget(Struct):
    """Each request earns a share of a retry, time earns some more; a retry costs one. Never more than `most` saved up.

    Several routers may share it: `untold` is what this one spent, less what its requests earned, since `news` was asked.
    """

    most: float = 256.0
    per_request: float = 0.2
    per_second: float = 10.0
    tokens: float = 256.0
    at: float = 0.0
    untold: float = 0.0

    def earn(self, now: float) -> None:
        """A request began."""
        self._refill(now)
        self.tokens = min(self.most, self.tokens + self.per_request)
        self.untold -= self.per_request

    def spend(self, now: float) -> bool:
        """Whether one more retry is allowed; if so it is paid for."""
        self._refill(now)
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        self.untold += 1.0
        return True

    def news(self) -> float:
        """What to tell the others, once."""
        untold, self.untold = self.untold, 0.0
        return untold

    def charge(self, retries: float, now: float) -> None:
        """Another router spent so much of it (below zero: its requests earned that)."""
        self._refill(now)
        self.tokens = min(self.most, max(0.0, self.tokens - retries))

    def _refill(self, now: float) -> None:
        self.tokens = min(self.most, self.tokens + max(0.0, now - self.at) * self.per_second)
        self.at = max(self.at, now)
