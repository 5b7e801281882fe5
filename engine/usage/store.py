"""Where usage is kept: a table in SQLite or PostgreSQL, written by as many processes as there are. An edge.

The statements are those that both understand. A store belongs to one thread. Days are texts, which sort as days do.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.usage.budgets import Budget
from engine.usage.drivers import (
    POSTGRES,
    Connection,
    Cursor,
    Driver,
    StoreFailed,
    postgres_at,
    sqlite_at,
)
from engine.usage.sums import Line, Row, Sums, plus
from providers.secret import Secret

GROUPS: dict[str, tuple[str, ...]] = {
    "rule": ("rule",),
    "target": ("provider", "model"),
    "model": ("model",),
    "key": ("client_key",),
    "day": ("day",),
}
"""What sums can be shown by -> the columns that make it."""

_COLUMNS = ("day", "rule", "provider", "model", "client_key", "currency")
_PARTS = {"rule": "rule", "provider": "provider", "model": "model", "key": "client_key"}
_TABLE = (
    "CREATE TABLE IF NOT EXISTS ccr_usage ("
    + ", ".join(f"{name} TEXT NOT NULL" for name in _COLUMNS)
    + ", "
    + ", ".join(f"{name} BIGINT NOT NULL" for name in Sums._fields)
    + f", PRIMARY KEY ({', '.join(_COLUMNS)}))"
)

_BATCHES = "CREATE TABLE IF NOT EXISTS ccr_usage_batch (id TEXT PRIMARY KEY, day TEXT NOT NULL)"
"""The last batch of each writer: one whose commit broke off is looked for here, so that it is not counted twice."""

_TABLES = (("ccr_usage", _TABLE), ("ccr_usage_batch", _BATCHES))


class UsageStore:
    """The record. Connects when it is first needed, and again after a failure; every method raises `StoreFailed`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._connection: Connection | None = None
        self._unsure: dict[str, Sequence[Row]] = {}
        self._settled: list[str] = []
        self._taken: list[str] = []

    @property
    def unsure(self) -> Mapping[str, Sequence[Row]]:
        """Batches of which nobody knows whether they are written, with their rows."""
        return dict(self._unsure)

    def expect(self, taken: Mapping[str, Sequence[Row]], unsure: Mapping[str, Sequence[Row]]) -> None:
        """Of the rows that are added next some were left by another process: under a name, by which the store knows them later.

        What of them, or of its `unsure` batches, is written already is left out.
        """
        self._unsure |= {**unsure, **taken}
        self._taken += taken

    def add(self, rows: Sequence[Row]) -> None:
        """Adds to the sums, all of them or none.

        Who is told `StoreFailed` gives the same rows again, perhaps with others: what a commit that broke off did write
        is then left out.
        """
        names = [*_COLUMNS, *Sums._fields]
        adding = ", ".join(f"{name} = ccr_usage.{name} + excluded.{name}" for name in Sums._fields)
        statement = (
            f"INSERT INTO ccr_usage ({', '.join(names)}) VALUES ({', '.join(self._driver.mark for _ in names)})"  # noqa: S608 - names of ours only
            f" ON CONFLICT ({', '.join(_COLUMNS)}) DO UPDATE SET {adding}"
        )
        mark, batch = self._driver.mark, uuid.uuid4().hex

        if not self._unsure:
            self._unsure[batch] = rows  # before anybody is asked: the server may freeze on any of it

        def write(cursor: Cursor) -> None:
            self._unsure = {one: written for one, written in self._unsure.items() if self._holds(cursor, one)}
            left = _less(rows, self._unsure.values())
            self._unsure[batch] = left
            cursor.executemany(statement, [(*line, *sums) for line, sums in left])
            for name in (batch, *self._taken):
                cursor.execute(
                    f"INSERT INTO ccr_usage_batch (id, day) VALUES ({mark}, {mark}) ON CONFLICT DO NOTHING",  # noqa: S608
                    (name, max((line.day for line, _ in rows), default="")),
                )
            for one in self._settled:
                cursor.execute(f"DELETE FROM ccr_usage_batch WHERE id = {mark}", (one,))  # noqa: S608

        self._done(write)
        self._settled = [name for name in self._unsure if name not in self._taken]
        self._unsure, self._taken = {}, []

    def totals(self, by: Sequence[str], since: str, until: str) -> list[tuple[tuple[str, ...], str, Sums]]:
        """Sums over days from `since` to `until`: the name for each of `by` (of `GROUPS`), the currency, the sums."""
        columns = [column for name in by for column in GROUPS[name]]
        grouped = ", ".join(dict.fromkeys([*columns, "currency"]))
        mark = self._driver.mark
        statement = (
            f"SELECT {', '.join([*columns, 'currency'])}, {_SUMS} FROM ccr_usage"  # noqa: S608 - names of ours only
            f" WHERE day >= {mark} AND day <= {mark} GROUP BY {grouped}"
        )

        def read(cursor: Cursor) -> list[Any]:
            cursor.execute(statement, (since, until))
            return cursor.fetchall()

        found = []
        for row in self._done(read):
            values = iter(row)
            names = tuple(_joined([next(values) for _ in GROUPS[name]]) for name in by)
            found.append((names, next(values), Sums(*(int(count) for count in values))))
        return found

    def spent(self, wanted: Sequence[tuple[Budget, str]], currency: str) -> list[tuple[Budget, str, int]]:
        """What is spent of each budget since a day; money in another currency does not count."""
        return [(budget, since, self._spent(budget, since, currency)) for budget, since in wanted]

    def forget(self, before: str) -> None:
        """Deletes the days before one."""

        def delete(cursor: Cursor) -> None:
            for table in ("ccr_usage", "ccr_usage_batch"):
                cursor.execute(f"DELETE FROM {table} WHERE day < {self._driver.mark}", (before,))  # noqa: S608

        self._done(delete)

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _holds(self, cursor: Cursor, batch: str) -> bool:
        cursor.execute(f"SELECT id FROM ccr_usage_batch WHERE id = {self._driver.mark}", (batch,))  # noqa: S608
        return bool(cursor.fetchall())

    def _spent(self, budget: Budget, since: str, currency: str) -> int:
        mark = self._driver.mark
        tests, values = [f"day >= {mark}"], [since]
        if budget.unit == "money":
            tests.append(f"currency = {mark}")
            values.append(currency)
        for part, names in sorted(budget.of.items()):
            tests.append(f"{_PARTS[part]} IN ({', '.join(mark for _ in names)})")
            values += sorted(names)
        statement = f"SELECT {_SUMS} FROM ccr_usage WHERE {' AND '.join(tests)}"  # noqa: S608 - names of ours only

        def read(cursor: Cursor) -> list[Any]:
            cursor.execute(statement, values)
            return cursor.fetchall()

        return budget.amount(Sums(*(int(count) for count in self._done(read)[0])))

    def _done(self, work: Callable[[Cursor], Any]) -> Any:
        try:
            if self._connection is None:
                self._connection = self._driver.connect()
                for name, making in _TABLES:
                    self._make(self._connection, name, making)
                self._connection.commit()
            result = work(self._connection.cursor())
            self._connection.commit()
        except self._driver.failures as problem:
            self._drop()
            raise StoreFailed(_said_of(problem)) from None
        return result

    def _make(self, connection: Connection, name: str, making: str) -> None:
        """Makes a table that is not there: who may only read or write them must not need the right to make some."""
        for last in (False, True):
            try:
                connection.cursor().execute(f"SELECT 1 FROM {name} LIMIT 0")  # noqa: S608 - names of ours only
            except self._driver.failures:
                connection.rollback()
            else:
                return
            try:
                connection.cursor().execute(making)
                connection.commit()
            except self._driver.failures:  # another writer may have been first
                if last:
                    raise
                connection.rollback()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except self._driver.failures:  # it was broken already
                return


