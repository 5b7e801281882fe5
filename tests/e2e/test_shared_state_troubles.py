"""Routers that share their state while clocks differ, and the server is full, only for reading, or has forgotten everything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.test_shared_state import ask, both_there, config_of, eventually, first_instance, state
from tests.fakes.redis_server import RedisServer
from tests.fakes.router import Router
from tests.fakes.upstream import Upstream, failing

pytestmark = pytest.mark.e2e

FULL = ("--maxmemory", "1mb", "--maxmemory-policy", "noeviction")
READ_ONLY = ("--replicaof", "127.0.0.1", "1")


def rest_s(router: Router, provider: str) -> Any:
    """How long the first instance rests on, in seconds; None: it does not."""
    providers = json.loads(router.get("/status")[2])["providers"]
    return next(one for one in providers if one["name"] == provider)["instances"][0]["restEndsInSeconds"]


def said(router: Router) -> list[str]:
    """What the log says of the shared state."""
    return [line["message"] for line in router.log_lines() if line.get("stage") == "state"]


def learn(router: Router, case: str, bad: Upstream, **fault: Any) -> None:
    """The router comes to know that the first instance of that provider is to rest."""
    bad.always(failing(**fault))
    for _ in range(2):
        assert ask(router, case) == 200


def test_routers_whose_clocks_are_apart_rest_for_the_same_time() -> None:
    """What one of them says of a rest is understood by the other, whose clock is an hour ahead, and the other way round."""
    ahead = "import time; wall = time.time; time.time = lambda: wall() + 3_600"
    with RedisServer() as redis, Upstream() as bad, Upstream() as good:
        config = config_of(redis, bad, good)
        with Router(config) as here, Router(config, prelude=ahead) as there:
            both_there(here, there)
            learn(here, "fake", bad, status=429, retry_after="40")
            eventually(lambda: rest_s(there, "fake") is not None, "the one ahead did not hear of it")
            learn(there, "keys", bad, status=429, retry_after="40")
            eventually(lambda: rest_s(here, "keys") is not None, "the other did not hear of it")
            assert 0 < rest_s(there, "fake") <= 40
            assert 0 < rest_s(here, "keys") <= 40


@pytest.mark.parametrize(
    ("options", "problem"), [(FULL, "OutOfMemoryError"), (READ_ONLY, "ReadOnlyError")], ids=["full", "read-only"]
)
def test_a_server_that_keeps_nothing_still_passes_news_on(options: tuple[str, ...], problem: str) -> None:
    """It is said once, nobody is cut off from the others, and nothing is told over and over."""
    with RedisServer(*options) as redis, Upstream() as bad, Upstream() as good:
        config = config_of(redis, bad, good)
        with Router(config) as one, Router(config) as other:
            both_there(one, other)
            for case in ("fake", "keys"):
                learn(one, case, bad, status=401)
                eventually(lambda case=case: first_instance(other, case) == "open", "the other did not hear of it")  # type: ignore[misc]
            assert (state(one)["connected"], state(one)["lastError"]) == (True, problem)
            eventually(lambda: len(said(one)) > 1, "nothing is logged")
            assert said(one) == [
                "shared state found",
                "the shared state keeps nothing, routers that come later start without it",
            ]


def test_a_server_that_forgot_everything_is_told_again() -> None:
    """Who starts after the server was restarted, empty, knows what rests."""
    with RedisServer() as redis, Upstream() as bad, Upstream() as good:
        config = config_of(redis, bad, good)
        with Router(config) as one:
            with Router(config) as other:
                both_there(one, other)
                learn(one, "fake", bad, status=401)
                eventually(lambda: first_instance(other, "fake") == "open", "it was not told at first")
            redis.kill()
            eventually(lambda: not state(one)["connected"], "nobody noticed")
            redis.start()
            eventually(lambda: state(one)["connected"], "it did not come back")
            with Router(config) as late:
                eventually(lambda: first_instance(late, "fake") == "open", "who comes late is not told")
