"""The exchange: commit point, failover, going away, and what each end leaves behind."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.log.journal import Journal
from providers.spec import Timeouts
from providers.upstream import UpstreamRequest, UpstreamResponse
from rules.facts import Facts
from rules.nodes import Decision
from tests.fakes.gateway import Answer, InProcess, in_process, streamed

ONE = """
providers:
  up:
    type: openai
    endpoint: http://127.0.0.1:9/v1
    settings: {models: [m1]}
routing:
  defaultProvider: up
"""

TWO = """
providers:
  up:
    type: openai
    instances:
      - endpoint: http://127.0.0.1:9/v1
      - endpoint: http://127.0.0.2:9/v1
    settings: {models: [m1]}
  spare:
    type: openai
    endpoint: http://127.0.0.3:9/v1
    settings: {models: [m2]}
routing:
  customRules:
    - name: first
      condition: {always: true}
      target: {provider: up, model: m1, fallbacks: ["spare,m2"]}
  defaultProvider: up
"""

ASK: dict[str, Any] = {"model": "claude-x", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**ASK, "stream": True}
HELLO = streamed({"role": "assistant", "content": ""}, {"content": "hel"}, {"content": "lo"})
SILENT = Answer(streamed({"role": "assistant", "content": ""}))


def nothing_held(one: InProcess) -> bool:
    """Whether every instance and every body was given back."""
    pools = one.router.gateway.registry.pools.values()
    return all(pool.inflight == 0 for pool in pools) and one.router.counters.open_exchanges == 0


async def test_a_streamed_answer_goes_through_event_by_event() -> None:
    """Each upstream chunk reaches the client in a write of its own, under the client's model name."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post(STREAM)

    assert got.status == 200
    assert len(got.pieces) >= 3
    assert got.complete
    events = got.events()
    assert events[0]["message"]["model"] == "claude-x"
    assert events[-1] == {"type": "message_stop"}
    assert got.headers["x-ccr-target"] == "up,m1"
    assert got.headers["x-ccr-rule"] == "default"
    assert nothing_held(one)