_SUMS = ", ".join(f"COALESCE(SUM({name}), 0)" for name in Sums._fields)


def store_of(where: Secret, *, make: bool = True) -> UsageStore:
    """The store at a path or URL. Not `make`: a file that is not there is not made, and asking it fails.

    Raises `MissingDriver`.
    """
    if where.reveal().startswith(POSTGRES):
        return UsageStore(postgres_at(where))
    return UsageStore(sqlite_at(Path(os.path.expanduser(where.reveal())), make=make))


def shown_store(where: Secret) -> str:
    """The store's place without user and password."""
    text = where.reveal()
    if not text.startswith(POSTGRES):
        return text
    scheme, _, rest = text.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def _less(rows: Sequence[Row], written: Iterable[Sequence[Row]]) -> list[Row]:
    """The rows without what is written already; a line that was renamed meanwhile gets a sum below zero, which adds up."""
    left: dict[Line, Sums] = {}
    for line, sums in rows:
        left[line] = plus(left.get(line, Sums()), sums)
    for batch in written:
        for line, sums in batch:
            left[line] = plus(left.get(line, Sums()), Sums(*(-count for count in sums)))
    return [(line, sums) for line, sums in sorted(left.items()) if any(sums)]


def _joined(names: Sequence[str]) -> str:
    return ",".join(names) if any(names) else ""


def _said_of(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror[:1].lower() + problem.strerror[1:]
    first, _, _ = str(problem).strip().partition("\n")
    return f"{type(problem).__name__}: {first}"
