"""Who watches a router sees the exchanges of all its workers, and is never why it does not end."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.asking import body, post
from tests.fakes.router import Router

pytestmark = pytest.mark.e2e

STATIC = {"type": "static", "settings": {"models": ["large"]}}
CONFIG = {"providers": {"built-in": STATIC}, "routing": {"defaultProvider": "built-in"}}
WORKERS, ASKED = 2, 8
ENDS_WITHIN_S = 10.0
"""Much less than `server.drainSeconds`, which is how long open requests may take."""


def events(router: Router) -> Iterator[tuple[str, Any]]:
    """What a watcher is told, until the connection ends."""
    with closing(http.client.HTTPConnection("127.0.0.1", router.port, timeout=20)) as connection:
        connection.request("GET", "/v1/ccr/events")
        reply = connection.getresponse()
        assert reply.status == 200
        rest = b""
        while data := reply.read1(65_536):
            *whole, rest = (rest + data).split(b"\n\n")
            for one in whole:
                name, value = one.split(b"\n", 1)
                yield name.decode().removeprefix("event: "), json.loads(value.removeprefix(b"data: "))


def test_the_exchanges_of_all_workers_are_told() -> None:
    """Each once, with its worker's number; the counts by branch are those of all."""
    with Router(CONFIG, arguments=("--workers", str(WORKERS))) as router:
        ids = {post(router.url, body()).headers["request-id"] for _ in range(ASKED)}
        rows: list[dict[str, Any]] = []
        counted = 0
        for name, value in events(router):
            rows += value["rows"] if name == "exchanges" else []
            counted = sum(branch["exchanges"] for branch in value["branches"]) if name == "state" else counted
            if len(rows) >= ASKED and counted >= ASKED:
                break
        framed = router.run("top", "--once").stdout

    assert {row["requestId"] for row in rows} == ids
    assert len(rows) == ASKED == counted
    assert {row["worker"] for row in rows} <= set(range(1, WORKERS + 1))
    assert re.search(rf"requests {ASKED}\b", framed), framed


def test_whoever_watches_does_not_hold_up_the_end() -> None:
    """The stream ends with a note as soon as the router is asked to stop."""
    with Router(CONFIG) as router:
        told = events(router)
        assert next(told)[0] == "gateway"
        began = time.monotonic()
        router.signal(15)
        last = [name for name, _ in told][-1]
        assert router.wait() == 0
        took = time.monotonic() - began

    assert last == "note"
    assert took < ENDS_WITHIN_S
