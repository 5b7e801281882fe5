"""The files of one chain of the audit log: append-only, chained line by line, and how far they go. An edge.

Each process has a chain of its own, in files `audit-<chain>-<number>.jsonl` that only it writes (a lock says so);
`<chain>` is the port, with `w2` behind it for the second worker. After each batch the hash of the last line is put into
`audit-<chain>.head`, so that an end that was cut off shows: the head is never ahead of the lines on the disk, and
behind by a batch at most.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Sequence
from pathlib import Path

from engine.audit.chain import CUT, FIRST, hash_of, head_of, line_of, read_head
from engine.audit.entries import Entry, members_of
from engine.audit.settings import Auditing
from engine.timestamp import timestamp_of

FOLDER = "~/.claude-code-router/audit"
NAME = re.compile(r"audit-([0-9]+(?:w[0-9]+)?)-([0-9]{6,})\.jsonl")
DAY_S = 86_400.0
TAIL_BYTES = 65_536


class AuditFiles:
    """The files of one chain, as its thread sees them."""

    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._folder: Path | None = None
        self._file: int | None = None
        self._head: int | None = None
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
                self._append(line_of(members_of(entry), self._last))
                written += 1
            assert self._file is not None
            os.fsync(self._file)
            self._note_end()
        except OSError as problem:
            self.close()  # what is there is read anew: nobody knows how much of a line was written
            return written, (problem.strerror or type(problem).__name__).lower()
        return written, None

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._head is not None:
            os.close(self._head)
            self._head = None

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
        missing = self._missing(folder, numbers)
        if fragment:
            recovered = {"time": timestamp_of(wall), "kind": "recovered", "torn": hash_of(fragment)}
            self._append(b"\n" + line_of(recovered, self._last))
        if missing is not None:
            self._append(line_of({"time": timestamp_of(wall), "kind": CUT, "missing": missing}, self._last))

    def _missing(self, folder: Path, numbers: Sequence[int]) -> str | None:
        """The hash of the line that was the last one and is there no more."""
        end = read_head(_text_of(folder / head_name_of(self._chain)))
        if end is None or end.last == self._last:
            return None
        for number in reversed(numbers):
            with (folder / name_of(self._chain, number)).open("rb") as lines:
                if any(hash_of(line) == end.last for line in lines):
                    return None
        return end.last

    def _note_end(self) -> None:
        """Puts the hash of the last line where its loss would show, over what stood there: the length is the same."""
        assert self._folder is not None
        if self._head is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._head = os.open(self._folder / head_name_of(self._chain), flags, 0o600)
        os.pwrite(self._head, head_of(self._number, self._last), 0)
        os.fsync(self._head)

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


def head_name_of(chain: str) -> str:
    """The name of the file that says how far a chain goes."""
    return f"audit-{chain}.head"


def numbers_of(folder: Path, chain: str) -> list[int]:
    """The numbers of a chain's files, the oldest first."""
    found = [match for path in os.listdir(folder) if (match := NAME.fullmatch(path)) is not None]
    return sorted(int(match[2]) for match in found if match[1] == chain)


def _text_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


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
