"""Streams in time: what is flushed when, silence, clients that leave."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.asking import body
from tests.fakes.router import Router, configuration
from tests.fakes.stream_reader import check_grammar, events_in
from tests.fakes.upstream import Say, Upstream, chunk_of, sse
from tests.fakes.wire import Answer, Hold, Received, Until, Wait, chunked

pytestmark = pytest.mark.e2e

FASTER_PINGS = """
import engine.http.pinger
engine.http.pinger.Pinger.__init__.__defaults__ = (0.2,)
"""


@contextlib.contextmanager
def opened(router: Router) -> Iterator[http.client.HTTPResponse]:
    """A stream whose head has come; leaving the block leaves the stream."""
    connection = http.client.HTTPConnection("127.0.0.1", router.port, timeout=10)
    connection.request("POST", "/v1/messages", json.dumps(body(stream=True)), {"content-type": "application/json"})
    response = connection.getresponse()
    try:
        yield response
    finally:
        response.close()
        connection.close()


def read_until(response: http.client.HTTPResponse, wanted: bytes) -> bytes:
    """What came, up to `wanted`."""
    seen = b""
    while wanted not in seen:
        piece = response.read1()
        assert piece, f"the stream ended before {wanted!r}: {seen!r}"
        seen += piece
    return seen


def test_each_event_is_sent_at_once(router: Router, upstream: Upstream) -> None:
    """The first words reach the client while the upstream still holds the rest back."""
    release = threading.Event()

    def answer(request: Received) -> Answer:
        steps = Say("first words|and the rest", fragment=11)(request)
        return (*steps[:3], Until(release), *steps[3:])

    upstream.then(answer)
    with opened(router) as response:
        early = read_until(response, b"first words")
        assert not release.is_set()
        release.set()
        whole = early + response.read()
    assert check_grammar(events_in(whole)) == "stop"


def test_a_client_that_leaves_stops_the_upstream(router: Router, upstream: Upstream) -> None:
    """Closing a stream closes the upstream's connection too, within moments."""
    upstream.then(lambda request: (*chunked([sse(chunk_of("m", {"content": "hello"}))], end=False), Hold()))
    with opened(router) as response:
        read_until(response, b"hello")
    assert upstream.received[0].gone.wait(5), "the upstream was not told"


def test_a_client_that_leaves_before_the_first_byte_stops_the_upstream(router: Router, upstream: Upstream) -> None:
    """So does giving up before anything came."""
    upstream.then(lambda request: (Hold(),))
    connection = http.client.HTTPConnection("127.0.0.1", router.port, timeout=10)
    connection.request("POST", "/v1/messages", json.dumps(body(stream=True)), {"content-type": "application/json"})
    (received,) = upstream.wait_for(1)
    connection.close()
    assert received.gone.wait(5), "the upstream was not told"


def test_a_silent_upstream_is_bridged_by_pings(shared_upstream: Upstream) -> None:
    """While the upstream is silent after the first part the client gets pings, and none before it."""
    upstream = shared_upstream
    with Router(configuration(upstream.url), prelude=FASTER_PINGS) as router:

        def answer(request: Received) -> Answer:
            steps = Say("first words|and the rest", fragment=11)(request)
            return (Wait(0.4), *steps[:3], Wait(0.9), *steps[3:])

        upstream.then(answer)
        with opened(router) as response:
            events = list(events_in(response.read()))
    assert check_grammar(events) == "stop"
    assert sum(event["type"] == "ping" for event in events[2:]) >= 2


def test_a_slow_client_does_not_fill_the_router(router: Router, upstream: Upstream) -> None:
    """While the client does not read, the router stops reading from the upstream: its memory stays flat."""
    piece = sse(chunk_of("m", {"content": "x" * 30_000}))
    upstream.then(lambda request: chunked([piece] * 2_000, end=False))
    before = router.resident_mb()
    with opened(router) as response:
        read_until(response, b"xxxx")
        assert not upstream.received[0].done.wait(1.0), "60 MB were taken from the upstream"
        assert router.resident_mb() < before + 30
    assert upstream.received[0].gone.wait(5)
