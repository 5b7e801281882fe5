"""The audit log of one process: what is noted waits in memory until a thread has written it. An edge.

INVARIANT: what was noted is written before an orderly stop is over, or said to be lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from engine.audit.entries import Entry, entry_of
from engine.audit.files import AuditFiles
from engine.audit.settings import Auditing
from engine.ended import Ended
from engine.own_thread import OwnThread
from engine.router import Router, not_audited
from engine.timestamp import timestamp_of

MOST_WAITING = 10_000
MOST_WAITING_BYTES = 268_435_456
"""Of requests that are written down, too."""

AT_ONCE = 200
RETRY_S = 1.0
LAST_WRITE_S = 10.0


class AuditLog:
    """The audit log of one process; `chain` names its files. `follow` takes over the settings that serve now."""

    def __init__(self, router: Router, chain: str) -> None:
        self._router = router
        self._waiting: deque[Entry] = deque()
        self._wanted = asyncio.Event()
        self._settings: Auditing | None = None
        self._problem: str | None = None
        self._lost = 0
        self._bytes = 0
        self._thread = OwnThread("audit", LAST_WRITE_S)
        self._files = AuditFiles(chain)

    def follow(self) -> None:
        """Takes over the settings of the configuration that serves now."""
        before, self._settings = self._settings, self._router.gateway.settings.audit
        self._router.tell(self._listen, self._settings is not None)
        if self._settings is not None and before is None:
            self._router.audit = self.note
        elif self._settings is None and before is not None:
            self.note("auditing ends", revision=self._router.gateway.revision)
            self._router.audit = not_audited
            self._set_problem(None)

    def note(self, kind: str, **data: object) -> None:
        """Something other than an exchange: a start, a reload, somebody who was not let in."""
        self._add(Entry({"time": timestamp_of(self._router.wall()), "kind": kind, **data}))

    async def run(self) -> None:
        """Writes until cancelled, then what is left."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                while self._waiting:
                    if not await self._turn():
                        await asyncio.sleep(RETRY_S)
        finally:
            await self._finish()

    def standing(self) -> dict[str, object] | None:
        """For `/status`; None where there is no audit log."""
        if self._settings is None:
            return None
        return {"waiting": len(self._waiting), "lost": self._lost, "problem": self._problem}

    async def _finish(self) -> None:
        end = self._router.clock() + LAST_WRITE_S
        while self._waiting and self._router.clock() < end:
            if not await self._turn():
                break
        if self._waiting:
            self._lost += len(self._waiting)
            self._router.journal.write("error", "audit lines are lost", stage="audit", lost=self._lost)
        self._thread.end(self._files.close)

    def _listen(self, ended: Ended) -> None:
        settings = self._settings
        self._add(entry_of(ended, content=settings is not None and settings.content))

    def _add(self, entry: Entry) -> None:
        self._waiting.append(entry)
        self._bytes += len(entry.request)
        while len(self._waiting) > MOST_WAITING or self._bytes > MOST_WAITING_BYTES:
            self._bytes -= len(self._waiting.popleft().request)
            self._lost += 1
        self._wanted.set()

    async def _turn(self) -> bool:
        """Whether a batch was written. Being cancelled meanwhile loses none of it."""
        batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        went_well = False

        def settle(work: asyncio.Future[tuple[int, str | None]] | None) -> None:
            nonlocal went_well
            written, problem = (0, "the disk does not answer") if work is None else work.result()
            self._bytes -= sum(len(entry.request) for entry in batch[:written])
            self._waiting.extendleft(reversed(batch[written:]))
            self._set_problem(problem)
            went_well = problem is None

        settings = self._settings or Auditing()
        await self._thread.turn(partial(self._files.write, settings, batch, self._router.wall()), settle)
        return went_well

    def _set_problem(self, problem: str | None) -> None:
        router, settings = self._router, self._settings
        if problem is not None and self._problem is None:
            router.journal.write("error", "the audit log cannot be written", stage="audit", problem=problem)
        elif problem is None and self._problem is not None:
            router.journal.write("info", "the audit log is written again", stage="audit", lost=self._lost or None)
        self._problem = problem
        refuses = problem is not None and settings is not None and settings.on_failure == "refuse"
        router.halted = "the audit log cannot be written, and nobody is served without it" if refuses else None
