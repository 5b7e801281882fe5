"""How SQLite and PostgreSQL are spoken with, loaded only where usage is recorded. An edge."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from providers.secret import Secret

WAIT_S = 5
"""How long a writer waits for another one, or for a server."""

_ENCODINGS = ("UTF8", "SQL_ASCII")
"""Of databases that can hold every name; the second takes all bytes as they come."""

POSTGRES = ("postgresql://", "postgres://")


class StoreFailed(Exception):  # noqa: N818 - says what is so
    """The store cannot be reached, read or written; blame: its disk or server. Holds no password."""


class MissingDriver(StoreFailed):
    """The store is a PostgreSQL server, and what speaks with one is not installed; blame: the user's installation."""


class Cursor(Protocol):
    """What a driver's cursor has to have."""

    def execute(self, statement: str, values: Sequence[object] = ..., /) -> Any: ...

    def executemany(self, statement: str, values: Sequence[Sequence[object]], /) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """What a driver's connection has to have."""

    def cursor(self) -> Cursor: ...

    def commit(self) -> object: ...

    def rollback(self) -> object: ...

    def close(self) -> object: ...


class Driver(Struct, frozen=True):
    """How one kind of database is spoken with. `failures` are what it raises, `mark` stands for a value."""

    connect: Callable[[], Connection]
    failures: tuple[type[Exception], ...]
    mark: str


def sqlite_at(path: Path, *, make: bool) -> Driver:
    """A file of SQLite. Not `make`: one that is not there is not made, and asking it fails."""
    import sqlite3  # loaded where usage is recorded

    def connect() -> sqlite3.Connection:
        if make:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        elif not path.is_file():
            raise FileNotFoundError(2, "there is no such file; a router makes it when it first records something")
        connection = sqlite3.connect(path, timeout=WAIT_S, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return Driver(connect, (sqlite3.Error, OSError), "?")


def postgres_at(where: Secret) -> Driver:
    """A PostgreSQL server. Raises `MissingDriver`."""
    try:
        import psycopg
    except ImportError:
        raise MissingDriver("`usage.store` needs the package `psycopg`: install `ccr-router[postgres]`") from None

    def connect() -> Connection:
        made = psycopg.connect(
            where.reveal(),
            connect_timeout=WAIT_S,
            application_name="claude-code-router",
            options=f"-c statement_timeout={WAIT_S * 1000}",
            client_encoding="UTF8",
        )
        encoding = made.info.parameter_status("server_encoding")
        if encoding not in _ENCODINGS:
            made.close()
            message = (
                f"the database's encoding is {encoding}, which cannot hold every name: make one with ENCODING 'UTF8'"
            )
            raise StoreFailed(message)
        return made

    return Driver(connect, (psycopg.Error, OSError), "%s")
