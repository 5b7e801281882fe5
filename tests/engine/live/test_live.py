"""What the page and `ccr top` are told: rows of exchanges, counts by branch, and who may watch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.ended import Ended
from engine.exchange_state import Exchange
from engine.live import page, rows, watching
from engine.live.route_tree import tree_of
from engine.live.rows import Branch, Live, added_branches, recent
from engine.telemetry import counters
from engine.telemetry.counters import Counters
from engine.telemetry.meters import OTHER
from engine.usage.prices import Prices
from rules.nodes import Decision, Route, Target
from schemas.decode_request import decode_request
from tests.engine.access.test_access import KEYS, LIMITED, LITERAL
from tests.engine.test_exchange import ASK, HELLO
from tests.fakes.gateway import Answer, InProcess, Received, in_process

EVENTS = "/v1/ccr/events"
COUNTED = [b'data: {"choices": [], "usage": {"prompt_tokens": 400, "completion_tokens": 20}}\n\n', *HELLO]
SECRET_TEXT = "canary of the request"


def ended(rule: str = "default", **more: Any) -> Ended:
    """An exchange that came to no target."""
    request = decode_request(json.dumps(ASK).encode())
    one = Exchange("req_1", request, {}, Decision(Route(Target("a", "m1")), rule, None), None, 10.0)
    said: dict[str, Any] = {"outcome": "failed", "status": 529, "at": 1e9, "total_s": 0.5}
    return Ended(one, **(said | more))


def config(server: str = "") -> str:
    return f"""
server:
  port: 3456{server}
providers:
  a: {{type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {{models: [m1]}}}}
  b: {{type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {{models: [m2]}}}}
routing:
  defaultProvider: a
  customRules:
    - name: <b>bold</b>
      condition: {{model: {{contains: bold}}}}
      target: a,m1
      fallbacks: ["b,m2"]
    - {{name: gone, condition: {{model: old}}, target: {{reject: {{status: 410, message: gone}}}}}}
"""


def router(server: str = "") -> InProcess:
    return in_process(config(server), {"a": [Answer(HELLO)] * 3, "b": [Answer(HELLO)]})


def events(received: Received) -> Iterator[tuple[str, Any]]:
    for frame in received.body.decode().split("\n\n"):
        if frame:
            name, data = frame.split("\n")
            yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def begun(group: asyncio.TaskGroup, one: InProcess, leave_after: int | None = None) -> asyncio.Task[Received]:
    """Somebody who watches by now."""
    watching = group.create_task(one.post(b"", EVENTS, "GET", leave_after=leave_after))
    while not one.router.live.watchers:
        await asyncio.sleep(0)
    return watching


async def test_a_watcher_is_told_the_tree_the_state_and_what_was_before() -> None:
    """In this order, and nothing that anybody asked or was answered is in it."""
    one = router()
    ask = {**ASK, "system": SECRET_TEXT}
    await one.post(ask, headers={"x-api-key": SECRET_TEXT.replace(" ", "-")})

    received = await one.post(b"", EVENTS, "GET", leave_after=3)

    told = list(events(received))
    assert [name for name, _ in told] == ["gateway", "state", "exchanges"]
    assert received.headers["content-type"] == "text/event-stream"
    (row,) = told[2][1]["rows"]
    assert (row["outcome"], row["status"], row["target"], row["rule"]) == ("answered", 200, "a,m1", "default")
    assert told[1][1]["branches"][0]["exchanges"] == 1
    assert SECRET_TEXT.encode() not in received.body
    assert b"canary" not in received.body
    assert not one.router.live.watchers


async def test_costs_are_told_where_there_are_prices() -> None:
    """Of an exchange and of its branch; None without a price, which is not nothing."""
    priced = in_process(config() + "usage: {prices: {a: {input: 2, output: 10}}}\n", {"a": [Answer(COUNTED)], "b": []})
    bare = in_process(config(), {"a": [Answer(COUNTED)], "b": []})
    costs = []
    for one in (priced, bare):
        await one.post(ASK)
        (branch,), (row,) = one.router.live.branches(), one.router.live.after(0)
        costs.append((row.cost, branch.cost, branch.priced))

    assert costs == [(0.001, 0.001, 1), (None, 0.0, 0)]


async def test_what_ends_meanwhile_is_told_at_once() -> None:
    """A row goes to every watcher when its exchange is over."""
    one = router()
    async with asyncio.TaskGroup() as group:
        watching = await begun(group, one, leave_after=3)
        await one.post(ASK)

    told = list(events(watching.result()))

    assert [name for name, _ in told] == ["gateway", "state", "exchanges"]
    assert len(told[2][1]["rows"]) == 1


async def test_a_new_configuration_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree of another revision comes with the next state."""
    monkeypatch.setattr(watching, "STATE_EVERY_S", 0.0)
    one, other = router(), in_process(config().replace("<b>bold</b>", "renamed"), {"a": [], "b": []})
    async with asyncio.TaskGroup() as group:
        watched = await begun(group, one, leave_after=4)
        one.router.gateway = other.router.gateway

    trees = [value["tree"][0]["name"] for name, value in events(watched.result()) if name == "gateway"]
    assert trees[-1] == "renamed"


