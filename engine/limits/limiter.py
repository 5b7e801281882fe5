"""Whether a request is within the limits, charged before it is sent and corrected when it is over. An edge: it may ask Redis.

    admit   takes a seat of each `concurrent`, charges every window: a request, the estimated tokens, the money these cost
            any one over its limit: all is given back, 429
    settle  gives the seats back, corrects tokens and money to what the upstream counted

INVARIANT: whoever is refused is charged nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Mapping, Sequence

from limits import RateLimitItemPerSecond
from limits.aio.strategies import FixedWindowRateLimiter
from msgspec.structs import replace

from engine.limits.admission import Admission, Asker, Charge
from engine.limits.counts import Counts
from engine.limits.headers import Standing, headers_of
from engine.limits.settings import Kind, Limit, Per, Rate
from engine.log.journal import Journal
from engine.replies import Refusal, Refused, refusal

_AT_ONCE_AGAIN_S = 1
_NOUNS: Mapping[Kind, str] = {
    "requests": "requests",
    "inputTokens": "input tokens",
    "outputTokens": "output tokens",
    "money": "of money",
}


class Limiter:
    """The limits of one configuration over the counts, which outlive it."""

    __slots__ = ("_limits", "counts")

    def __init__(self, limits: Sequence[Limit], counts: Counts) -> None:
        self._limits = limits
        self.counts = counts

    @property
    def of_providers(self) -> bool:
        """Whether some limit is about providers."""
        return any(limit.per == "provider" for limit in self._limits)

    async def has_room(self, provider: str, now: float, journal: Journal) -> bool:
        """Whether a provider is under every limit of its own, just now."""
        rows = [(limit, _digest(limit, provider)) for limit in self._limits if limit.per == "provider"]
        if any(limit.concurrent is not None and self.counts.open[who] >= limit.concurrent for limit, who in rows):
            return False
        windows = [(rate, who) for limit, who in rows for rate in limit.rates]

        async def ask(strategy: FixedWindowRateLimiter) -> bool:
            return all(await asyncio.gather(*(strategy.test(_item(rate), who) for rate, who in windows)))

        return await self.counts.through(ask, now, journal)

    async def admit(self, asker: Asker, estimate: Mapping[Kind, int], now: float, journal: Journal) -> Admission:
        """Charges the request. Raises `Refused` (429) where it is over a limit; `now` is in seconds since the epoch."""
        rows = [(limit, _digest(limit, who)) for limit in self._limits if (who := _subject(limit, asker)) is not None]
        admission = Admission(asker)
        try:
            self._seat(admission, rows)
            await self._charge(admission, rows, estimate, now, journal)
        except BaseException:
            self._unseat(admission)
            raise
        return admission

    async def settle(
        self, admission: Admission, used: Mapping[Kind, int], provider: str | None, now: float, journal: Journal
    ) -> None:
        """Corrects what was charged to what was `used`; a kind that is not in it keeps its estimate.

        `provider` answered: where that is another one than was charged, it is charged now.
        """
        self._unseat(admission)
        moved = provider is not None and provider != admission.asker.provider
        changes: list[tuple[Rate, str, int]] = []
        for charge in admission.charges:
            actual = used.get(charge.rate.kind, charge.amount)
            if moved and charge.limit.per == "provider" and charge.rate.kind != "requests":
                actual = 0
            change = actual - charge.amount
            if change > 0 or (change < 0 and now < charge.until):
                changes.append((charge.rate, charge.subject, change))
        if moved and provider is not None:
            for limit in self._limits:
                if limit.per == "provider":
                    changes += [
                        (rate, _digest(limit, provider), 1 if rate.kind == "requests" else used.get(rate.kind, 0))
                        for rate in limit.rates
                    ]
        changes = [one for one in changes if one[2]]
        if changes:
            await self._change(changes, now, journal)

    def _seat(self, admission: Admission, rows: Sequence[tuple[Limit, str]]) -> None:
        for limit, who in rows:
            if limit.concurrent is None:
                continue
            if self.counts.open[who] >= limit.concurrent:
                message = f"limit `{limit.name}` admits {limit.concurrent} requests at once, and so many are open"
                raise Refused(replace(refusal(429, message), headers=(("retry-after", str(_AT_ONCE_AGAIN_S)),)))
            self.counts.open[who] += 1
            admission.seats.append(who)

    def _unseat(self, admission: Admission) -> None:
        for who in admission.seats:
            self.counts.open[who] -= 1
            if not self.counts.open[who]:
                del self.counts.open[who]
        admission.seats.clear()

    async def _charge(
        self,
        admission: Admission,
        rows: Sequence[tuple[Limit, str]],
        estimate: Mapping[Kind, int],
        now: float,
        journal: Journal,
    ) -> None:
        windows = [
            (limit, rate, who, cost)
            for limit, who in rows
            for rate in limit.rates
            if (cost := estimate.get(rate.kind)) is not None
        ]

        async def take(strategy: FixedWindowRateLimiter) -> list[tuple[bool, Standing]]:
            taken = await asyncio.gather(*(_take(strategy, rate, who, cost) for _, rate, who, cost in windows))
            if not all(fits for fits, _ in taken):
                await _add(strategy, [(rate, who, -cost) for _, rate, who, cost in windows if cost])
            return taken

        taken = await self.counts.through(take, now, journal) if windows else []
        standings = [standing for _, standing in taken]
        if not all(fits for fits, _ in taken):  # what was given back is left again
            standings = [
                replace(standing, remaining=min(standing.rate.amount, standing.remaining + cost)) if fits else standing
                for (*_, cost), (fits, standing) in zip(windows, taken, strict=True)
            ]
        full = [(limit, standing) for (limit, *_), (fits, standing) in zip(windows, taken, strict=True) if not fits]
        admission.headers = headers_of(standings)
        if full:
            limit, standing = max(full, key=lambda one: one[1].until)
            raise Refused(_over(limit, standing, estimate, now), admission.headers)
        admission.charges = [
            Charge(limit, rate, who, cost, standing.until)
            for (limit, rate, who, cost), standing in zip(windows, standings, strict=True)
        ]

    async def _change(self, changes: Sequence[tuple[Rate, str, int]], now: float, journal: Journal) -> None:
        async def add(strategy: FixedWindowRateLimiter) -> None:
            await _add(strategy, changes)

        await self.counts.through(add, now, journal)


async def _take(strategy: FixedWindowRateLimiter, rate: Rate, who: str, cost: int) -> tuple[bool, Standing]:
    """Charges one window; what costs nothing yet must still find some of it left."""
    item = _item(rate)
    fits = await strategy.hit(item, who, cost=cost) if cost else await strategy.test(item, who)
    stats = await strategy.get_window_stats(item, who)
    return fits, Standing(rate, stats.remaining, stats.reset_time)


async def _add(strategy: FixedWindowRateLimiter, changes: Sequence[tuple[Rate, str, int]]) -> None:
    items = [(_item(rate), who, amount) for rate, who, amount in changes]
    await asyncio.gather(
        *(strategy.storage.incr(item.key_for(who), item.get_expiry(), amount) for item, who, amount in items)
    )


def _item(rate: Rate) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(rate.amount, rate.window_s, namespace=rate.kind)


def _subject(limit: Limit, asker: Asker) -> str | None:
    """Whom the limit counts this request for; None: it is not about this request. Who has no session shares one."""
    subjects: dict[Per, str | None] = {
        "key": asker.key if limit.only in (None, asker.key) else None,
        "address": asker.address or "",
        "session": asker.session or "",
        "provider": asker.provider,
        "router": "",
    }
    return subjects[limit.per]


def _digest(limit: Limit, who: str) -> str:
    """The name under which it is counted: of a fixed length, and telling nobody's session."""
    return hashlib.blake2b(
        f"{limit.name}\0{limit.per}\0{who}".encode("utf-8", "surrogatepass"), digest_size=16
    ).hexdigest()


def _over(limit: Limit, standing: Standing, estimate: Mapping[Kind, int], now: float) -> Refusal:
    rate = standing.rate
    wait_s = max(1, math.ceil(standing.until - now))
    headers = [("retry-after", str(wait_s))]
    message = f"limit `{limit.name}` of {rate.written} ({_NOUNS[rate.kind]}) is reached; it begins anew in {wait_s} s"
    if estimate[rate.kind] > rate.amount:
        message = f"this request alone is over limit `{limit.name}` of {rate.written} ({_NOUNS[rate.kind]})"
        headers.append(("x-should-retry", "false"))
    return replace(refusal(429, message), headers=tuple(headers))
