"""Where a login is kept: a JSON file, or the SQLite database of a command-line program. The edge to the disk.

A store reads all members, tells whether they may have changed, and writes them back whole; `providers/aws/tokens.py`
decides when.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from providers.aws.token_rules import Members, members_of

MAX_FILE_BYTES = 1024 * 1024

Stamp: TypeAlias = tuple[int, ...]


class TokenStore(Protocol):
    """One login on disk."""

    def stamp(self) -> Stamp | None:
        """Changes whenever the login may be another; None: there is nothing."""
        ...

    def read(self) -> tuple[Members | None, Stamp | None]:
        """The members (None: unreadable) and the stamp they have. The stamp None: it could not be opened now."""
        ...

    def registration(self, name: str) -> Members | None:
        """What the file of that name beside it holds."""
        ...

    def write(self, members: Members) -> None:
        """Puts the members in place at once. Raises OSError, with what was there left as it was."""
        ...


class FileStore:
    """A JSON file. It is rewritten readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stamp(self) -> Stamp | None:
        return stamp_of(self._path)

    def read(self) -> tuple[Members | None, Stamp | None]:
        raw, stamp = read_file(self._path)
        return None if raw is None else members_of(raw), stamp

    def registration(self, name: str) -> Members | None:
        raw, _ = read_file(self._path.with_name(name))
        return None if raw is None else members_of(raw)

    def write(self, members: Members) -> None:
        content = msgspec.json.format(msgspec.json.encode(members), indent=2)
        descriptor, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise


def stamp_of(path: Path) -> Stamp | None:
    """Changes whenever another file is at `path` or its content was written."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_file(path: Path) -> tuple[bytes | None, Stamp | None]:
    """What a file holds, up to `MAX_FILE_BYTES`, and its stamp; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            stamp = stamp_of(path)
            return file.read(MAX_FILE_BYTES), stamp
    except OSError:
        return None, None
