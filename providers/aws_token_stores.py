"""Where a login is kept: a JSON file, or the SQLite database of a command-line program. The edge to the disk.

A store reads all members, tells whether they may have changed, and writes them back whole; `providers/aws_tokens.py` decides when.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from providers.aws_token_rows import LOGINS, PROFILE_KEY, login_in, row_after
from providers.aws_token_rules import Members, members_of

MAX_FILE_BYTES = 1024 * 1024
LOCKED_FOR_S = 0.2
"""How long a database that another program writes to is waited for; reads and writes are short, and the loop waits with us."""

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


def store_at(path: Path) -> TokenStore:
    """The store that a path means: by its name a database, else a file."""
    return DatabaseStore(path) if path.suffix in (".sqlite3", ".sqlite", ".db") else FileStore(path)


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


class DatabaseStore:
    """The database of `kiro-cli` or Amazon Q. One row of it is rewritten; a lock held by its program leaves the last read in use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: str | None = None
        self._last: Members | None = None

    def stamp(self) -> Stamp | None:
        """Also of the log beside it, which is where such a database is written to first."""
        main = stamp_of(self._path)
        return None if main is None else main + (stamp_of(self._path.with_name(f"{self._path.name}-wal")) or ())

    def read(self) -> tuple[Members | None, Stamp | None]:
        stamp = self.stamp()
        if stamp is None:
            return None, None
        try:
            with contextlib.closing(self._opened("ro")) as database:
                rows = _rows(database, "auth_kv", [name for key, registered, _ in LOGINS for name in (key, registered)])
                profile = _rows(database, "state", [PROFILE_KEY]).get(PROFILE_KEY)
        except sqlite3.OperationalError as problem:
            busy = "locked" in str(problem) or "busy" in str(problem)
            return (self._last, None) if busy else (None, stamp)
        except sqlite3.Error:
            return None, stamp
        found = login_in(rows, profile)
        self._key, self._last = found or (None, None)
        return self._last, stamp

    def registration(self, name: str) -> Members | None:  # noqa: ARG002 - it stands in the database and was read with the login
        return None

    def write(self, members: Members) -> None:
        try:
            with contextlib.closing(self._opened("rw")) as database:
                database.execute("BEGIN IMMEDIATE")
                row = _rows(database, "auth_kv", [self._key or ""]).get(self._key or "")
                if row is None:
                    raise FileNotFoundError(f"{self._path} has no such login any more")
                text = msgspec.json.encode(row_after(row, members)).decode()
                database.execute("UPDATE auth_kv SET value = ? WHERE key = ?", (text, self._key))
                database.commit()
        except sqlite3.Error as problem:
            raise OSError(str(problem)) from problem
        self._last = members

    def _opened(self, mode: str) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=LOCKED_FOR_S, isolation_level=None)


def _rows(database: sqlite3.Connection, table: str, keys: list[str]) -> dict[str, bytes]:
    """The values under these keys, without what is too large to be one; none where there is no such table."""
    known = database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
    if known is None:
        return {}
    marks = ", ".join("?" * len(keys))
    query = f"SELECT key, value FROM {table} WHERE key IN ({marks}) AND length(value) <= ?"  # noqa: S608 - names of ours
    found = database.execute(query, (*keys, MAX_FILE_BYTES)).fetchall()
    return {key: value.encode() if isinstance(value, str) else bytes(value or b"") for key, value in found}


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
