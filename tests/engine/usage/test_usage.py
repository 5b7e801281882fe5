"""The record of usage: what a store keeps, what is written of exchanges, what `ccr usage` shows."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from engine.ended import Ended
from engine.usage.budgets import Budget
from engine.usage.drivers import Driver, StoreFailed
from engine.usage.line import line_of
from engine.usage.report import BadSince, as_csv, as_json, as_table, first_day_of, report_of
from engine.usage.store import UsageStore, shown_store, store_of
from engine.usage.sums import MOST_LINES, OTHER, Line, Pending, Sums, plus
from providers.secret import Secret
from tests.fakes.gateway import Answer, in_process, streamed
from tests.fakes.postgres_server import PASSWORD, PostgresServer

ONE = Line("2026-01-05", "default", "a", "m", "ci", "USD")
OTHER_DAY = ONE._replace(day="2026-01-06", rule="background", model="n")
NOBODY = Line("2026-01-06", "blocked", "", "", "", "USD")
SUMS = Sums(requests=2, input=10, cache_read=20, cache_write=30, output=40, thinking=5, cost_nano=1_500_000_000)
WHOLE = ("2026-01-01", "2026-12-31")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Secret:
    """Where an empty store is to be."""
    if request.param == "sqlite":
        return Secret(str(tmp_path / "new" / "usage.db"))
    server = request.getfixturevalue("postgres")
    store = store_of(Secret(server.url))
    store.forget("9999-99-99")
    store.close()
    return Secret(server.url)


def test_sums_of_several_writers_add_up(where: Secret) -> None:
    """Two processes write the same lines and different ones; each reads the sum of all."""
    one, other = store_of(where), store_of(where)
    one.add([(ONE, SUMS), (NOBODY, Sums(requests=1))])
    other.add([(ONE, SUMS), (OTHER_DAY, SUMS)])
    expected = {("a,m",): 4, ("a,n",): 2, ("",): 1}
    assert {names: sums.requests for names, _, sums in one.totals(["target"], *WHOLE)} == expected
    ((names, currency, sums),) = [row for row in other.totals(["rule", "day"], *WHOLE) if row[0][0] == "default"]
    assert (names, currency) == (("default", "2026-01-05"), "USD")
    assert sums == Sums(*(2 * count for count in SUMS))
    one.close()
    other.close()


def test_days_outside_the_span_do_not_count_and_old_ones_are_deleted(where: Secret) -> None:
    """Both ends of a span count."""
    store = store_of(where)
    store.add([(ONE, SUMS), (OTHER_DAY, SUMS)])
    assert [names for names, _, _ in store.totals(["day"], "2026-01-06", "2026-01-06")] == [("2026-01-06",)]
    store.forget("2026-01-06")
    assert [names for names, _, _ in store.totals(["day"], *WHOLE)] == [("2026-01-06",)]
    store.close()


BUDGETS = [
    ("all the money", Budget("b", "money", 1, "month"), "2026-01-01", 3_000_000_000),
    ("all the tokens", Budget("b", "tokens", 1, "month"), "2026-01-01", 200),
    ("since a day", Budget("b", "tokens", 1, "day"), "2026-01-06", 100),
    ("of a rule", Budget("b", "tokens", 1, "day", of={"rule": frozenset({"background", "x"})}), "2026-01-01", 100),
    ("of a key at a provider", Budget("b", "tokens", 1, "day", of={"key": frozenset({"ci"}), "provider": frozenset({"b"})}), "2026-01-01", 0),
]  # fmt: skip


@pytest.mark.parametrize(("budget", "since", "amount"), [row[1:] for row in BUDGETS], ids=[row[0] for row in BUDGETS])
def test_what_is_spent_of_a_budget(where: Secret, budget: Budget, since: str, amount: int) -> None:
    """Only what the budget counts, from its first day on; money of another currency is none."""
    store = store_of(where)
    store.add([(ONE, SUMS), (OTHER_DAY, SUMS), (ONE._replace(currency="EUR"), Sums(cost_nano=7))])
    assert store.spent([(budget, since)], "USD") == [(budget, since, amount)]
    store.close()


def test_a_file_of_usage_is_its_owners_alone(tmp_path: Path) -> None:
    """So is its folder."""
    path = tmp_path / "new" / "usage.db"
    store = store_of(Secret(str(path)))
    store.add([(ONE, SUMS)])
    store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_store_that_comes_back_is_used_again(postgres: PostgresServer) -> None:
    """While the server is gone every call says so without the password; then the next call works."""
    store = store_of(Secret(postgres.url))
    store.forget("9999-99-99")
    store.add([(ONE, SUMS)])
    postgres.stop()
    with pytest.raises(StoreFailed) as failed:
        store.add([(ONE, SUMS)])
    with pytest.raises(StoreFailed) as again:
        store.add([(ONE, SUMS)])
    assert PASSWORD not in f"{failed.value} {again.value}"
    postgres.start()
    store.add([(ONE, SUMS)])
    assert [sums.requests for _, _, sums in store.totals(["day"], *WHOLE)] == [4]
    store.close()


def test_who_may_not_make_tables_may_use_them(postgres: PostgresServer) -> None:
    """A role with rights on the two tables alone, as who looks after a database gives them."""
    import psycopg

    owner = store_of(Secret(postgres.url))
    owner.forget("9999-99-99")
    owner.close()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ccr_usage, ccr_usage_batch TO plain")
    store = store_of(Secret(f"postgresql://plain:plain@127.0.0.1:{postgres.port}/postgres"))
    store.add([(ONE, SUMS)])
    assert [sums.requests for _, _, sums in store.totals(["day"], *WHOLE)] == [2]
    store.close()


def test_writers_that_begin_together_make_one_table(postgres: PostgresServer) -> None:
    """As the workers of a router do with a new database."""
    import psycopg

    for _ in range(5):
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS ccr_usage, ccr_usage_batch")
        stores = [store_of(Secret(postgres.url)) for _ in range(8)]
        with ThreadPoolExecutor(len(stores)) as pool:
            list(pool.map(lambda store: store.add([(ONE, SUMS)]), stores))
        assert [sums.requests for _, _, sums in stores[0].totals(["day"], *WHOLE)] == [16]
        for store in stores:
            store.close()


@pytest.mark.parametrize(("encoding", "holds"), [("SQL_ASCII", True), ("LATIN1", False)])
def test_names_of_every_script_are_held_or_the_database_is_refused(
    postgres: PostgresServer, encoding: str, holds: bool
) -> None:
    """Else one name that it cannot hold would keep all others waiting for ever."""
    import psycopg

    name = f"as_{encoding.lower()}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
        )  # type: ignore[call-overload, unused-ignore]
    store = store_of(Secret(postgres.url.removesuffix("postgres") + name))
    if holds:
        store.add([(ONE._replace(model="\u6a21\u578b"), SUMS)])
        assert [names for names, _, _ in store.totals(["model"], *WHOLE)] == [("\u6a21\u578b",)]
    else:
        with pytest.raises(StoreFailed, match="the database's encoding is LATIN1"):
            store.add([(ONE, SUMS)])
    store.close()


@pytest.mark.parametrize("kept", [True, False], ids=["was done", "was not done"])
def test_a_commit_that_breaks_off_counts_once(where: Secret, kept: bool) -> None:
    """Whether the store did it or not before the connection was lost: what is given again, with more, is there once."""
    store = store_of(where)
    store.add([(ONE, SUMS)])
    store.close()
    real = store._driver  # the seam between the record and its database
    breaking = [1, 1]

    class Breaking:
        def __init__(self) -> None:
            self._real = real.connect()
            self.cursor, self.rollback, self.close = self._real.cursor, self._real.rollback, self._real.close
            self._commits = 0

        def commit(self) -> None:
            self._commits += 1
            broken = self._commits > 1 and breaking and breaking.pop()
            if kept or not broken:
                self._real.commit()
            if broken:
                raise OSError("the connection is lost")

    store = UsageStore(Driver(Breaking, real.failures, real.mark))
    for rows in ([(ONE, SUMS)], [(ONE, plus(SUMS, SUMS))]):
        with pytest.raises(StoreFailed):
            store.add(rows)
    store.add([(ONE, plus(SUMS, SUMS)), (OTHER_DAY, SUMS)])
    store.add([(NOBODY, SUMS)])
    assert {names: sums.requests for names, _, sums in store.totals(["rule"], *WHOLE)} == {
        ("default",): 6,
        ("background",): 2,
        ("blocked",): 2,
    }
    store.close()


BROKEN: list[tuple[str, Callable[[Path], str]]] = [
    ("no such file", lambda folder: str(folder / "none.db")),
    ("a folder", str),
    ("no database", lambda folder: _written(folder / "text.db", "this is no database, as it is far too long for one")),
]


def _written(path: Path, text: str) -> str:
    path.write_text(text * 100)
    return str(path)


@pytest.mark.parametrize(("what", "make"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_store_that_is_none_is_said(what: str, make: Callable[[Path], str], tmp_path: Path) -> None:
    """Each row: a path where no store can be read."""
    with pytest.raises(StoreFailed):
        store_of(Secret(make(tmp_path)), make=False).totals(["day"], *WHOLE)


def test_a_store_is_shown_without_its_password() -> None:
    """Neither user nor password nor options."""
    assert shown_store(Secret("postgresql://me:secret@db:5432/ccr?password=secret")) == "postgresql://db:5432/ccr"
    assert shown_store(Secret("~/usage.db")) == "~/usage.db"


async def test_a_reply_costs_what_it_costs_in_a_small_currency() -> None:
    """A cost is not believed only where no reply can have it, also where a thousand units are little money."""
    prices = "usage: {currency: KRW, prices: {up: {input: 20000, output: 100000}}}\n"
    one = in_process(PROVIDER + prices, {"up": [Answer(used(250_000)), Answer(used(2 * 10**9))]})
    ended: list[Ended] = []
    one.router.listeners.append(ended.append)
    for _ in range(2):
        await one.post({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
    sums = [line_of(each, each.prices)[1] for each in ended]
    assert [(each.cost, each.unpriced) for each in sums] == [(Decimal(25_000), 0), (Decimal(0), 1)]


PROVIDER = """
providers: {up: {type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {models: [m]}}}
routing: {defaultProvider: up}
"""


def used(output: int) -> list[bytes]:
    """An answer with so many tokens of output."""
    usage = {"prompt_tokens": 0, "completion_tokens": output, "total_tokens": output}
    first, *rest = streamed({"content": "ok"})
    return [first, b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n", *rest]


def test_too_many_lines_run_together_and_lose_nothing() -> None:
    """Whoever makes up names cannot fill the memory while the store is gone."""
    pending = Pending()
    for number in range(MOST_LINES + 50):
        pending.add(ONE._replace(model=f"m{number}"), Sums(requests=1, input=2))
    rows = pending.take()
    assert len(rows) == MOST_LINES + 1
    assert sum(sums.input for _, sums in rows) == 2 * (MOST_LINES + 50)
    assert [sums.requests for line, sums in rows if line.model == OTHER] == [50]
    pending.put_back(rows)
    assert sum(sums.requests for _, sums in pending.take()) == MOST_LINES + 50


TOTALS = [
    (("a,m",), "USD", SUMS),
    (("a,free",), "USD", Sums(requests=3, input=5)),
    (("b,x",), "USD", Sums(requests=1, unpriced=1, output=7)),
    (("",), "USD", Sums(requests=1, errors=1)),
]


def shown(by: tuple[str, ...] = ("target",)) -> str:
    return as_table(report_of(by, "2026-01-01", "2026-01-31", TOTALS))


def test_a_table_says_what_is_unknown() -> None:
    """An unknown cost is never 0, and is said beside the sum that lacks it; nothing at no cost is 0."""
    lines = [line.split() for line in shown().splitlines()]
    assert lines[0] == ["target", "requests", "errors", "input", "cacheRead", "cacheWrite", "output", "cost"]
    assert {line[0]: " ".join(line[7:]) for line in lines[1:]} == {
        "a,m": "1.5000 USD",
        "a,free": "0.0000 USD",
        "b,x": "unknown",
        "-": "0.0000 USD",
        "all": "1.5000 USD + 1 unknown",
    }


def test_other_forms_say_the_same() -> None:
    """In JSON an unknown cost is null, in CSV empty; a name that a spreadsheet would run is quoted."""
    report = report_of(("key",), "2026-01-01", "2026-01-31", [(("=1+1",), "EUR", Sums(requests=1, unpriced=1))])
    row = json.loads(as_json(report))["rows"][0]
    assert (row["key"], row["cost"], row["unpriced"], row["currency"]) == ("=1+1", None, 1, "EUR")
    assert as_csv(report).splitlines()[1] == "'=1+1,1,0,0,0,0,0,0,,1,EUR"


def test_nothing_recorded_is_said() -> None:
    """And no empty table is shown."""
    assert as_table(report_of(("day",), "2026-01-01", "2026-01-02", [])) == (
        "nothing is recorded from 2026-01-01 to 2026-01-02\n"
    )


SPANS = [("today", "2026-01-05"), ("7d", "2025-12-29"), ("1W", "2025-12-29"), ("2025-02-03", "2025-02-03")]


@pytest.mark.parametrize(("since", "day"), SPANS)
def test_a_span_begins_with_a_day(since: str, day: str) -> None:
    """Seen from Monday, 2026-01-05."""
    assert first_day_of(since, 1_767_603_600.0) == day


@pytest.mark.parametrize("since", ["", "d", "7h", "-7d", "²d", "2026-13-01", "999999999d", "yesterday"])
def test_what_is_no_span_is_refused(since: str) -> None:
    """With the forms that there are."""
    with pytest.raises(BadSince, match="write 7d, 4w"):
        first_day_of(since, 1_767_603_600.0)


def test_no_store_is_made_by_who_only_reads(tmp_path: Path) -> None:
    """`ccr usage` before the first request leaves no file."""
    store: UsageStore = store_of(Secret(str(tmp_path / "usage.db")), make=False)
    with pytest.raises(StoreFailed, match="no such file"):
        store.totals(["day"], *WHOLE)
    assert list(tmp_path.iterdir()) == []
