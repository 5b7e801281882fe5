"""What the store does not take before the end: it waits in a file, and is in the store once after the next start."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.log.journal import Journal
from engine.usage import writer as writers
from engine.usage.drivers import Driver, StoreFailed
from engine.usage.leftovers import Leftovers
from engine.usage.store import UsageStore, store_of
from engine.usage.sums import Line, Sums
from engine.usage.writer import UsageWriter
from providers.secret import Secret
from tests.engine.usage.test_budgets import BODY, ended, recorded, router_with

ROW = (Line("2026-11-25", "default", "up", "m", "", "USD"), Sums(requests=1, input=7))


class Breaking:
    """A connection to SQLite whose second and later commits go through or not, and then fail or wait."""

    def __init__(self, path: Path, kept: bool, then: threading.Event | None) -> None:
        self._real = store_of(Secret(str(path)))._driver.connect()
        self.cursor, self.rollback, self.close = self._real.cursor, self._real.rollback, self._real.close
        self._kept, self._then, self._commits = kept, then, 0

    def commit(self) -> None:
        self._commits += 1
        if self._commits == 1 or self._kept:
            self._real.commit()
        if self._commits > 1:
            if self._then is None:
                self._real.rollback()
                raise OSError("the connection is lost")
            self._then.wait(30)
            self._real.rollback()


@pytest.mark.parametrize("kept", [True, False], ids=["was done", "was not done"])
@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "broken off"])
async def test_what_is_left_at_the_end_is_written_once_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool, frozen: bool
) -> None:
    """Whether the last commit was done or not before the server froze, or was gone: nobody could tell then."""
    monkeypatch.setattr(writers, "LAST_WRITE_S", 0.2)
    path, folder, then = tmp_path / "u.db", tmp_path / "waiting", threading.Event()
    driver = store_of(Secret(str(path)))._driver
    connection = Breaking(path, kept, then if frozen else None)
    store = UsageStore(Driver(lambda: connection, driver.failures, driver.mark))
    one = router_with(path)
    writer = UsageWriter(one.router, lambda _: store, Leftovers(folder))
    writer.follow()
    await one.post(BODY)
    await ended(writer)
    (left,) = folder.iterdir()
    assert (stat.S_IMODE(left.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
    then.set()
    writer._thread._pool.shutdown()
    connection.close()

    again = router_with(path)
    writer = UsageWriter(again.router, leftovers=Leftovers(folder))
    writer.follow()
    await writer.start()
    await again.post(BODY)
    await ended(writer)
    assert sum(sums.requests for sums in recorded(path).values()) == 2
    assert list(folder.iterdir()) == []


async def test_an_end_before_the_store_is_back_leaves_it_for_the_one_after(tmp_path: Path) -> None:
    """With what came in between, in one file."""

    class Gone(UsageStore):
        def __init__(self) -> None:
            super().__init__(store_of(Secret(str(tmp_path / "u.db")))._driver)

        def _done(self, work: Any) -> Any:
            raise StoreFailed("the disk is full")

    for _ in range(3):
        one = router_with(tmp_path / "u.db")
        writer = UsageWriter(one.router, lambda _: Gone(), Leftovers(tmp_path / "waiting"))
        writer.follow()
        await writer.start()
        await one.post(BODY)
        await ended(writer)
        assert len(list((tmp_path / "waiting").iterdir())) == 1
    writer = UsageWriter(router_with(tmp_path / "u.db").router, leftovers=Leftovers(tmp_path / "waiting"))
    writer.follow()
    await writer.start()
    assert sum(sums.requests for sums in recorded(tmp_path / "u.db").values()) == 3
    assert list((tmp_path / "waiting").iterdir()) == []
    await ended(writer)


def test_a_file_that_was_written_and_not_deleted_counts_once(tmp_path: Path) -> None:
    """A process that is killed between the two leaves the file, and the store knows its name."""
    Leftovers(tmp_path / "waiting").leave("s", [ROW], {})
    for _ in range(2):
        killed = Leftovers(tmp_path / "waiting")
        (one,) = killed.take("s")
        store = store_of(Secret(str(tmp_path / "u.db")))
        store.expect({one.id: one.rows}, one.unsure)
        store.add(list(one.rows))
        store.add([])
        store.close()
        for _, file in killed._taken:
            os.close(file)

    assert [sums.requests for sums in recorded(tmp_path / "u.db").values()] == [1]


def test_a_file_is_one_process_at_a_time_and_one_stores(tmp_path: Path) -> None:
    """Workers start together; what is another store's, or cannot be read, stays where it is."""
    one, other = Leftovers(tmp_path), Leftovers(tmp_path)
    path = one.leave("mine", [ROW], {"b": [ROW]})
    one.leave("another", [ROW], {})
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "link.json").symlink_to(path)

    (taken,) = one.take("mine")
    assert (taken.rows, taken.unsure, taken.id) == ([ROW], {"b": [ROW]}, path.stem)
    assert other.take("mine") == []
    one.done()
    assert sorted(found.suffix for found in tmp_path.iterdir()) == [".json", ".json", ".json"]
    assert not path.exists()


async def test_where_no_file_can_be_written_it_is_lost_and_said(tmp_path: Path) -> None:
    """As it was said that the store is gone."""
    (tmp_path / "file").write_text("")
    one = router_with(tmp_path / "file" / "u.db")
    one.router.journal = Journal(tmp_path / "logs")
    writer = UsageWriter(one.router, leftovers=Leftovers(tmp_path / "file" / "waiting"))
    writer.follow()
    await one.post(BODY)
    await ended(writer)

    one.router.journal.close()
    (log,) = (tmp_path / "logs").iterdir()
    (line,) = [line for line in map(json.loads, log.read_text().splitlines()) if line["message"] == "usage is lost"]
    assert "ot a directory" in line["problem"]
