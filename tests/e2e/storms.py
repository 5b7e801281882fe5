"""More rows of the fault laboratory: every fault at random on every instance at once, and while the router changes or ends.

What is drawn is the same in each run.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.e2e.asking import Got
from tests.e2e.faults import AFTER_COMMIT, BEFORE_COMMIT, ENDS_WITHIN_S, SAID, SLOW, Row, Tally, ask, configuration_of
from tests.fakes.router import Router
from tests.fakes.upstream import Upstream, failing
from tests.fakes.wire import (
    Answer,
    Close,
    Hold,
    Received,
    Reset,
    Responder,
    Send,
    Wait,
    chunked,
    head,
    whole,
    wire_bytes,
)


def _slow_head(request: Received) -> Answer:
    data = wire_bytes(SAID(request))
    return Wait(0.1), Send(data[:20]), Wait(0.1), Send(data[20:60]), Reset()


def _bytes(data: bytes) -> Responder:
    return lambda request: (Send(data), Close())


CHUNKED = head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})

ODD: dict[str, Responder] = {
    "a slow head, then a reset": _slow_head,
    "a status line and no more": lambda request: (Send(b"HTTP/1.1 200 OK\r\n"), Hold()),
    "interim answers first": lambda request: (Send(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"), *SAID(request)),
    "a head of 300 kB": _bytes(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n"),
    "a chunk size that is none": _bytes(CHUNKED + b"zz\r\nhello"),
    "bytes behind the answer": lambda request: (*SAID(request), Send(b"HTTP/1.1 200 OK\r\n\r\nmore")),
    "no gzip where it says so": lambda request: whole(200, b"no gzip", {"content-encoding": "gzip"}),
    "204": _bytes(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "302": lambda request: whole(302, b"", {"location": "http://127.0.0.1:1/"}),
    "HTTP/1.0": _bytes(b"HTTP/1.0 500 no\r\n\r\nsorry"),
    "comments, then a reset": lambda request: (*chunked([b": a\n\n"] * 3, end=False), Reset()),
    "comments for ever": lambda request: (*chunked([b": a\n\n"] * 30, end=False, pause_s=0.05), Hold()),
    "an error that is cut": lambda request: (*whole(500, b'{"error": {"message": "h', length=900), Close()),
    **{f"429, retry-after {value}": failing(429, retry_after=value) for value in ("0", "-1", "0.2", "1e9", "nan", "soon")},
    **{str(status): failing(status) for status in (400, 402, 403, 404, 408, 409, 413, 418, 422, 599)},
    "too long": failing(400, "maximum context length is 10 tokens", code="context_length_exceeded"),
}  # fmt: skip

FAULTS: dict[str, Responder] = {
    **{name: fault for name, fault in BEFORE_COMMIT.items() if fault is not None}, **AFTER_COMMIT, **SLOW, **ODD
}  # fmt: skip

UNSEEN = ("resets at once", "closes at once", "no HTTP at all")
"""On a kept connection these look like one that was just given up: the request goes out once more and nobody is blamed."""

STRATEGIES = ("round-robin", "weighted", "random", "least-busy", "least-latency", "priority", "sticky")

Asked = dict[tuple[str, bool], list[str]]
"""Text of a request and whether it is streamed -> what the upstreams did with it."""


def _at_random(share: float, rng: random.Random, asked: Asked) -> Responder:
    """Fails that share of the requests, each in any way."""

    def respond(request: Received) -> Answer:
        fault = rng.choice(sorted(FAULTS)) if rng.random() < share else ""
        asked[request.json["messages"][-1]["content"], bool(request.json.get("stream"))].append(fault)
        return FAULTS.get(fault, SAID)(request)

    return respond


def _path_holds(asked: Asked, number: int, got: Got) -> str:
    """What is wrong with `x-ccr-path` of that request's reply: it names each try, and at most six."""
    tries = [step for step in got.headers.get("x-ccr-path", "").split(", ") if step]
    faults = asked[str(number // 2), number % 2 == 0]
    arrived = sum(not step.endswith(("error=connect", "error=busy")) for step in tries)
    again = sum(fault in UNSEEN for fault in faults)
    if len(tries) > 6 or not arrived <= len(faults) <= arrived + again:
        return f"the path {tries} after {faults}"
    return f"the path {tries} of a good answer" if got.status == 200 and "error=" in tries[-1] else ""


def _tuned(provider: dict[str, Any], rng: random.Random) -> None:
    """Another strategy, other limits."""
    provider["loadBalancing"] = {"strategy": rng.choice(STRATEGIES)}
    for instance in provider["instances"]:
        instance |= {"weight": rng.choice((0, 1, 3)), "priority": rng.choice((0, 1))}
    if rng.random() < 0.4:
        provider["concurrency"] = {"max": rng.choice((2, 5)), "queue": rng.choice((0, 50)), "wait": 400}
    if rng.random() < 0.4:
        provider["settings"]["connectionPool"] = {"maxConnections": rng.choice((1, 2, 30))}
    if rng.random() < 0.4:
        provider["loadBalancing"]["healthCheck"] = {"interval": 200, "timeout": 100, "path": "/v1/models"}


def everything_fails(seed: int) -> Tally:
    """Three instances and a fallback; half of what each answers is a fault. Nothing is left over, and the path is right."""
    rng = random.Random(seed)
    asked: Asked = defaultdict(list)
    with Upstream() as one, Upstream() as two, Upstream() as three, Upstream(models=["spare-model"]) as spare:
        for upstream in (one, two, three, spare):
            upstream.always(_at_random(0.5, rng, asked))
        config = configuration_of(one.url, two.url, three.url)
        providers = config["providers"]
        _tuned(providers["fake"], rng)
        providers["spare"] = {
            **configuration_of(spare.url)["providers"]["fake"],
            "settings": {"models": ["spare-model"]},
        }
        config["routing"]["rules"]["default"]["fallbacks"] = ["spare,spare-model"]
        tally = Tally(wrong=partial(_path_holds, asked))
        with Router(config) as router:
            asyncio.run(_crowd(router, tally, iter(range(60))))
            _all_is_given_back(router)
            assert not [line for line in router.log_lines() if line.get("stage") == "bug"]
    return tally


def _all_is_given_back(router: Router) -> None:
    end = time.monotonic() + ENDS_WITHIN_S
    while True:
        status = json.loads(router.get("/status")[2])
        held = [one["inflight"] for row in status["providers"] for one in row["instances"]]
        waiting = [row["waiting"] for row in status["providers"]]
        if status["counters"]["open"] == sum(held) == sum(waiting) == 0:
            return
        assert time.monotonic() < end, status
        time.sleep(0.02)


async def _crowd(router: Router, tally: Tally, numbers: Any, at_once: int = 12, kept: bool = False) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(ask(router.url, numbers, tally, kept=kept))


def everything_changes(seed: int, signal: int, workers: int = 1) -> Tally:
    """Some faults, another configuration every moment (some of them broken), and at last the end."""
    rng = random.Random(seed)
    gentle = {name: fault for name, fault in FAULTS.items() if "ever" not in name and "no more" not in name}
    with Upstream() as one, Upstream() as two, Upstream() as three:
        for upstream in (one, two, three):
            upstream.always(
                lambda request: gentle.get(rng.choice(sorted(gentle)) if rng.random() < 0.1 else "", SAID)(request)
            )

        def other() -> str:
            config = configuration_of(*rng.sample([one.url, two.url, three.url], rng.choice((2, 3))))
            _tuned(config["providers"]["fake"], rng)
            return "{" if rng.random() < 0.15 else json.dumps(config)

        with Router(configuration_of(one.url, two.url), arguments=("--workers", str(workers))) as router:
            return asyncio.run(_until_the_end(router, other, signal, kept=seed % 2 == 0))


async def _until_the_end(router: Router, other: Callable[[], str], signal: int, kept: bool) -> Tally:
    tally, over = Tally(), False
    numbers = itertools.takewhile(lambda _: not over, itertools.count())
    async with asyncio.TaskGroup() as group:
        group.create_task(_crowd(router, tally, numbers, kept=kept))
        for _ in range(25):
            router.config.write_text(other())
            router.signal(1)
            await asyncio.sleep(0.1)
        router.signal(signal)
        await asyncio.to_thread(router.wait)
        over = True
    return tally


STORMS: tuple[Row, ...] = (
    *(Row(f"half of all fails at random, draw {seed}", partial(everything_fails, seed)) for seed in range(8)),
    Row("faults, 25 reloads, SIGTERM", partial(everything_changes, 1, 15)),
    Row("faults, 25 reloads, SIGTERM, connections kept", partial(everything_changes, 2, 15)),
    Row("faults, 25 reloads, SIGQUIT, 2 workers", partial(everything_changes, 4, 3, 2)),
)
