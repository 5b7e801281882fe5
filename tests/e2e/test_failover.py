"""A provider with two instances: what one fails to answer before the first byte, the other answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.asking import body, post
from tests.fakes.loopback import Refusing
from tests.fakes.router import Router, configuration
from tests.fakes.stream_reader import check_grammar, content_of
from tests.fakes.upstream import OVERLOAD, USAGE, Say, Upstream, failing, html, raw_stream
from tests.fakes.wire import Answer, Close, Hold, Received, Reset, Responder, whole

pytestmark = pytest.mark.e2e

FIRST_BYTE_MS = 400

FAULTS: dict[str, Responder] = {
    "429": failing(429),
    "500": failing(500),
    "502 page": html(502),
    "503": failing(503),
    "529": failing(529),
    "reset": lambda request: (Reset(),),
    "closed": lambda request: (Close(),),
    "hangs": lambda request: (Hold(),),
    "401 of our key": failing(401),
    "empty": lambda request: whole(200, b""),
    "empty stream": raw_stream(),
    "overload at the first event": raw_stream(OVERLOAD),
    "page with 200": html(200),
    "nothing said": Say(""),
}


class Once:
    """Fails the first request it sees, on whichever instance, and answers all others."""

    def __init__(self, fault: Responder) -> None:
        self._fault = fault
        self._lock = threading.Lock()
        self.faults = 1

    def __call__(self, request: Received) -> Answer:
        with self._lock:
            fails = self.faults > 0
            self.faults -= fails
        return self._fault(request) if fails else Say("from the other")(request)


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as first, Upstream() as second:
        yield first, second


@pytest.fixture(scope="module")
def two(pair: tuple[Upstream, Upstream]) -> Iterator[Router]:
    """A router with a provider of these two instances for every case (header `x-case`), since faults leave marks on a pool."""
    config = configuration(*(upstream.url for upstream in pair))
    provider = {**config["providers"]["fake"], "timeouts": {"firstByte": FIRST_BYTE_MS}}
    names = [f"case-{number}" for number in range(2 * len(FAULTS) + 2)]
    config["providers"] = {"fake": provider, **dict.fromkeys(names, provider)}
    config["routing"]["customRules"] = [
        {
            "name": f"to {name}",
            "condition": {"header.x-case": name},
            "target": {"provider": name, "model": "fake-model"},
        }
        for name in names
    ]
    with Router(config) as router:
        yield router


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_instance_answers(pair: tuple[Upstream, Upstream], two: Router, fault: str, streamed: bool) -> None:
    """A retryable fault before the first byte costs another try, not the request."""
    once = Once(FAULTS[fault])
    for upstream in pair:
        upstream.forget()
        upstream.always(once)
    got = post(two.url, body(stream=streamed), **{"x-case": f"case-{2 * list(FAULTS).index(fault) + streamed}"})
    assert got.status == 200, got
    content = content_of(got.events) if streamed else got.json["content"]
    assert [block["text"] for block in content] == ["from the other"]
    assert once.faults == 0
    assert [len(upstream.chats) for upstream in pair] == [1, 1]


def test_a_refusing_instance_is_passed_over(pair: tuple[Upstream, Upstream]) -> None:
    """A connection refused goes to the other instance, each time."""
    pair[0].forget()
    with Refusing() as nobody, Router(configuration(nobody.url, pair[0].url)) as router:
        assert [post(router.url, body(stream=number % 2 == 0)).status for number in range(6)] == [200] * 6
    assert len(pair[0].chats) == 6


def test_silence_is_the_answer_when_nobody_says_more(pair: tuple[Upstream, Upstream]) -> None:
    """It is asked for once more, then passed on; the instance does not rest, for any client could ask for silence."""
    pair[0].forget()
    pair[0].always(Say(""))
    with Router(configuration(pair[0].url)) as router:
        whole, streamed = (post(router.url, body(stream=stream)) for stream in (False, True))
        status = json.loads(router.get("/status")[2])
    assert (whole.status, streamed.status) == (200, 200)
    assert whole.json["content"] == content_of(streamed.events) == []
    assert whole.json["stop_reason"] == "end_turn"
    assert whole.json["usage"]["output_tokens"] == USAGE["completion_tokens"]
    for got in (whole, streamed):
        asked, answered = got.headers["x-ccr-path"].split(", ")
        assert asked == f"{answered};error=silent"
        assert got.headers["x-ccr-attempts"] == "2"
    assert status["providers"][0]["instances"][0]["state"] == "closed"
    assert len(pair[0].chats) == 4


def test_instances_take_turns(pair: tuple[Upstream, Upstream]) -> None:
    """Healthy instances are served round-robin."""
    for upstream in pair:
        upstream.forget()
    with Router(configuration(*(upstream.url for upstream in pair))) as router:
        for _ in range(8):
            assert post(router.url, body()).status == 200
    assert [len(upstream.chats) for upstream in pair] == [4, 4]


def test_a_client_mistake_is_not_tried_again(pair: tuple[Upstream, Upstream], two: Router) -> None:
    """A 400 is answered at once: no other instance is asked."""
    for upstream in pair:
        upstream.forget()
        upstream.always(failing(400))
    assert post(two.url, body(), **{"x-case": f"case-{2 * len(FAULTS)}"}).status == 400
    assert sum(len(upstream.chats) for upstream in pair) == 1


def test_nothing_is_tried_again_after_the_first_byte(pair: tuple[Upstream, Upstream], two: Router) -> None:
    """A stream that breaks after its first part is not started anew elsewhere."""
    for upstream in pair:
        upstream.forget()
        upstream.always(lambda request: (*Say("hello world, this is long")(request)[:4], Reset()))
    got = post(two.url, body(stream=True), **{"x-case": f"case-{2 * len(FAULTS) + 1}"})
    assert check_grammar(got.events) == "error"
    assert sum(len(upstream.chats) for upstream in pair) == 1