async def test_a_whole_answer_has_its_length() -> None:
    """`stream: false` gives one JSON message with a content length."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post(ASK)

    assert got.json()["content"] == [{"type": "text", "text": "hello"}]
    assert got.headers["content-length"] == str(len(got.body))


@pytest.mark.parametrize(
    "first",
    [
        Answer(before="connect"),
        Answer(before="timeout"),
        Answer([b'{"error": {"message": "slow down"}}'], status=429, headers={"content-type": "application/json"}),
        Answer([b"<html>bad gateway</html>"], status=502, headers={"content-type": "text/html"}),
        Answer([], status=529),
        Answer([]),
        Answer([], fault="cut"),
        Answer([b'data: {"error": {"message": "overloaded", "code": 503}}\n\n']),
        Answer([b"<html>hello</html>"], headers={"content-type": "text/html"}),
        SILENT,
    ],
    ids=["connect", "timeout", "429", "502", "529", "empty", "cut", "overload-at-first-event", "html", "silent"],
)
async def test_what_fails_before_the_commit_point_goes_on_to_the_next_instance(first: Answer) -> None:
    """The client sees one clean answer, and `x-ccr-attempts` says that it took two."""
    one = in_process(TWO, {"up": [first, Answer(HELLO)], "spare": [Answer(HELLO)]})
    got = await one.post(STREAM)

    assert got.status == 200
    assert [event["type"] for event in got.events()].count("message_start") == 1
    assert got.headers["x-ccr-attempts"] == "2"
    assert {request.url for request in one.transports["up"].sent} == {
        "http://127.0.0.1:9/v1/chat/completions",
        "http://127.0.0.2:9/v1/chat/completions",
    }
    assert nothing_held(one)


async def test_fallback_targets_come_after_all_instances() -> None:
    """When both instances fail the fallback answers, translated anew for its own model."""
    one = in_process(TWO, {"up": [Answer(before="connect")], "spare": [Answer(HELLO)]})
    got = await one.post(ASK)

    assert got.headers["x-ccr-target"] == "spare,m2"
    assert got.headers["x-ccr-path"] == (
        "up/127.0.0.1:9;model=m1;error=connect, up/127.0.0.2:9;model=m1;error=connect, spare/127.0.0.3:9;model=m2"
    )
    assert b'"model":"m2"' in one.transports["spare"].sent[0].body


@pytest.mark.parametrize("asked", [ASK, STREAM], ids=["whole", "streamed"])
async def test_the_time_to_the_head_counts_as_latency(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of an upstream's thinking comes before its head: `least-latency` must see it, for either form of answer."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    transport = one.transports["up"]
    send = transport.send

    async def thoughtful(request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        one.clock.now += 3.0
        return await send(request, timeouts)

    monkeypatch.setattr(transport, "send", thoughtful)
    assert (await one.post(asked)).status == 200
    (instance,) = one.router.gateway.registry["up"].instances
    assert instance.record.latency.ewma_s == 3.0


@pytest.mark.parametrize(
    ("text", "answers", "failovers"),
    [
        (TWO, {"up": [Answer(HELLO)], "spare": []}, 0),
        (TWO, {"up": [Answer([], status=529), Answer(HELLO)], "spare": []}, 1),
        (TWO, {"up": [Answer(before="connect")], "spare": [Answer(HELLO)]}, 2),
        (ONE, {"up": [Answer([b'{"error": {"message": "no"}}'], status=400)]}, 0),
    ],
    ids=["none", "next-instance", "instance-and-fallback", "refused"],
)
async def test_a_failover_is_a_try_elsewhere(text: str, answers: dict[str, list[Answer]], failovers: int) -> None:
    """A failure after which nobody else was asked is none."""
    one = in_process(text, answers)
    await one.post(ASK)

    assert one.router.counters.failovers == failovers


@pytest.mark.parametrize(
    ("first_byte_ms", "waited_s"), [(30, 0.0), (300_000, 300.0)], ids=["a fast head", "a head at the last moment"]
)
async def test_comments_are_no_answer(first_byte_ms: int, waited_s: float) -> None:
    """An upstream that only keeps the connection alive is given up after `firstByte`, the wait for its head included."""
    text = TWO.replace("    type: openai", f"    type: openai\n    timeouts: {{firstByte: {first_byte_ms}}}", 1)
    idle = Answer([b": still busy\n\n"], hang=True, waited_s=waited_s)
    one = in_process(text, {"up": [idle, Answer(HELLO)], "spare": [Answer(HELLO)]})
    got = await one.post(STREAM)

    assert got.status == 200
    assert got.headers["x-ccr-path"] == "up/127.0.0.1:9;model=m1;error=timeout, up/127.0.0.2:9;model=m1"
    assert nothing_held(one)


async def test_the_path_is_told_when_nobody_answered() -> None:
    """An error reply says who was asked; names are percent-encoded."""
    text = ONE.replace("endpoint: http", "instances:\n      - name: 'hören, lesen'\n        endpoint: http")
    one = in_process(text, {"up": [Answer([], status=400)]})
    got = await one.post(ASK)

    assert got.status == 400
    assert got.headers["x-ccr-path"] == "up/h%C3%B6ren%2C%20lesen;model=m1;error=bad_request"


async def test_the_routers_a_request_came_through_stay_named() -> None:
    """What came with a mark of another router goes on with it, so that a circle of several routers is seen."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    await one.post(ASK, headers={"x-ccr-hop": "other"})

    assert ("x-ccr-hop", "other") in one.transports["up"].sent[0].headers


async def test_nothing_is_tried_after_the_commit_point() -> None:
    """A stream that breaks after its first part ends in `event: error`, without a stop and without another try."""
    cut = Answer(streamed({"content": "hel"}, finish=None), fault="cut")
    one = in_process(TWO, {"up": [cut], "spare": [Answer(HELLO)]})
    got = await one.post(STREAM)

    kinds = [event["type"] for event in got.events()]
    assert kinds[-1] == "error"
    assert "message_stop" not in kinds
    assert len(one.transports["up"].sent) == 1
    assert one.transports["spare"].sent == []
    assert got.complete
    assert nothing_held(one)


async def test_a_whole_answer_that_breaks_is_tried_again() -> None:
    """Not streamed, nothing has reached the client when the upstream breaks off, so the next instance may answer."""
    cut = Answer(streamed({"content": "hel"}, finish=None), fault="cut")
    one = in_process(TWO, {"up": [cut, Answer(HELLO)], "spare": [Answer(HELLO)]})
    got = await one.post(ASK)

    assert got.json()["content"][0]["text"] == "hello"
    assert got.headers["x-ccr-attempts"] == "2"


async def test_a_client_mistake_is_not_tried_elsewhere() -> None:
    """A 400 comes back as an Anthropic error at once and leaves the instance's health alone."""
    bad = Answer([b'{"error": {"message": "no such thing"}}'], status=400, headers={"content-type": "application/json"})
    one = in_process(TWO, {"up": [bad], "spare": [Answer(HELLO)]})
    got = await one.post(ASK)

    assert got.status == 400
    assert got.json()["error"]["type"] == "invalid_request_error"
    assert got.json()["request_id"] == got.headers["request-id"]
    assert len(one.transports["up"].sent) == 1
    assert one.router.gateway.registry["up"].health(one.clock.now) == "up"


