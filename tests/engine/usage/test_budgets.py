"""Budgets: how much is spent, what rules see of it, and that the record is written whatever happens."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compose import gateway_of
from engine.usage.budgets import Budget, Ledger, first_day
from engine.usage.drivers import StoreFailed
from engine.usage.store import UsageStore, store_of
from engine.usage.sums import Line, Sums
from engine.usage.writer import SILENT, SILENT_S, UsageWriter
from providers.secret import Secret
from tests.fakes.gateway import Answer, InProcess, checked, in_process, streamed

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()  # a Wednesday
DAY_S = 86_400.0
LINE = Line("2026-11-25", "default", "up", "m", "", "USD")

PERIODS = [("day", "2026-11-25"), ("week", "2026-11-23"), ("month", "2026-11-01")]


@pytest.mark.parametrize(("per", "day"), PERIODS)
def test_a_period_begins_in_utc(per: Any, day: str) -> None:
    """Weeks begin on Mondays."""
    assert first_day(per, NOON) == day


STATES = [(0, "ok"), (49, "ok"), (50, "half"), (99, "half"), (100, "spent"), (1000, "spent")]


@pytest.mark.parametrize(("tokens", "state"), STATES)
def test_states_of_a_budget(tokens: int, state: str) -> None:
    """Half is spent from the half on, all from the limit on."""
    assert Budget("b", "tokens", 100, "day").state(tokens) == state


def ledger(*budgets: Budget) -> Ledger:
    found = Ledger()
    found.follow(budgets, NOON)
    return found


def test_a_new_period_begins_with_nothing_spent() -> None:
    """A day's budget is whole again at midnight, a week's on Monday."""
    one = ledger(Budget("day", "tokens", 10, "day"), Budget("week", "tokens", 10, "week"))
    one.add(LINE, Sums(input=10))
    assert dict(one) == {"day": "spent", "week": "spent"}
    assert dict(one.at(NOON + DAY_S)) == {"day": "ok", "week": "spent"}
    assert dict(one.at(NOON + 5 * DAY_S)) == {"day": "ok", "week": "ok"}


def test_what_others_spend_counts_and_what_is_on_its_way_counts_once() -> None:
    """The store's figure replaces what was handed over to it, and nothing that came since."""
    one = ledger(Budget("b", "tokens", 100, "day"))
    one.add(LINE, Sums(output=10))
    one.handed_over()
    wanted = one.wanted()
    one.add(LINE, Sums(output=1))
    one.told([(budget, since, 70) for budget, since in wanted])
    assert one.rows()[0]["spent"] == 71


STEPS = st.lists(st.one_of(st.integers(1, 50), st.sampled_from(["hand over", "written", "failed"])), max_size=30)


@given(STEPS)
@settings(max_examples=60)
def test_every_token_counts_once_whatever_the_store_does(steps: list[int | str]) -> None:
    """At every moment the figure is the sum of what was used: waiting, on its way, or stored; failures put it back."""
    one = ledger(Budget("b", "tokens", 10**9, "day"))
    used = stored = waiting = 0
    on_its_way: int | None = None
    for step in steps:
        if isinstance(step, int):
            one.add(LINE, Sums(input=step))
            used, waiting = used + step, waiting + step
        elif step == "hand over" and on_its_way is None:
            one.handed_over()
            on_its_way, waiting = waiting, 0
        elif step == "written" and on_its_way is not None:
            stored, on_its_way = stored + on_its_way, None
            one.told([(budget, since, stored) for budget, since in one.wanted()])
        elif step == "failed" and on_its_way is not None:
            waiting, on_its_way = waiting + on_its_way, None
        assert one.rows()[0]["spent"] == used


def test_a_changed_budget_begins_anew_and_an_unchanged_one_goes_on() -> None:
    """On reload; what the store says of the old one is not taken for the new one."""
    old, kept = Budget("b", "tokens", 10, "day"), Budget("k", "tokens", 10, "day")
    one = ledger(old, kept)
    one.add(LINE, Sums(output=10))
    one.follow([Budget("b", "tokens", 20, "day"), kept], NOON)
    one.told([(old, "2026-11-25", 15)])
    assert [row["spent"] for row in one.rows()] == [0, 10]


