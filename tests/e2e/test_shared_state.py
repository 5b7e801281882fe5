"""Two routers and a real Redis server: what one learns the other knows; without the server each goes on alone."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.asking import body, post
from tests.fakes.redis_server import RedisServer
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Say, Upstream, failing
from tests.fakes.wire import Hold

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def both_upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as one, Upstream() as other:
        yield one, other


@pytest.fixture
def upstreams(both_upstreams: tuple[Upstream, Upstream]) -> tuple[Upstream, Upstream]:
    """Both with an empty record."""
    for one in both_upstreams:
        one.forget()
    return both_upstreams


@pytest.fixture(scope="module")
def routers(redis: RedisServer, both_upstreams: tuple[Upstream, Upstream]) -> Iterator[tuple[Router, Router]]:
    """Two that know of each other."""
    config = config_of(redis, *both_upstreams)
    with Router(config) as one, Router(config) as other:
        both_there(one, other)
        yield one, other


def config_of(redis: RedisServer, *upstreams: Upstream) -> dict[str, Any]:
    """A provider for every case (header `x-case`), since what is learned stays."""
    config = configuration(*(upstream.url for upstream in upstreams), state=redis.url)
    usual = config["providers"]["fake"]
    config["providers"] |= {
        "keys": usual,
        "sticky": {**usual, "loadBalancing": {"strategy": "sticky"}},
        "limited": {**usual, "instances": usual["instances"][:1], "concurrency": {"max": 1, "queue": 0}},
    }
    config["routing"]["customRules"] = [
        {"name": name, "condition": {"header.x-case": name}, "target": f"{name},fake-model"}
        for name in config["providers"]
    ]
    return config


def state(router: Router) -> Any:
    return json.loads(router.get("/status")[2])["state"]


def first_instance(router: Router, provider: str) -> Any:
    """How the router sees it."""
    providers = json.loads(router.get("/status")[2])["providers"]
    return next(one for one in providers if one["name"] == provider)["instances"][0]["state"]


def ask(router: Router, case: str, **more: Any) -> int:
    """The status of the answer."""
    return post(router.url, body(**more), **{"x-case": case}).status


def eventually(holds: Callable[[], bool], what: str, within_s: float = 15.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def both_there(*routers: Router) -> None:
    eventually(lambda: all(state(one)["connected"] for one in routers), "no connection to the shared state")
    eventually(lambda: all(state(one)["others"] == 1 for one in routers), "they do not hear each other")


@contextlib.contextmanager
def opened(router: Router, case: str) -> Iterator[None]:
    """A stream that is open meanwhile."""
    connection = http.client.HTTPConnection("127.0.0.1", router.port, timeout=10)
    headers = {"content-type": "application/json", "x-case": case}
    try:
        connection.request("POST", "/v1/messages", json.dumps(body(stream=True)), headers)
        connection.getresponse().read1()
        yield
    finally:
        connection.close()


def test_a_refused_credential_rests_for_both(
    redis: RedisServer, routers: tuple[Router, Router], upstreams: tuple[Upstream, Upstream]
) -> None:
    """The second router does not ask the instance that the first one was refused by; one that starts later neither."""
    (one, other), (bad, good) = routers, upstreams
    bad.always(failing(401))
    for _ in range(2):
        assert ask(one, "keys") == 200
    eventually(lambda: first_instance(other, "keys") == "open", "the other did not hear of it")
    assert len(bad.chats) == 1
    for _ in range(6):
        assert ask(other, "keys") == 200
    with Router(config_of(redis, bad, good)) as late:
        eventually(lambda: first_instance(late, "keys") == "open", "who comes late does not catch up")
    assert len(bad.chats) == 1


def test_a_session_stays_where_it_was_moved_to(
    routers: tuple[Router, Router], upstreams: tuple[Upstream, Upstream]
) -> None:
    """Prompt caches live on one instance: both routers send a session to the same one, also after a failover."""
    one, other = routers
    session = {"metadata": {"user_id": "user_x_account__session_s"}}
    assert ask(one, "sticky", **session) == 200
    home, away = sorted(upstreams, key=lambda upstream: -len(upstream.chats))
    home.then(failing(500))
    assert ask(one, "sticky", **session) == 200
    assert (len(home.chats), len(away.chats)) == (2, 1)
    time.sleep(0.3)  # nothing shows from outside that the news has arrived
    assert ask(other, "sticky", **session) == 200
    assert (len(home.chats), len(away.chats)) == (2, 2)


def test_a_limit_holds_over_both(routers: tuple[Router, Router], upstreams: tuple[Upstream, Upstream]) -> None:
    """What one router has in flight takes the room of the other."""
    one, other = routers
    upstreams[0].then(lambda request: (*Say("a slow answer")(request)[:4], Hold()))
    with opened(one, "limited"):
        upstreams[0].wait_for(1)
        eventually(lambda: ask(other, "limited") == 529, "the other does not know of it")
    eventually(lambda: ask(other, "limited") == 200, "the room is not free again")


def test_without_the_server_each_goes_on_alone_and_says_so(
    redis: RedisServer, routers: tuple[Router, Router], upstreams: tuple[Upstream, Upstream]
) -> None:
    """Requests do not notice; `/status` and the log do; when it is back, what was learned meanwhile is told."""
    one, other = routers
    redis.kill()
    eventually(lambda: not state(one)["connected"] and not state(other)["connected"], "nobody noticed")
    upstreams[0].always(failing(401))
    for _ in range(2):
        assert ask(one, "fake") == 200
    assert first_instance(other, "fake") == "closed"
    redis.start()
    both_there(one, other)
    eventually(lambda: first_instance(other, "fake") == "open", "what was learned alone was not told")
    assert any(line["message"].startswith("the shared state is gone") for line in one.log_lines())


def test_a_server_that_is_not_there_keeps_nobody_from_starting(upstreams: tuple[Upstream, Upstream]) -> None:
    """The router starts alone, and shows the address without its password."""
    config = configuration(upstreams[0].url, state="redis://user:canary@127.0.0.1:1/0")
    with Router(config) as router:
        assert post(router.url, body()).status == 200
        eventually(lambda: state(router)["lastError"] is not None, "the trouble is not shown")
        assert state(router)["server"] == "redis://127.0.0.1:1/0"
        assert "canary" not in router.logs() + router.output() + router.get("/status")[2].decode()
