"""How many retries the whole process may make: a token bucket, so that an outage is no storm."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RetryBudget:
    """Each request earns a share of a retry, time earns some more; a retry costs one. Never more than `most` saved up."""

    most: float = 256.0
    per_request: float = 0.2
    per_second: float = 10.0
    tokens: float = 256.0
    at: float = 0.0

    def earn(self, now: float) -> None:
        """A request began."""
        self._refill(now)
        self.tokens = min(self.most, self.tokens + self.per_request)

    def spend(self, now: float) -> bool:
        """Whether one more retry is allowed; if so it is paid for."""
        self._refill(now)
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True

    def _refill(self, now: float) -> None:
        self.tokens = min(self.most, self.tokens + max(0.0, now - self.at) * self.per_second)
        self.at = max(self.at, now)