CONFIGURATION = """
providers:
  up: {{type: openai, endpoint: "http://127.0.0.1:1/v1", settings: {{models: [m]}}}}
  cheap: {{type: openai, endpoint: "http://127.0.0.1:2/v1", settings: {{models: [small]}}}}
routing:
  defaultProvider: up
  customRules:
    - {{name: thrift, condition: {{budget.month.state: [half, spent]}}, target: "cheap,small"}}
usage:
  store: {store}
  prices: {{up: {{input: 1, output: 1}}, cheap: {{input: 0, output: 0}}}}
budgets:
  month: {{money: 0.0002, per: month}}
"""
USED = {"choices": [], "usage": {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}}
BODY = {"model": "claude-x", "max_tokens": 10, "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def answering() -> Answer:
    import json

    first, *rest = streamed({"content": "ok"})
    return Answer([first, b"data: " + json.dumps(USED).encode() + b"\n\n", *rest])


def router_with(store: Path) -> InProcess:
    return in_process(CONFIGURATION.format(store=store), {"up": [answering()], "cheap": [answering()]})


async def test_a_rule_changes_the_model_when_the_half_is_spent(tmp_path: Path) -> None:
    """Each request costs half of the budget: the second one goes elsewhere, and so it does after a restart."""
    one = router_with(tmp_path / "usage.db")
    writer = UsageWriter(one.router)
    writer.follow()
    await writer.start()
    targets = [(await one.post(BODY)).headers["x-ccr-target"] for _ in range(2)]
    assert targets == ["up,m", "cheap,small"]
    await ended(writer)

    again = router_with(tmp_path / "usage.db")
    writer = UsageWriter(again.router)
    writer.follow()
    await writer.start()
    answer = await again.post(BODY)
    assert (answer.headers["x-ccr-rule"], answer.headers["x-ccr-target"]) == ("thrift", "cheap,small")
    await ended(writer)


async def test_what_comes_in_a_quiet_time_is_written_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only at the next of the writer's turns, so that `ccr usage` shows it; the one after it waits for that."""
    monkeypatch.setattr("engine.usage.writer.WRITE_S", 3600.0)
    one = router_with(tmp_path / "usage.db")
    writer = UsageWriter(one.router)
    writer.follow()
    running = asyncio.get_running_loop().create_task(writer.run())
    await one.post(BODY)
    async with asyncio.timeout(20):
        while (writer.standing() or {})["waiting"] or not (tmp_path / "usage.db").exists():
            await asyncio.sleep(0.001)
    await one.post(BODY)
    assert (writer.standing() or {})["waiting"] == 1
    running.cancel()
    await asyncio.wait([running])
    assert sum(sums.requests for sums in recorded(tmp_path / "usage.db").values()) == 2


async def ended(writer: UsageWriter) -> None:
    """Runs the writer and stops it as the router's end does."""
    running = asyncio.get_running_loop().create_task(writer.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])


def recorded(path: Path) -> dict[tuple[str, ...], Sums]:
    store = store_of(Secret(str(path)))
    rows = {names: sums for names, _, sums in store.totals(["rule", "target"], "2000-01-01", "2100-01-01")}
    store.close()
    return rows


async def test_what_is_left_is_written_at_the_end(tmp_path: Path) -> None:
    """Every exchange once: those that were answered with their tokens and money, those that failed as errors."""
    one = in_process(
        CONFIGURATION.format(store=tmp_path / "u.db"), {"up": [answering(), Answer(status=400)], "cheap": []}
    )
    writer = UsageWriter(one.router)
    writer.follow()
    await one.post(BODY)
    one.router.budgets = Ledger()
    one.router.budgets.follow([Budget("month", "tokens", 10**9, "month")], one.router.wall())
    await one.post(BODY)
    await ended(writer)
    assert recorded(tmp_path / "u.db") == {
        ("default", "up,m"): Sums(requests=1, input=60, output=40, cost_nano=100_000),
        ("default", ""): Sums(requests=1, errors=1),
    }


async def test_a_reload_switches_the_record_on_and_off(tmp_path: Path) -> None:
    """What was used while it was on is written, also when it is off by then; the budgets follow."""
    path = tmp_path / "u.db"
    with_record = CONFIGURATION.format(store=path)
    start, end = with_record.index("  customRules"), with_record.index("usage:")
    without = with_record[:start]
    one = in_process(without, {"up": [answering()], "cheap": [answering()]})
    writer = UsageWriter(one.router)
    writer.follow()
    await one.post(BODY)
    assert writer.standing() is None

    def reload(text: str) -> None:
        built = checked(text).built
        assert built is not None
        one.router.gateway = gateway_of(built, lambda spec: one.transports[spec.name], one.router.gateway)
        writer.follow()

    reload(without + with_record[end:])
    await one.post(BODY)
    assert one.router.budgets is not None
    assert dict(one.router.budgets) == {"month": "half"}
    reload(without)
    await one.post(BODY)
    assert dict(one.router.budgets) == {}
    await ended(writer)
    assert [sums.requests for sums in recorded(path).values()] == [1]