async def test_watchers_are_told_that_the_router_ends() -> None:
    """So that an open page does not hold up the end."""
    one = router()
    async with asyncio.TaskGroup() as group:
        watching = await begun(group, one)
        one.router.live.close()

    received = watching.result()
    assert [name for name, _ in events(received)][-1] == "note"
    assert received.complete


async def test_a_watcher_that_falls_behind_is_told_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that wait for one reader are bounded."""
    monkeypatch.setattr(rows, "MOST_WAITING", 2)
    one = router()
    async with asyncio.TaskGroup() as group:
        watching = await begun(group, one)
        for _ in range(3):
            one.router.live.hear(ended(), Prices())

    told = list(events(watching.result()))

    assert told[-1][0] == "note"
    assert not one.router.live.watchers


REFUSED: list[tuple[str, str, str, str, dict[str, str], int]] = [
    ("no key", KEYS, "GET", EVENTS, {}, 401),
    ("a wrong key", KEYS, "GET", EVENTS, {"x-ccr-key": "wrong"}, 401),
    ("a page of another site", "", "GET", EVENTS, {"sec-fetch-site": "cross-site"}, 403),
    ("a page of another port", "", "GET", EVENTS, {"sec-fetch-site": "same-site"}, 403),
    ("a name made to point here", "", "GET", EVENTS, {"host": "evil.example"}, 421),
    ("a name made to point at the page", "", "GET", "/ui", {"host": "evil.example"}, 421),
    ("an address that is denied", "\n  access: {deny: [127.0.0.0/8]}", "GET", "/ui", {}, 403),
    ("an address that may not watch", "\n  access: {deny: [127.0.0.0/8]}", "GET", EVENTS, {}, 403),
    ("another method", "", "POST", EVENTS, {}, 405),
    ("a file that is none", "", "GET", "/ui/nothing.js", {}, 404),
    ("a way out of the folder", "", "GET", "/ui/../starter.yaml", {}, 404),
    ("an encoded way out", "", "GET", "/ui/..%2fstarter.yaml", {}, 404),
    ("an explanation without a key", KEYS, "POST", "/v1/ccr/explain", {}, 401),
]


@pytest.mark.parametrize(
    ("server", "method", "path", "headers", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_strangers_see_nothing(server: str, method: str, path: str, headers: dict[str, str], status: int) -> None:
    """Each gets an error of the client's API, and no place is taken."""
    one = router(server)

    received = await one.post(b"", path, method, headers)

    assert received.status == status, received.body
    assert received.json()["error"]["message"]
    assert LITERAL.encode() not in received.body
    assert not one.router.live.watchers


async def test_a_key_for_some_things_only_sees_its_own_exchanges() -> None:
    """One that may use everything sees those of all."""
    one = router(KEYS)
    await one.post(ASK, headers={"x-ccr-key": LITERAL})
    await one.post({**ASK, "model": "b,m2"}, headers={"x-ccr-key": LIMITED})
    seen = {}
    for key in (LITERAL, LIMITED):
        received = await one.post(b"", EVENTS, "GET", {"x-ccr-key": key}, leave_after=3)
        rows = [row for name, value in events(received) if name == "exchanges" for row in value["rows"]]
        seen[key] = sorted({row["key"] for row in rows})
    assert seen == {LITERAL: ["ci", "limited"], LIMITED: ["limited"]}


async def test_a_revoked_key_is_told_no_more() -> None:
    """Not even how the new configuration looks: what is watched ends with the key."""
    one, other = router(KEYS), in_process(config(KEYS.replace(LITERAL, "another-router-key")), {"a": [], "b": []})
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        watched = group.create_task(one.post(b"", EVENTS, "GET", {"x-ccr-key": LITERAL}))
        while not one.router.live.watchers:
            await asyncio.sleep(0)
        one.router.gateway = other.router.gateway
        one.router.live.watchers[0].wake()
    told = list(events(watched.result()))
    assert [name for name, _ in told].count("gateway") <= 1
    assert told[-1][0] == "note"
    assert "is not a key of this router" in told[-1][1]["message"]


