"""Whatever an upstream sends and however slowly a client reads: the memory of a stream is bounded, and so are connections."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e.asking import body, post
from tests.fakes.router import Router, configuration
from tests.fakes.stream_reader import check_grammar
from tests.fakes.upstream import Say, Upstream, chunk_of, sse
from tests.fakes.wire import Answer, Close, Received, Send, Wait, chunked, head

pytestmark = pytest.mark.e2e

MB = 1_000_000
GROWTH_MB = 90.0
"""How much more memory the router may take for an upstream that does not stop: a whole reply may have 64 MB."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as one:
        yield one


@pytest.fixture(scope="module")
def router(upstream: Upstream) -> Iterator[Router]:
    config = configuration(upstream.url)
    usual = config["providers"]["fake"]
    pool = {"maxConnections": 2, "timeout": 300}
    config["providers"]["narrow"] = {**usual, "settings": {**usual["settings"], "connectionPool": pool}}
    with Router(config) as one:
        post(one.url, body())
        yield one


def endless(piece: bytes, megabytes: int, content_type: str = "text/event-stream") -> Answer:
    """So many megabytes of the same, in chunked coding."""
    block = piece * (100_000 // len(piece) + 1)
    frame = Send(b"%x\r\n%s\r\n" % (len(block), block))
    start = head(200, {"content-type": content_type, "transfer-encoding": "chunked"})
    return (Send(start), *([frame] * (megabytes * MB // len(block))), Close())


TEXT = sse(chunk_of("fake-model", {"content": "all work and no play " * 40}))
_PART = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "1, " * 300}}
CALL = sse(chunk_of("fake-model", {"tool_calls": [_PART]}))


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("piece", "megabytes", "content_type"),
    [
        (b"x", 150, "text/event-stream"),
        (b"data: x\n", 150, "text/event-stream"),
        (b": ping\n\n", 4, "text/event-stream"),
        (TEXT, 150, "text/event-stream"),
        (CALL, 150, "text/event-stream"),
        (b" ", 150, "application/json"),
    ],
    ids=["a line without end", "an event without end", "comments", "text", "a call", "blanks before JSON"],
)
def test_an_upstream_that_does_not_stop(
    router: Router, upstream: Upstream, piece: bytes, megabytes: int, content_type: str, streamed: bool
) -> None:
    """It ends in a reply or an error, and takes no more memory than its bound."""
    upstream.forget()
    upstream.always(endless(piece, megabytes, content_type))
    before = router.resident_mb()
    connection = http.client.HTTPConnection("127.0.0.1", router.port, timeout=120)
    connection.request("POST", "/v1/messages", json.dumps(body(stream=streamed)), {"content-type": "application/json"})
    answer = connection.getresponse()
    highest = before
    while answer.read1(MB):
        highest = max(highest, router.resident_mb())
    connection.close()

    assert max(highest, router.resident_mb()) - before < GROWTH_MB


def test_a_client_that_does_not_read_holds_the_upstream_up(router: Router, upstream: Upstream) -> None:
    """The router takes from the upstream what the client takes from it, and a little more."""
    upstream.forget()
    upstream.then(endless(TEXT, 100))
    before = router.resident_mb()
    connection = http.client.HTTPConnection("127.0.0.1", router.port, timeout=10)
    connection.request("POST", "/v1/messages", json.dumps(body(stream=True)), {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read1(1000)
    time.sleep(1.0)  # time enough for all of it, if nothing held it up
    (received,) = upstream.chats
    assert not received.done.is_set()
    assert router.resident_mb() - before < 16
    answer.close()
    connection.close()
    assert received.gone.wait(5), "the upstream was not let go"


def test_connections_are_as_many_as_the_pool_allows(router: Router, upstream: Upstream) -> None:
    """Two at once; who waits too long for one reads that the router is busy, and nothing is sent for it."""
    upstream.forget()

    def slow(request: Received) -> Answer:
        return (Wait(1.0), *Say("ok")(request))

    upstream.always(slow)
    started = [http.client.HTTPConnection("127.0.0.1", router.port, timeout=10) for _ in range(4)]
    for connection in started:
        connection.request("POST", "/v1/messages", json.dumps(body(model="narrow,fake-model")))
    statuses = sorted(connection.getresponse().status for connection in started)
    for connection in started:
        connection.close()

    assert statuses == [200, 200, 529, 529]
    assert len(upstream.chats) == 2


def test_a_stream_within_bounds_is_whole(router: Router, upstream: Upstream) -> None:
    """Five megabytes of text, more than any answer of a model, come through."""
    upstream.forget()
    end = [sse(chunk_of("fake-model", {}, "stop")), b"data: [DONE]\n\n"]
    upstream.then(chunked([TEXT * 100] * 60 + end))
    got = post(router.url, body(stream=True))

    assert check_grammar(got.events) == "stop"
    assert len(got.data) > 5 * MB