async def test_a_store_that_is_gone_loses_nothing(tmp_path: Path) -> None:
    """Sums wait in memory and are written once when it is back; `/status` says so meanwhile."""
    gone = [True]

    class Gone(UsageStore):
        def __init__(self) -> None:
            self._real = store_of(Secret(str(tmp_path / "u.db")))

        def add(self, rows: Any) -> None:
            if gone[0]:
                raise StoreFailed("the disk is full")
            self._real.add(rows)

        def spent(self, wanted: Any, currency: str) -> Any:
            return self._real.spent(wanted, currency)

        def close(self) -> None:
            self._real.close()

    one = router_with(tmp_path / "other.db")
    writer = UsageWriter(one.router, lambda _: Gone())
    writer.follow()
    await one.post(BODY)
    await writer.start()
    standing = writer.standing()
    assert standing is not None
    assert (standing["ok"], standing["lastError"], standing["waiting"]) == (False, "the disk is full", 1)
    assert one.router.budgets is not None
    assert one.router.budgets["month"] == "half"
    gone[0] = False
    await ended(writer)
    assert [sums.requests for sums in recorded(tmp_path / "u.db").values()] == [1]
    assert one.router.budgets["month"] == "half"


async def test_a_store_that_is_silent_is_said(tmp_path: Path) -> None:
    """It neither fails nor answers, as a frozen server does: requests go on, and nobody is told that all is well."""
    answer = threading.Event()

    class Silent(UsageStore):
        def __init__(self) -> None: ...

        def add(self, rows: Any) -> None:
            answer.wait(60)

        def spent(self, wanted: Any, currency: str) -> Any:
            return []

    one = router_with(tmp_path / "u.db")
    now = [100.0]
    one.router.clock = lambda: now[0]
    writer = UsageWriter(one.router, lambda _: Silent())
    writer.follow()
    await one.post(BODY)
    turn = asyncio.get_running_loop().create_task(writer.start())
    await asyncio.sleep(0)
    found = [(writer.standing() or {})["lastError"]]
    now[0] += SILENT_S + 1
    found.append((writer.standing() or {})["lastError"])
    assert (await one.post(BODY)).status == 200
    answer.set()
    await turn
    assert [*found, (writer.standing() or {})["lastError"]] == [None, SILENT, None]
    await ended(writer)


FAULTS = [
    ("budgets: {b: {per: day}}", "CCR102", "`money` or `tokens` is missing"),
    ("budgets: {b: {money: 1, tokens: 1, per: day}}", "CCR107", "`tokens` cannot stand beside `money`"),
    ("budgets: {b: {tokens: 1}}", "CCR102", "per"),
    ("budgets: {b: {tokens: 1, per: year}}", "CCR104", "year"),
    ("budgets: {b: {tokens: 1, per: day, halfAt: 120%}}", "CCR106", "halfAt"),
    ("budgets: {b: {tokens: 1, per: day, of: {rule: ruel}}}", "CCR401", "there is no rule or category `ruel`"),
    ("budgets: {b: {tokens: 1, per: day, of: {provider: [up, upp]}}}", "CCR401", "there is no provider `upp`"),
    ("budgets: {b: {tokens: 1, per: day, of: {key: me}}}", "CCR401", "there is no router key `me`"),
    ("budgets: {b: {money: 1, per: day}}", "CCR409", "budget `b` does not see what `up,m` costs"),
    ('usage: {prices: {"upp,m": {input: 1}}}', "CCR401", "there is no provider `upp`"),
    ("usage: {prices: {up: {inptu: 1}}}", "CCR101", "inptu"),
    ("usage: {keepDays: 0}", "CCR105", "keepDays"),
]
BASE = """
providers: {up: {type: openai, endpoint: "http://127.0.0.1:1/v1", settings: {models: [m]}}}
routing: {defaultProvider: up, rules: {default: "up,m"}}
"""


@pytest.mark.parametrize(("text", "code", "message"), FAULTS)
def test_faults_of_budgets_and_prices_are_found(text: str, code: str, message: str) -> None:
    """Each row: a section, and what is said of it."""
    found = {(one.code, one.message) for one in checked(BASE + text).diagnostics}
    assert any(one == code and message in said for one, said in found), found


def test_an_unknown_budget_in_a_rule_is_an_error() -> None:
    """With the near name; the known one is none."""
    text = BASE.replace(
        "defaultProvider: up,",
        'defaultProvider: up, customRules: [{name: r, condition: {budget.moth.state: half}, target: "up,m"}],',
    )
    found = checked(text + "budgets: {month: {tokens: 5, per: month}}").diagnostics
    assert [(one.code, one.help) for one in found if one.code == "CCR401"] == [("CCR401", "did you mean `month`?")]
    assert checked(text.replace("moth", "month") + "budgets: {month: {tokens: 5, per: month}}").built is not None