async def test_when_all_fails_the_client_gets_one_proper_error() -> None:
    """Rate limits everywhere: a 429 in Anthropic's form with the upstream's `retry-after`."""
    limited = Answer([], status=429, headers={"retry-after": "17"})
    one = in_process(ONE, {"up": [limited]})
    got = await one.post(STREAM)

    assert got.status == 429
    assert got.headers["retry-after"] == "17"
    assert got.json()["error"]["type"] == "rate_limit_error"
    assert nothing_held(one)


async def test_a_client_that_goes_away_stops_the_upstream() -> None:
    """The upstream's body is closed and the instance given back, though the upstream would go on for ever."""
    endless = Answer(streamed({"content": "a"}, finish=None), hang=True)
    one = in_process(ONE, {"up": [endless]})
    await one.post(STREAM, leave_after=1)

    assert one.transports["up"].closed == 1
    assert one.router.counters.client_gone == 1
    assert nothing_held(one)


async def test_a_rejecting_rule_sends_nothing() -> None:
    """`reject` answers in Anthropic's form, names the rule, and asks no upstream."""
    text = (
        ONE
        + """
  customRules:
    - name: closed
      condition: {model: claude-x}
      target: {reject: {status: 403, message: not for you}}
"""
    )
    one = in_process(text, {"up": [Answer(HELLO)]})
    got = await one.post(ASK)

    assert got.status == 403
    assert got.json()["error"] == {"type": "permission_error", "message": "not for you"}
    assert got.headers["x-ccr-rule"] == "closed"
    assert one.transports["up"].sent == []


async def test_our_own_failure_is_a_500_that_names_its_request() -> None:
    """A bug of ours gives an Anthropic error, never a silent cut."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})

    def broken(facts: Facts) -> Decision:
        raise RuntimeError("boom")

    one.router.gateway = replace(one.router.gateway, decide=broken)
    got = await one.post(ASK)

    assert got.status == 500
    assert got.json()["error"]["type"] == "api_error"
    assert "boom" not in got.body.decode()
    assert got.json()["request_id"] == got.headers["request-id"]
    assert nothing_held(one)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "body"),
        (b"[]", 400, "object"),
        (b"{", 400, "JSON"),
        ({"messages": []}, 400, "model"),
        ({**ASK, "messages": 5}, 400, "messages"),
        ({**ASK, "thread": {"type": "create"}}, 400, "thread"),
    ],
)
async def test_bad_bodies_get_an_anthropic_400(body: Any, status: int, says: str) -> None:
    """Each names what is wrong and reaches no upstream."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post(body)

    assert got.status == status
    assert says.lower() in got.json()["error"]["message"].lower()
    assert one.transports["up"].sent == []


@pytest.mark.parametrize("hops", ["{own}", "{own}, other", "other,{own}", "a, {own}, b"])
async def test_our_own_request_coming_back_is_refused(hops: str) -> None:
    """A request with our hop mark, also among those of other routers, is a loop: 508, with the address of this router."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post(ASK, headers={"x-ccr-hop": hops.format(own=one.router.hop)})

    assert got.status == 508
    assert "127.0.0.1:3456" in got.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/nothing", "/v1/chat/completions"])
async def test_our_own_request_on_any_path_is_a_loop(path: str) -> None:
    """An endpoint that points back at us with a path that we do not serve is a loop too, not a missing path."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post(ASK, path, headers={"x-ccr-hop": one.router.hop})

    assert got.status == 508
    assert "127.0.0.1:3456" in got.json()["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/health", "/health/live", "/status", "/v1/models", "/nothing"])
async def test_our_own_probe_coming_back_is_a_loop(method: str, path: str) -> None:
    """A health check of an endpoint that is this router itself fails, whatever it asks for."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post(b"", path, method, {"x-ccr-hop": one.router.hop})

    assert got.status == 508
    assert got.headers["request-id"]


async def test_tokens_are_counted_without_an_upstream() -> None:
    """`count_tokens` answers with our estimate and says where the request would go."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post({"model": "claude-x", "messages": ASK["messages"]}, "/v1/messages/count_tokens")

    assert got.json()["input_tokens"] > 0
    assert got.headers["x-ccr-target"] == "up,m1"
    assert one.transports["up"].sent == []


async def test_requests_beyond_the_limit_wait_in_line() -> None:
    """At `concurrency.max` the next one waits and is served as soon as there is room; beyond the queue it reads 529."""
    gate = asyncio.Event()
    limited = ONE.replace("    type: openai", "    type: openai\n    concurrency: {max: 1, queue: 1}")
    one = in_process(limited, {"up": [Answer(HELLO, until=(2, gate)), Answer(HELLO)]})
    async with asyncio.TaskGroup() as group:
        first = group.create_task(one.post(STREAM))
        while not one.transports.get("up") or not one.transports["up"].sent:
            await asyncio.sleep(0)
        second = group.create_task(one.post(ASK))
        while not len(one.router.gateway.registry["up"].queue):
            await asyncio.sleep(0)
        third = await one.post(ASK)
        assert len(one.transports["up"].sent) == 1
        gate.set()

    assert (first.result().status, second.result().status) == (200, 200)
    assert (third.status, third.json()["error"]["type"]) == (529, "overloaded_error")
    assert third.headers["retry-after"] == "1"
    assert nothing_held(one)


