"""The files of the log: one a day, followed by a new one when it is full; old ones are deleted. An edge.

`ccr-YYYY-MM-DD.log` is the one being written; when it is full it becomes `ccr-YYYY-MM-DD.log.1`, the next one `.2`, and so
on: a higher number is younger. Several processes may write the same files.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from datetime import date, timedelta
from pathlib import Path

NAME = re.compile(r"ccr-([0-9]{4}-[0-9]{2}-[0-9]{2})\.log(?:\.([0-9]+))?")


class LogFiles:
    """Appends to the file of the day. `max_bytes` and `keep_days` None: without limit; they may change at any time."""

    def __init__(self, folder: Path, max_bytes: int | None = None, keep_days: int | None = None) -> None:
        self.max_bytes = max_bytes
        self.keep_days = keep_days
        self._folder = folder
        self._file: int | None = None
        self._day = ""

    def append(self, data: bytes, day: str) -> None:
        """Writes whole lines into the file of `day` (`YYYY-MM-DD`). Raises OSError."""
        if self._file is None or day != self._day:
            self._open(day)
        assert self._file is not None
        size = os.fstat(self._file).st_size
        if self.max_bytes is not None and size > 0 and size + len(data) > self.max_bytes:
            self._put_aside(self._file, day)
            self._open(day)
        os.write(self._file, data)

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self, day: str) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self._folder / f"ccr-{day}.log", flags, 0o600)
        self._day = day
        self._clean(day)

    def _put_aside(self, file: int, day: str) -> None:
        """Gives the full file its number, unless another process did it meanwhile."""
        path = self._folder / f"ccr-{day}.log"
        fcntl.flock(file, fcntl.LOCK_EX)  # held for a rename by whoever has the same file open
        try:
            if path.stat().st_ino == os.fstat(file).st_ino:
                numbers = [int(number) for found, number, _ in _found(self._folder) if found == day and number]
                path.rename(f"{path}.{max(numbers, default=0) + 1}")
        except FileNotFoundError:
            pass
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _clean(self, today: str) -> None:
        if self.keep_days is None:
            return
        oldest = (date.fromisoformat(today) - timedelta(days=self.keep_days)).isoformat()
        for day, _, path in _found(self._folder):
            if day < oldest:
                with contextlib.suppress(OSError):
                    path.unlink()


def log_files(folder: Path) -> list[Path]:
    """All log files, the oldest first; none where there is no such folder."""
    try:
        return [path for _, _, path in sorted(_found(folder), key=lambda one: (one[0], int(one[1] or 1 << 62)))]
    except OSError:
        return []


def _found(folder: Path) -> list[tuple[str, str, Path]]:
    """Day, number (empty for the one being written) and path of each log file."""
    matches = [(match, folder / name) for name in os.listdir(folder) if (match := NAME.fullmatch(name))]
    return [(match[1], match[2] or "", path) for match, path in matches]
