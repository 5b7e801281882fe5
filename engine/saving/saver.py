"""Saves finished exchanges, one file each, from a thread of its own, and deletes the old ones. An edge.

A disk that is full or slow costs files, never requests: what is lost is counted and said once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from engine.ended import Ended
from engine.exchange_state import Moment
from engine.own_thread import OwnThread
from engine.router import Router
from engine.saving.saved import NAME, PART_NAME, name_of, saved_request, stamp_of
from engine.saving.settings import Saving

MOST_WAITING = 200
MOST_WAITING_BYTES = 268_435_456
AT_ONCE = 20
CLEAN_EVERY_S = 60.0
CLEAN_EVERY_FILES = 50
LAST_SAVE_S = 8.0
DAY_S = 86_400.0
TORN_S = 3600.0
"""A file that was begun so long ago is nobody's any more: who wrote it was killed."""

Waiting: TypeAlias = tuple[Ended, Moment]


class Saver:
    """Saves for one process what the configuration wants saved. `log_folder` None: there is nowhere unless it names a folder."""

    def __init__(self, router: Router, log_folder: Path | None) -> None:
        self._router = router
        self._log_folder = log_folder
        self._waiting: deque[Waiting] = deque()
        self._last = Saving()
        self._bytes = 0
        self._lost = 0
        self._said = False
        self._wanted = asyncio.Event()
        self._cleaned_at: float | None = None
        self._since_clean = 0
        self._thread = OwnThread("saver", LAST_SAVE_S)

    def follow(self) -> None:
        """Takes over the settings of the configuration that serves now."""
        self._last = self._saving or self._last
        self._router.tell(self.listen, self._saving is not None)
        self._cleaned_at = None

    def listen(self, ended: Ended) -> None:
        """An exchange is over."""
        moment = ended.one.moment
        if moment is None:
            return
        if len(self._waiting) >= MOST_WAITING or self._bytes > MOST_WAITING_BYTES:
            self._lose(1, "the disk is slower than the requests")
            return
        self._waiting.append((ended, moment))
        self._bytes += _size(moment)
        self._wanted.set()

    async def run(self) -> None:
        """Saves until cancelled, then what is left."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                while self._waiting:
                    await self._turn()
        finally:
            end = self._router.clock() + LAST_SAVE_S
            while self._waiting and self._router.clock() < end:
                await self._turn()
            self._thread.end()

    @property
    def _saving(self) -> Saving | None:
        return self._router.gateway.settings.debug.saving

    async def _turn(self) -> None:
        saving = self._last
        batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        self._bytes -= sum(_size(moment) for _, moment in batch)
        folder = self._folder(saving)
        if folder is None:
            self._lose(len(batch), "there is no folder for them")
            return
        now = self._router.clock()
        due = self._cleaned_at is None or now - self._cleaned_at >= CLEAN_EVERY_S
        clean = saving if due or self._since_clean >= CLEAN_EVERY_FILES else None

        def settle(work: asyncio.Future[tuple[int, str | None]] | None) -> None:
            saved, problem = self._result(work)
            self._since_clean = saved if clean else self._since_clean + saved
            self._cleaned_at = now if clean else self._cleaned_at
            if problem is None:
                self._said = False
            else:
                self._lose(len(batch) - saved, problem)

        await self._thread.turn(partial(_save, folder, batch, clean, self._router.wall()), settle)

    def _result(self, work: asyncio.Future[tuple[int, str | None]] | None) -> tuple[int, str | None]:
        if work is None:
            return 0, "the disk does not answer"
        failure = work.exception()
        if failure is None:
            return work.result()
        self._router.journal.bug(failure)
        return 0, "the router failed; its log has the details"

    def _folder(self, saving: Saving) -> Path | None:
        if saving.folder is not None:
            return Path(os.path.expanduser(saving.folder))
        return self._log_folder / "requests" if self._log_folder is not None else None

    def _lose(self, count: int, problem: str) -> None:
        self._lost += count
        if not self._said:
            what = "requests are not saved" if count else "old saved requests cannot be deleted"
            self._router.journal.write("warn", what, stage="saving", lost=self._lost, problem=problem)
        self._said = True


def _size(moment: Moment) -> int:
    return len(moment.body) + len(moment.chat or b"") + len(moment.reply)


def _save(folder: Path, batch: Sequence[Waiting], clean: Saving | None, wall: float) -> tuple[int, str | None]:
    """In the thread: how many were saved, and why no more."""
    saved = 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for ended, moment in batch:
            _write(folder / name_of(ended), saved_request(ended, moment))
            saved += 1
        if clean is not None:
            _clean(folder, clean, wall)
    except OSError as problem:
        return saved, problem.strerror or type(problem).__name__
    return saved, None


def _write(path: Path, data: bytes) -> None:
    """The whole file or none, for its owner only."""
    part = path.with_suffix(".part")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(file, "wb") as out:
            out.write(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _clean(folder: Path, saving: Saving, wall: float) -> None:
    """Deletes what is too old, and the oldest of what is too much. Only files that are named as ours."""
    too_old, torn = stamp_of(wall - saving.keep_days * DAY_S), stamp_of(wall - TORN_S)
    kept_bytes, problem = 0, None
    for number, (name, size) in enumerate(sorted(_sizes(folder, NAME), reverse=True)):
        kept_bytes += size
        too_much = kept_bytes > saving.max_megabytes * 1_000_000 and number > 0
        if name < too_old or number >= saving.max_files or too_much:
            problem = _delete(folder / name) or problem
    for name, _ in _sizes(folder, PART_NAME):
        if name < torn:
            problem = _delete(folder / name) or problem
    if problem is not None:
        raise problem


def _sizes(folder: Path, named: re.Pattern[str]) -> list[tuple[str, int]]:
    """The files so named, with their sizes; those that another worker deletes meanwhile are not there."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if named.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    found.append((entry.name, entry.stat(follow_symlinks=False).st_size))
    return found


def _delete(path: Path) -> OSError | None:
    """Why it cannot be deleted: the others can all the same."""
    try:
        path.unlink(missing_ok=True)
    except OSError as problem:
        return problem
    return None