async def test_the_page_itself_needs_no_key_and_holds_nothing() -> None:
    """Its files are served to whoever may ask from there, and the bare address leads there; the key is for the data."""
    one = router(KEYS)

    answers = {name: await one.post(b"", f"/ui/{name}", "GET") for name in page.page_files()}
    index = await one.post(b"", "/ui", "GET")
    root = await one.post(b"", "/", "GET")

    assert index.body == answers["index.html"].body
    assert (root.status, root.headers["location"]) == (302, "/ui")
    assert {answer.status for answer in answers.values()} == {200}
    assert all(answers[name].headers["content-type"].startswith(page.TYPES[Path(name).suffix]) for name in answers)
    keyed = await one.post(b"", EVENTS, "GET", {"x-ccr-key": LITERAL}, leave_after=1)
    assert keyed.status == 200


async def test_the_page_is_guarded_by_its_headers() -> None:
    """No script but its own, in no frame, and nothing guessed about types."""
    headers = (await router().post(b"", "/ui", "GET")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == ("'none'", "'none'", "'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in headers


def test_the_page_fetches_nothing_from_elsewhere_and_parses_no_markup() -> None:
    """Its files name no other host, and use none of the ways by which a text becomes markup or code."""
    texts = {name: data.decode() for name, data in page.page_files().items()}
    ways = (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "srcdoc",
        " style=",
    )

    assert {name for name, text in texts.items() for way in ways if way in text} == set()
    hosts = {name for name, text in texts.items() if "://" in text.replace("http://www.w3.org/2000/svg", "")}
    assert hosts == set()
    assert "<script>" not in texts["index.html"]


async def test_watchers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is told to come again."""
    monkeypatch.setattr(rows, "MOST_WATCHERS", 1)
    one = router()
    watcher = one.router.live.watch(lambda: None)
    assert watcher is not None

    refused = await one.post(b"", EVENTS, "GET")
    one.router.live.leave(watcher)
    admitted = await one.post(b"", EVENTS, "GET", leave_after=1)

    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert admitted.status == 200


def test_only_the_last_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, whatever clients do; branches beyond the most are counted together."""
    monkeypatch.setattr(rows, "MOST_BRANCHES", 2)
    one = Live()
    for number in range(rows.MOST_ROWS + 5):
        one.hear(ended(f"rule {number}"), Prices())

    assert [row.seq for row in one.after(0)] == list(range(6, rows.MOST_ROWS + 6))
    assert [row.seq for row in one.after(rows.MOST_ROWS + 3)] == [rows.MOST_ROWS + 4, rows.MOST_ROWS + 5]
    assert len(one.after(10_000)) == rows.MOST_ROWS, "a number from another life of the worker"


def test_branches_beyond_the_most_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that makes up models cannot make the router remember them all."""
    monkeypatch.setattr(rows, "MOST_BRANCHES", 1)
    one = Live()
    for rule in ("first", "second", "second", "first"):
        one.hear(ended(rule), Prices())

    counts = {(branch.rule, branch.target): (branch.exchanges, branch.errors) for branch in one.branches()}
    assert counts == {("first", None): (2, 2), ("second", OTHER): (2, 2)}


def test_workers_tell_each_other_only_what_is_new() -> None:
    """A row is told once; counts are told whole and added up."""
    one = Live(2)
    one.hear(ended(), Prices())
    one.hear(ended(), Prices())

    first, second = recent(one, {}), recent(one, {"2": 1})

    assert [row.seq for row in first.rows] == [1, 2]
    assert [(row.seq, row.worker) for row in second.rows] == [(2, 2)]
    (both,) = added_branches([first.branches, second.branches])
    assert both == Branch("default", None, 4, 4)


def test_the_tree_names_everything_that_decides_in_its_order() -> None:
    """Rules, then the explicit choice, then categories; each with its targets, fallbacks behind, or its refusal."""
    built = router().router.gateway.built
    tree = tree_of(built.rules, built.providers)

    assert [(entry["kind"], entry["name"]) for entry in tree[:3]] == [
        ("rule", "<b>bold</b>"),
        ("rule", "gone"),
        ("explicit", "explicit"),
    ]
    assert tree[0]["targets"] == ["a,m1", "b,m2"]
    assert (tree[1]["targets"], tree[1]["reject"]) == ([], {"status": 410, "message": "gone"})
    assert tree[-1]["name"] == "default"


def test_targets_of_the_status_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients may name models of their own, as many as they like."""
    monkeypatch.setattr(counters, "MOST_TARGETS", 2)
    counts = Counters(0.0)
    for target in ("a,m1", "a,m2", "a,m3", "a,m4", "a,m1"):
        counts.add_target(target)
    assert counts.by_target == {"a,m1": 2, "a,m2": 1, OTHER: 2}
