"""Writes the audit log from a thread of its own: append-only files, chained line by line. An edge.

Each process has a chain of its own, in files `audit-<chain>-<number>.jsonl` that only it writes (a lock says so); `<chain>` is
the port, with `w2` behind it for the second worker. INVARIANT: what was noted is written before an orderly stop is over,
or said to be lost.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.audit_chain import FIRST, hash_of, line_of
from engine.audit_entries import entry_of
from engine.audit_settings import Auditing
from engine.ended import Ended
from engine.router import Router, not_audited
from engine.timestamp import timestamp_of

FOLDER = "~/.claude-code-router/audit"
NAME = re.compile(r"audit-([0-9]+(?:w[0-9]+)?)-([0-9]{6,})\.jsonl")
MOST_WAITING = 10_000
AT_ONCE = 200
RETRY_S = 1.0
LAST_WRITE_S = 10.0
DAY_S = 86_400.0
TAIL_BYTES = 65_536

Entry = Mapping[str, object]


class AuditLog:
    """The audit log of one process; `chain` names its files. `follow` takes over the settings that serve now."""

    def __init__(self, router: Router, chain: str) -> None:
        self._router = router
        self._chain = chain
        self._waiting: deque[Entry] = deque()
        self._wanted = asyncio.Event()
        self._settings: Auditing | None = None
        self._problem: str | None = None
        self._lost = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._files = _Files(chain)

    def follow(self) -> None:
        """Takes over the settings of the configuration that serves now."""
        before, self._settings = self._settings, self._router.gateway.settings.audit
        listeners = self._router.listeners
        if self._settings is not None and before is None:
            listeners.append(self._listen)
            self._router.audit = self.note
        elif self._settings is None and before is not None:
            self.note("auditing ends", revision=self._router.gateway.revision)
            listeners.remove(self._listen)
            self._router.audit = not_audited
            self._set_problem(None)

    def note(self, kind: str, **data: object) -> None:
        """Something other than an exchange: a start, a reload, somebody who was not let in."""
        self._add({"time": timestamp_of(self._router.wall()), "kind": kind, **data})

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
        self._thread.submit(self._files.close)
        self._thread.shutdown(wait=True)

    def _listen(self, ended: Ended) -> None:
        settings = self._settings
        self._add(entry_of(ended, content=settings is not None and settings.content))

    def _add(self, entry: Entry) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(entry)
        self._wanted.set()

    async def _turn(self) -> bool:
        """Whether a batch was written. Being cancelled meanwhile loses none of it."""
        batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        settings = self._settings or Auditing()
        work = asyncio.get_running_loop().run_in_executor(
            self._thread, self._files.write, settings, batch, self._router.wall()
        )
        try:
            await asyncio.wait([work])
        finally:
            if not work.done():
                await asyncio.wait([work], timeout=LAST_WRITE_S)
            written, problem = work.result() if work.done() else (0, "the disk does not answer")
            self._waiting.extendleft(reversed(batch[written:]))
            self._set_problem(problem)
        return problem is None

    def _set_problem(self, problem: str | None) -> None:
        router, settings = self._router, self._settings
        if problem is not None and self._problem is None:
            router.journal.write("error", "the audit log cannot be written", stage="audit", problem=problem)
        elif problem is None and self._problem is not None:
            router.journal.write("info", "the audit log is written again", stage="audit", lost=self._lost or None)
        self._problem = problem
        refuses = problem is not None and settings is not None and settings.on_failure == "refuse"
        router.halted = "the audit log cannot be written, and nobody is served without it" if refuses else None


class _Files:
    """The files of one chain, as its thread sees them."""

    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._folder: Path | None = None
        self._file: int | None = None
        self._number = 0
        self._size = 0
        self._last = FIRST

    def write(self, settings: Auditing, entries: Sequence[Entry], wall: float) -> tuple[int, str | None]:
        """How many entries are on the disk, and why no more."""
        written = 0
        try:
            folder = Path(os.path.expanduser(settings.folder or FOLDER))
            if self._file is None or folder != self._folder:
                self.close()
                self._open(folder, wall)
            for entry in entries:
                if self._size and self._size >= settings.max_megabytes * 1_000_000:
                    self._begin(self._number + 1)
                    _clean(folder, self._chain, self._number, settings, wall)
                self._append(line_of(entry, self._last))
                written += 1
            assert self._file is not None
            os.fsync(self._file)
        except OSError as problem:
            self.close()  # what is there is read anew: nobody knows how much of a line was written
            return written, (problem.strerror or type(problem).__name__).lower()
        return written, None

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        rest = line
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._last = hash_of(line.lstrip(b"\n"))
        self._size += len(line)

    def _open(self, folder: Path, wall: float) -> None:
        """Goes on where the chain ended, whoever wrote it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = numbers_of(folder, self._chain)
        self._folder, self._last = folder, FIRST
        self._begin(numbers[-1] if numbers else 1)
        fragment = b""
        for number in reversed(numbers):
            last, behind = _end_of(folder / name_of(self._chain, number))
            fragment = fragment or behind
            if last is not None:
                self._last = hash_of(last)
                break
        if fragment:
            recovered = {"time": timestamp_of(wall), "kind": "recovered", "torn": hash_of(fragment)}
            self._append(b"\n" + line_of(recovered, self._last))

    def _begin(self, number: int) -> None:
        assert self._folder is not None
        self.close()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self._folder / name_of(self._chain, number), flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused: another router writes it
        self._number, self._size = number, os.fstat(self._file).st_size


def name_of(chain: str, number: int) -> str:
    """The name of a chain's file."""
    return f"audit-{chain}-{number:06d}.jsonl"


def numbers_of(folder: Path, chain: str) -> list[int]:
    """The numbers of a chain's files, the oldest first."""
    found = [match for path in os.listdir(folder) if (match := NAME.fullmatch(path)) is not None]
    return sorted(int(match[2]) for match in found if match[1] == chain)


def _end_of(path: Path) -> tuple[bytes | None, bytes]:
    """The last whole line of a file, and what stands behind it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        length = TAIL_BYTES
        while True:
            file.seek(max(0, size - length))
            whole, _, fragment = file.read().rpartition(b"\n")
            if length >= size or b"\n" in whole:
                return (whole.rpartition(b"\n")[2] if whole else None), fragment
            length *= 4


def _clean(folder: Path, chain: str, current: int, settings: Auditing, wall: float) -> None:
    if settings.keep_days is None:
        return
    for number in numbers_of(folder, chain):
        path = folder / name_of(chain, number)
        if number < current and path.stat().st_mtime < wall - settings.keep_days * DAY_S:
            path.unlink(missing_ok=True)