async def test_a_client_that_leaves_the_line_leaves_nothing_behind() -> None:
    """Its place is free for the next one."""
    gate = asyncio.Event()
    limited = ONE.replace("    type: openai", "    type: openai\n    concurrency: {max: 1}")
    one = in_process(limited, {"up": [Answer(HELLO, until=(2, gate)), Answer(HELLO)]})
    queue = one.router.gateway.registry["up"].queue
    async with asyncio.TaskGroup() as group:
        group.create_task(one.post(STREAM))
        while not one.transports.get("up") or not one.transports["up"].sent:
            await asyncio.sleep(0)
        leaving = group.create_task(one.post(ASK))
        while not len(queue):
            await asyncio.sleep(0)
        leaving.cancel()
        while len(queue):
            await asyncio.sleep(0)
        gate.set()
    assert nothing_held(one)


TOO_LONG = Answer(
    [b'{"error": {"message": "maximum context length is 8192 tokens", "code": "context_length_exceeded"}}'],
    status=400,
    headers={"content-type": "application/json"},
)
WINDOWS = """
providers:
  up: {type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {models: [{name: m1, contextWindow: 8192}]}}
  same: {type: openai, endpoint: "http://127.0.0.2:9/v1", settings: {models: [{name: m2, contextWindow: 8192}]}}
  large: {type: openai, endpoint: "http://127.0.0.3:9/v1", settings: {models: [{name: m3, contextWindow: 1000000}]}}
routing:
  defaultProvider: up
  rules: {default: {provider: up, model: m1, fallbacks: ["same,m2", "large,m3"]}}
"""


async def test_a_context_that_is_too_long_goes_to_the_larger_window_only() -> None:
    """A fallback with the same window is not bothered; no instance is blamed."""
    one = in_process(WINDOWS, {"up": [TOO_LONG], "same": [Answer(HELLO)], "large": [Answer(HELLO)]})
    got = await one.post(STREAM)

    assert got.status == 200
    assert got.headers["x-ccr-path"] == "up/127.0.0.1:9;model=m1;error=context_length, large/127.0.0.3:9;model=m3"
    assert {name: pool.health(one.clock()) for name, pool in one.router.gateway.registry.pools.items()} == {
        "up": "up",
        "same": "up",
        "large": "up",
    }


async def test_a_context_too_long_for_all_is_the_clients_error() -> None:
    """Nothing larger is known: the client reads a 400 at once, so that it can compact."""
    one = in_process(WINDOWS.replace("1000000", "8192"), {"up": [TOO_LONG], "same": [TOO_LONG], "large": [TOO_LONG]})
    got = await one.post(STREAM)

    assert (got.status, got.json()["error"]["type"]) == (400, "invalid_request_error")
    assert got.headers["x-ccr-attempts"] == "1"


@pytest.mark.parametrize(
    ("debug", "steps"),
    [
        ("{}", []),
        ("{traceRequests: true}", ["decided", "sending", "answering"]),
        ("{enabled: true}", ["lost in the request"]),
    ],
)
async def test_debugging_adds_lines(tmp_path: Path, debug: str, steps: list[str]) -> None:
    """`traceRequests` logs the steps of a request, `enabled` what its translation lost, each beside the one line of all."""
    one = in_process(f"{ONE}debug: {debug}\n", {"up": [Answer(HELLO)]})
    one.router.journal = Journal(tmp_path)
    await one.post({**STREAM, "top_k": 5})
    one.router.journal.close()
    (log,) = tmp_path.glob("*.log")
    lines = [json.loads(line) for line in log.read_text().splitlines()]

    assert sorted(line["message"] for line in lines) == sorted([*steps, "exchange"])
    assert len({line["requestId"] for line in lines}) == 1


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("DELETE", "/", "GET, HEAD, OPTIONS"),
        ("DELETE", "/v1/models", "GET, OPTIONS"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_told_which_it_takes(method: str, path: str, allowed: str) -> None:
    """405 has `allow`, as RFC 9110 (15.5.6) wants it."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post(b"", path, method=method)

    assert got.status == 405
    assert got.headers["allow"] == allowed


async def test_health_can_be_asked_without_a_body() -> None:
    """`HEAD /health` has the status of `GET /health`: load balancers probe that way."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    got = await one.post(b"", "/health", method="HEAD")

    assert got.status == 200
    assert got.body == b""
