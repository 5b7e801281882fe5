"""The SQLite database of `kiro-cli` or Amazon Q's command line as a `TokenStore`. An edge to the disk."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import msgspec

from providers.aws.token_rows import LOGINS, PROFILE_KEY, login_in, row_after
from providers.aws.token_rules import Members
from providers.aws.token_stores import MAX_FILE_BYTES, Stamp, stamp_of

LOCKED_FOR_S = 0.2
"""How long a database that another program writes to is waited for; reads and writes are short."""


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
