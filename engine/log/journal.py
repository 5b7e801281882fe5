"""The log: JSON lines in `ccr-YYYY-MM-DD.log`, dated by local time, and the same for people on a terminal. An edge.

Lines are collected and written together, at most `FLUSH_S` later or at once when they are errors, so that a request
never waits for the disk. INVARIANT: whatever callers pass, what looks like a credential is cut out of the line.
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import msgspec

from engine.log.files import LogFiles
from engine.log.redact import may_hold_secret, redact, redacted
from schemas.wording import visible

FLUSH_S = 0.05
MAX_LINE_BYTES = 65_536
MOST_SEARCHED = 10_000
"""Characters of a text of which the first hundred are shown on a terminal, that are searched for credentials."""

_LEVELS = {"error": 40, "warn": 30, "info": 20, "debug": 10}
_COLOURS = {"error": "31", "warn": "33", "info": "36", "debug": "2"}


class Journal:
    """Writes lines for one process. `terminal` None means file only.

    A disk that refuses writes loses lines, never requests: the loss is counted in `lost_lines` and said once on
    standard error.
    """

    def __init__(
        self,
        folder: Path | None,
        level: str = "info",
        terminal: TextIO | None = None,
        colour: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._files = None if folder is None else LogFiles(folder)
        self._threshold = _LEVELS[level]
        self._terminal = terminal
        self._colour = colour
        self._clock = clock
        self._pending: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._second = -1
        self._stamp = ""
        self.lost_lines = 0

    def wants(self, level: str) -> bool:
        """Whether a line of this level would be written: ask before building a costly one."""
        return _LEVELS[level] >= self._threshold

    def set_level(self, level: str) -> None:
        """Changes the level from now on."""
        self._threshold = _LEVELS[level]

    @property
    def level(self) -> str:
        """The level in force."""
        return next(name for name, weight in _LEVELS.items() if weight == self._threshold)

    def set_limits(self, max_bytes: int | None, keep_days: int | None) -> None:
        """Changes from now on how large a file may be, and how many days back files are kept."""
        if self._files is not None:
            self._files.max_bytes, self._files.keep_days = max_bytes, keep_days

    def write(
        self, level: str, message: str, request_id: str | None = None, stage: str | None = None, **data: object
    ) -> None:
        """One line. `message` is for grep and people, `data` for machines; None values are left out. Ids are our own."""
        if _LEVELS[level] < self._threshold:
            return
        now = self._clock()
        line: dict[str, object] = {"timestamp": self._timestamp(now), "level": level, "message": message}
        if request_id is not None:
            line["requestId"] = request_id
        if stage is not None:
            line["stage"] = stage
        suspect = may_hold_secret(message)
        for name, value in data.items():
            if value is not None:
                line[name] = value
                suspect = suspect or may_hold_secret(value)
        encoded = msgspec.json.encode(line, enc_hook=str)
        if suspect:  # a client may have put one anywhere, even where a model's name belongs
            line = redacted(msgspec.json.decode(encoded))
            encoded = msgspec.json.encode(line)
        if len(encoded) > MAX_LINE_BYTES:
            line = {
                **{k: line[k] for k in ("timestamp", "level", "message")},
                "requestId": request_id,
                "cut": len(encoded),
            }
            encoded = msgspec.json.encode(line)
        self._pending.append(encoded + b"\n")
        if self._terminal is not None:
            self._show(level, message, request_id, data)
        self._schedule(level)

    def bug(self, problem: BaseException, request_id: str | None = None, **data: object) -> None:
        """Our own failure, with its traceback."""
        trace = "".join(traceback.format_exception(problem))
        self.write("error", "internal error", request_id, "bug", error=type(problem).__name__, traceback=trace, **data)

    def of_loop(self, _: asyncio.AbstractEventLoop, said: dict[str, Any]) -> None:
        """The event loop's exception handler: what fails in one of its callbacks is our own failure too."""
        problem = said.get("exception")
        if problem is None:
            self.write("error", "internal error", None, "bug", error=said["message"])
        else:
            self.bug(problem, during=said["message"])

    def flush(self) -> None:
        """Writes what is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        lines, self._pending = self._pending, []
        if self._files is None:
            return
        try:
            self._files.append(b"".join(lines), time.strftime("%Y-%m-%d", time.localtime(self._clock())))
        except OSError as problem:
            if self.lost_lines == 0:
                sys.stderr.write(f"ccr: the log cannot be written: {problem}\n")
            self.lost_lines += len(lines)

    def close(self) -> None:
        """Writes what is pending and closes the file."""
        self.flush()
        if self._files is not None:
            self._files.close()

    def _schedule(self, level: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if level == "error" or len(self._pending) > 1000:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(FLUSH_S, self.flush)

    def _timestamp(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            local = time.localtime(second)
            offset = time.strftime("%z", local)
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S.{:03d}", local) + f"{offset[:3]}:{offset[3:]}"
        return self._stamp.replace("{:03d}", f"{int(now % 1 * 1000):03d}", 1)

    def _show(self, level: str, message: str, request_id: str | None, data: dict[str, object]) -> None:
        assert self._terminal is not None
        clock = self._stamp[11:19]
        pairs = " ".join(f"{name}={_short(value)}" for name, value in data.items() if value is not None)
        tag = f"[{request_id[-8:]}] " if request_id else ""
        word = f"{level:<5}"
        if self._colour:
            word = f"\x1b[{_COLOURS[level]}m{word}\x1b[0m"
        try:
            self._terminal.write(f"{clock} {word} {tag}{message}{'  ' if pairs else ''}{pairs}\n")
        except (OSError, ValueError):
            self._terminal = None


def _short(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    text = redact(text[:MOST_SEARCHED])
    return visible(text if len(text) <= 120 else text[:117] + "...")
