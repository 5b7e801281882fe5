"""What to try next: instances of the decided target, then its fallbacks, within a budget of tries and time. Pure.

    plan = Plan(targets, budget, started=now, session=...)
    while True:
        match plan.next(now, rng):
            case Try() as attempt:
                lease = attempt.take(now)
                ...send; on failure: give the lease back, then plan.failed(attempt, error, now, rng)
                ...at the commit point: plan.committed()
            case Sleep(seconds): wait
            case GiveUp(error): tell the client

Order: every instance of a target once, then the next target, and only when none is left a second round after a pause.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from providers.errors import KINDS, Blame, ProviderError
from providers.instances import Lease, Pick, Wish
from providers.pool import Pool
from providers.retry_budget import RetryBudget
from providers.spec import Timeouts
from providers.waiting import Ticket


class PlannedTarget(msgspec.Struct, frozen=True):
    """A target with its pool. `model` is what the upstream is asked for; the window (tokens) is None where not configured."""

    pool: Pool
    model: str
    context_window: int | None = None


class PlanPolicy(Struct, frozen=True):
    """How hard to try, in seconds and counts, the first try included."""

    deadline_s: float = 590.0
    most_tries: int = 6
    tries_per_instance: int = 2
    pause_s: float = 0.5
    pause_longest_s: float = 8.0
    sleep_longest_s: float = 10.0
    look_again_s: float = 0.25


DEFAULT_POLICY = PlanPolicy()


class Try(msgspec.Struct, frozen=True):
    """Send to this instance now. `number` counts from 1; `timeouts` are the provider's, cut to what the deadline leaves.

    `refresh`: get a fresh credential first, the last one was refused as expired.
    """

    target_index: int
    target: PlannedTarget
    pick: Pick
    number: int
    timeouts: Timeouts
    refresh: bool = False

    def take(self, now: float) -> Lease:
        """The lease of the instance; call it before anything is awaited."""
        return self.target.pool.take(self.pick, now, refreshed=self.refresh)


class Sleep(Struct, frozen=True):
    """Wait, then ask again; at once when the ticket is called."""

    seconds: float
    ticket: Ticket | None = None


class GiveUp(Struct, frozen=True):
    """Nothing more can be done; this is what the client is told."""

    error: ProviderError


Next: TypeAlias = Try | Sleep | GiveUp


class Attempt(Struct, frozen=True):
    """One try that failed. The same instance may be tried again from `again_at`; None: never in this plan."""

    tried: Try
    error: ProviderError
    again_at: float | None


class Plan:
    """The tries of one exchange. INVARIANT: nothing is tried after `committed`, after the deadline or beyond the cap."""

    __slots__ = (
        "_budget",
        "_closed",
        "_first",
        "_policy",
        "_queued_since",
        "_session",
        "_started",
        "_targets",
        "_ticket",
        "history",
    )

    def __init__(
        self,
        targets: Sequence[PlannedTarget],
        budget: RetryBudget,
        *,
        started: float,
        session: str | None = None,
        policy: PlanPolicy = DEFAULT_POLICY,
    ) -> None:
        self._targets = tuple(targets)
        self._budget = budget
        self._started = started
        self._session = session
        self._policy = policy
        self._first = 0
        self._closed = False
        self._queued_since = 0.0
        self._ticket: Ticket | None = None
        self.history: list[Attempt] = []
        budget.earn(started)

    def next(self, now: float, rng: random.Random) -> Next:
        """What to do now."""
        found = self._next(now, rng)
        if not isinstance(found, Sleep):
            self.leave()
        return found

    def leave(self) -> None:
        """Gives up the place in line, if there is one; call it when the exchange ends, however it ends."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            for target in self._targets:
                target.pool.leave(ticket)

    def _next(self, now: float, rng: random.Random) -> Next:
        last = self.history[-1] if self.history else None
        if self._closed or (last and not self._goes_on(last)):
            return GiveUp(self._verdict())
        if len(self.history) >= self._policy.most_tries or self._left_s(now) <= 0:
            return GiveUp(self._verdict())
        found: Next = self._refreshed(last, now) or self._fresh(now, rng) or self._otherwise(now)
        if isinstance(found, Try) and last is not None and not self._budget.spend(now):
            return GiveUp(self._verdict())
        return found

    def failed(self, attempt: Try, error: ProviderError, now: float, rng: random.Random) -> None:
        """The try came to nothing, and no byte of it went to the client."""
        self.history.append(Attempt(attempt, error, self._again_at(attempt, error, now, rng)))
        if error.kind.name == "context_length":
            self._skip_to_larger_window(attempt)

    def committed(self) -> None:
        """The client is being answered: there is no way back."""
        self._closed = True

    def _left_s(self, now: float) -> float:
        return self._started + self._policy.deadline_s - now

    def _goes_on(self, last: Attempt) -> bool:
        if last.error.kind.name == "context_length":
            return self._first > last.tried.target_index
        return last.error.retryable

    def _skip_to_larger_window(self, attempt: Try) -> None:
        """The request is too long for this target: only a later one known to take more can help."""
        window = attempt.target.context_window
        for index in range(attempt.target_index + 1, len(self._targets)):
            larger = self._targets[index].context_window
            if window is not None and larger is not None and larger > window:
                self._first = index
                return

    def _refreshed(self, last: Attempt | None, now: float) -> Try | None:
        """The same instance once more with a fresh credential, if that was the trouble and was not tried yet."""
        if last is None or last.error.kind.retry != "refresh" or last.tried.refresh:
            return None
        pool, old = last.tried.target.pool, last.tried.pick
        instance = next((one for one in pool.instances if one.id == old.instance.id), old.instance)
        return self._try(last.tried.target_index, replace(old, instance=instance, candidates=(instance,)), now, True)

    def _fresh(self, now: float, rng: random.Random) -> Try | None:
        """An instance not tried yet and awake, of the first target that has one."""
        for index in range(self._first, len(self._targets)):
            pick = self._targets[index].pool.pick(self._wish(index), now, rng)
            if pick is not None:
                return self._try(index, pick, now)
        return None

    def _otherwise(self, now: float) -> Next:
        """Nobody awake has room. Who is well but at its limit is worth a wait, before one that rests is used."""
        full = self._full(now)
        forced = self._forced(now) if not self.history and not full else None
        return forced or self._again(now, full)

    def _full(self, now: float) -> list[int]:
        """The targets all of whose instances that would do are at our own limit."""
        indexes = range(self._first, len(self._targets))
        return [index for index in indexes if self._targets[index].pool.is_full(self._wish_again(index), now)]

    def _forced(self, now: float) -> Try | None:
        """All rest: the instance whose rest ends first, of whatever target."""
        best: tuple[float, int, Pick] | None = None
        for index in range(self._first, len(self._targets)):
            pick = self._targets[index].pool.pick_resting(self._wish(index))
            if pick is not None:
                ends = pick.instance.rests_until(self._targets[index].model)
                if best is None or ends < best[0]:
                    best = (ends, index, pick)
        return None if best is None else self._try(best[1], best[2], now)

    def _again(self, now: float, full: list[int]) -> Next:
        """The second round, or a wait for room: whatever can be tried soonest, if that is soon enough."""
        soonest: tuple[float, int, Pick] | None = None
        for index in range(self._first, len(self._targets)):
            for at, pick in self._later(index):
                if soonest is None or at < soonest[0]:
                    soonest = (at, index, pick)
        if soonest is not None and soonest[0] <= now:
            return self._try(soonest[1], soonest[2], now)
        line = self._queue(now, full) if full else GiveUp(self._verdict())
        if soonest is None or isinstance(line, Sleep) or not self.history:
            return line
        wait_s = soonest[0] - now
        if wait_s > self._policy.sleep_longest_s or wait_s >= self._left_s(now):
            return GiveUp(self._verdict())
        return Sleep(wait_s)

    def _later(self, index: int) -> list[tuple[float, Pick]]:
        """When which instance of that target may be tried: tried ones after their pause, others after their rest."""
        target, found = self._targets[index], []
        wish = self._wish_again(index)
        for one in target.pool.open_to(wish):
            tried = [a for a in self.history if a.tried.target_index == index and a.tried.pick.instance.id == one.id]
            at = tried[-1].again_at if tried else one.rests_until(target.model)
            if at is not None:
                found.append((at, Pick(one, wish, (one,), forced=not tried)))
        return found

    def _queue(self, now: float, full: list[int]) -> Sleep | GiveUp:
        """A place in line for a short while before pools at our own limit, then say so."""
        if self._ticket is None:
            joined = [index for index in full if not self._targets[index].pool.queue.is_full]
            self._ticket, self._queued_since = Ticket(), now
            for index in joined:
                target = self._targets[index]
                target.pool.queue.join(self._ticket, self._excluded(index) | target.pool.resting(target.model, now))
            if not joined:
                return GiveUp(_BUSY)
        wait_s = max(self._targets[index].pool.spec.concurrency.wait_s for index in full)
        left_s = min(self._queued_since + wait_s - now, self._left_s(now))
        if left_s <= 0:
            return GiveUp(_BUSY)
        return Sleep(min(left_s, self._policy.look_again_s), self._ticket)

    def _wish(self, index: int) -> Wish:
        if not self.history:
            return Wish(self._targets[index].model, self._session, _NONE, self._ticket)
        tried = frozenset(a.tried.pick.instance.name for a in self.history if a.tried.target_index == index)
        return Wish(self._targets[index].model, self._session, tried, self._ticket)

    def _wish_again(self, index: int) -> Wish:
        """The same for a further round: instances that were tried are wanted once more."""
        return Wish(self._targets[index].model, self._session, self._excluded(index), self._ticket)

    def _excluded(self, index: int) -> frozenset[str]:
        """Names of instances of that target that were tried often enough, or failed in a way that lasts."""
        counts: dict[str, int] = {}
        for one in self.history:
            if one.tried.target_index == index:
                name = one.tried.pick.instance.name
                lasting = one.again_at is None
                counts[name] = counts.get(name, 0) + (self._policy.tries_per_instance if lasting else 1)
        return frozenset(name for name, count in counts.items() if count >= self._policy.tries_per_instance)

    def _try(self, index: int, pick: Pick, now: float, refresh: bool = False) -> Try:
        target = self._targets[index]
        timeouts = within(target.pool.spec.timeouts, self._left_s(now))
        return Try(index, target, pick, len(self.history) + 1, timeouts, refresh)

    def _again_at(self, attempt: Try, error: ProviderError, now: float, rng: random.Random) -> float | None:
        if error.kind.retry != "same":
            return None
        pause_s = min(self._policy.pause_longest_s, self._policy.pause_s * 2.0 ** (attempt.number - 1))
        pause_s *= 0.5 + rng.random() / 2.0
        return now + max(pause_s, error.retry_after_s or 0.0)

    def _verdict(self) -> ProviderError:
        """The error that tells the client most: the last that is not about our own credentials, else the last."""
        if not self.history:
            return ProviderError(KINDS["busy"], "no instance can be asked", retry_after_s=1.0)
        errors = [one.error for one in self.history]
        return next((one for one in reversed(errors) if one.kind.blame is not Blame.US), errors[-1])


_NONE: frozenset[str] = frozenset()
_BUSY = ProviderError(KINDS["busy"], "all instances are busy", retry_after_s=1.0)


def within(timeouts: Timeouts, left_s: float) -> Timeouts:
    """The timeouts, none longer than what is left of the exchange's deadline before its first byte."""
    if timeouts.connect_s <= left_s >= timeouts.first_byte_s:
        return timeouts
    return replace(timeouts, connect_s=min(timeouts.connect_s, left_s), first_byte_s=min(timeouts.first_byte_s, left_s))
