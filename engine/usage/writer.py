"""Records finished exchanges: sums are collected on the loop and written by a thread of their own, at most once a second. An edge.

A store that is gone keeps nobody waiting: sums stay in memory until it is back, and budgets count on from what is known.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

from engine.ended import Ended
from engine.own_thread import OwnThread
from engine.router import Router
from engine.timestamp import timestamp_of
from engine.usage.budgets import Budget, Ledger
from engine.usage.drivers import StoreFailed
from engine.usage.leftovers import Leftover, Leftovers
from engine.usage.line import line_of
from engine.usage.settings import UsageSettings
from engine.usage.store import UsageStore, shown_store, store_of
from engine.usage.sums import Pending, Row
from providers.secret import Secret

WRITE_S = 1.0
SOON_S = 0.1
"""What comes after a quiet time is written so soon."""

REFRESH_S = 3.0
"""How often budgets are read anew: what other workers and routers spend counts from then on."""

LAST_WRITE_S = 8.0
FORGET_S = 3600.0
SILENT_S = 10.0
SILENT = "the store does not answer"
"""What is said of one that neither refuses nor answers: longer than it would wait for another writer."""

Spent: TypeAlias = tuple[Budget, str, int]
"""A budget, the first day of its period, what is spent since."""


class UsageWriter:
    """The record of one process. `follow` takes over the settings of the router's configuration, at start and at each reload.

    INVARIANT: every sum is in `Pending`, on its way, in the store, or left in a file for the next start.
    """

    def __init__(
        self,
        router: Router,
        open_store: Callable[[Secret], UsageStore] = store_of,
        leftovers: Leftovers | None = None,
    ) -> None:
        self._router = router
        self._open_store = open_store
        self._pending = Pending()
        self._store: UsageStore | None = None
        self._where: Secret | None = None
        self._last: Secret | None = None
        self._wanted = asyncio.Event()
        self._came = asyncio.Event()
        self._problem: str | None = None
        self._since = router.wall()
        self._read_at: float | None = None
        self._forgot_at: float | None = None
        self._wrote_at = -WRITE_S
        self._stuck = False
        self._asked_at: float | None = None
        self._leftovers = leftovers
        self._taken: list[Leftover] = []
        self._expected = False
        self._handed: list[Row] = []
        self._thread = OwnThread("usage", LAST_WRITE_S)

    def follow(self) -> None:
        """Takes over the settings of the configuration that serves now."""
        settings, router = self._settings, self._router
        self._last = settings.store if settings is not None else self._last
        router.tell(self._listen, settings is not None)
        if settings is not None and settings.budgets:
            router.budgets = router.budgets or Ledger()
            router.budgets.follow(settings.budgets, router.wall())
        elif router.budgets is not None:
            router.budgets.follow((), router.wall())
        self._read_at = None
        self._wanted.set()

    def standing(self) -> dict[str, object] | None:
        """How the record stands, for `/status`; None where there is none."""
        settings = self._settings
        if settings is None:
            return None
        silent = self._asked_at is not None and self._router.clock() - self._asked_at > SILENT_S
        problem = SILENT if silent else self._problem
        return {
            "store": shown_store(settings.store),
            "ok": problem is None,
            "lastError": problem,
            "since": timestamp_of(self._since),
            "waiting": len(self._pending.sums),
        }

    async def start(self) -> None:
        """Asks the store what is spent, before the first request is."""
        settings = self._settings
        if settings is not None:
            if self._leftovers is not None:
                self._taken = self._leftovers.take(shown_store(settings.store))
                for one in self._taken:
                    self._pending.put_back(list(one.rows))
            await self._turn()

    async def run(self) -> None:
        """Writes and reads until cancelled, then writes what is left."""
        try:
            while True:
                await self._wanted.wait()
                await self._pause()
                if self._settings is None and not self._pending.sums:
                    self._wanted.clear()
                else:
                    await self._turn()
        finally:
            try:
                if not self._stuck:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LAST_WRITE_S):
                            await self._turn()
            finally:  # before Python 3.11.3 the timeout of a cancelled task raises CancelledError
                self._leave()
                store = None if self._stuck else self._store
                self._thread.end(None if store is None else store.close)

    def _leave(self) -> None:
        """Keeps what is not in the store, or perhaps not, for the next start."""
        rows = [*(self._handed if self._stuck else ()), *self._pending.take()]
        if not rows:
            return
        problem, kept = SILENT if self._stuck else self._problem, None
        unsure = {name: done for one in self._taken for name, done in (*one.unsure.items(), (one.id, one.rows))}
        if self._store is not None and (self._expected or not self._taken):
            unsure = dict(self._store.unsure)
        if self._leftovers is not None and self._last is not None:
            try:
                kept = self._leftovers.leave(shown_store(self._last), rows, unsure)
            except OSError as refused:
                problem = f"{problem}; {refused.strerror}"
            else:
                self._leftovers.done()
        said = ("error", "usage is lost") if kept is None else ("warn", "usage waits in a file for the next start")
        self._router.journal.write(*said, stage="usage", problem=problem, file=None if kept is None else str(kept))

    async def _pause(self) -> None:
        """Until it is time for a turn: soon after something came in a quiet time, else a second after the last one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WRITE_S):
                await self._came.wait()
        self._came.clear()
        await asyncio.sleep(max(SOON_S, self._wrote_at + WRITE_S - self._router.clock()))

    @property
    def _settings(self) -> UsageSettings | None:
        return self._router.gateway.settings.usage

    def _listen(self, ended: Ended) -> None:
        line, sums = line_of(ended, self._router.gateway.prices)
        self._pending.add(line, sums)
        self._came.set()
        if self._router.budgets is not None:
            self._router.budgets.at(self._router.wall()).add(line, sums)

    async def _turn(self) -> None:
        """One turn of the thread: writes what there is, forgets what is old, reads what is spent, where it is time."""
        settings, router, now = self._settings, self._router, self._router.clock()
        where = self._last
        rows = self._pending.take()
        ledger = router.budgets.at(router.wall()) if router.budgets is not None else None
        due = self._read_at is None or now - self._read_at >= REFRESH_S
        wanted = ledger.wanted() if ledger is not None and (rows or due) else []
        before = self._before(settings, now)
        if where is None or not (rows or wanted or before):
            self._pending.put_back(rows)
            return
        if ledger is not None:
            ledger.handed_over()

        def settle(turn: asyncio.Future[list[Spent]] | None) -> None:
            self._stuck = turn is None  # what it writes yet must not be written twice
            self._handed = rows if turn is None else []
            self._asked_at = None
            if turn is not None and self._settled(turn, rows):
                self._read_at = now if wanted else self._read_at
                self._forgot_at = now if before else self._forgot_at

        work = partial(self._work, where, rows, wanted, router.gateway.prices.currency, before)
        self._wrote_at = now if rows else self._wrote_at
        self._asked_at = now
        await self._thread.turn(work, settle)

    def _settled(self, turn: asyncio.Future[list[Spent]], rows: list[Row]) -> bool:
        """Takes note of how a turn went; whether it went well."""
        problem = turn.exception()
        if isinstance(problem, StoreFailed):
            self._pending.put_back(rows)
            self._note(str(problem))
            return False
        if problem is not None:  # ours: what cannot be written now never can
            self._router.journal.bug(problem, sums=len(rows))
            return False
        if self._router.budgets is not None:
            self._router.budgets.told(turn.result())
        if self._taken and self._leftovers is not None:
            self._leftovers.done()
            self._taken = []
        self._note(None)
        return True

    def _before(self, settings: UsageSettings | None, now: float) -> str | None:
        """The first day to keep, where it is time to delete."""
        if settings is None or settings.keep_days is None:
            return None
        if self._forgot_at is not None and now - self._forgot_at < FORGET_S:
            return None
        today = datetime.fromtimestamp(self._router.wall(), UTC)
        return (today - timedelta(days=settings.keep_days)).strftime("%Y-%m-%d")

    def _work(
        self, where: Secret, rows: list[Row], wanted: list[tuple[Budget, str]], currency: str, before: str | None
    ) -> list[Spent]:
        """In the thread. Raises `StoreFailed`, and then nothing is written."""
        if self._store is None or where != self._where:
            if self._store is not None:
                self._store.close()
            self._store, self._where = self._open_store(where), where
            if self._taken and not self._expected:
                unsure = {name: done for one in self._taken for name, done in one.unsure.items()}
                self._store.expect({one.id: one.rows for one in self._taken}, unsure)
                self._expected = True
        if rows:
            self._store.add(rows)
        try:
            if before is not None:
                self._store.forget(before)
            return self._store.spent(wanted, currency)
        except StoreFailed:
            if not rows:
                raise
            return []  # they are written: the figures wait for the next turn

    def _note(self, problem: str | None) -> None:
        """Says once that the store is gone, and once that it is back."""
        if (problem is None) != (self._problem is None):
            self._since = self._router.wall()
            self._router.journal.write(
                "info" if problem is None else "warn",
                "usage is recorded again" if problem is None else "usage cannot be recorded, it waits in memory",
                stage="usage",
                problem=problem,
            )
        self._problem = problem
