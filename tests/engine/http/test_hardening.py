"""The attack table of the socket and the body: each malformed, oversized, slow or excessive input with what it gets."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.http.guarded import MAX_HEAD_BYTES
from engine.http.server import HttpServer
from engine.settings import ConnectionSettings
from schemas.limits import MAX_BLOCKS, MAX_MESSAGES, MAX_TOOLS
from tests.engine.http.test_server import request, rest_of, serving
from tests.engine.test_exchange import ASK, HELLO, ONE, STREAM
from tests.fakes.gateway import Answer, InProcess, in_process, streamed

pytestmark = pytest.mark.integration

DEEP = 100_000
HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n"
GET = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\n"
BODY = json.dumps(ASK).encode()
SIZED = HEAD + b"content-length: %d\r\n" % len(BODY)

MALFORMED: list[tuple[str, bytes, int]] = [
    ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("two lengths", SIZED + b"content-length: 5\r\n\r\n" + BODY, 400),
    ("the same length twice", SIZED + b"content-length: %d\r\n\r\n" % len(BODY) + BODY, 400),
    ("a length and chunks", SIZED + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n" + BODY, 400),
    ("chunks and a length", HEAD + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", 400),
    ("an unknown coding", HEAD + b"transfer-encoding: chunkey\r\n\r\n0\r\n\r\n", 400),
    ("a coding after chunked", HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("a blank before the colon", HEAD + b"content-length : 5\r\n\r\nhello", 400),
    ("a negative length", HEAD + b"content-length: -5\r\n\r\nhello", 400),
    ("a length with a sign", HEAD + b"content-length: +5\r\n\r\nhello", 400),
    ("a list of lengths", HEAD + b"content-length: 5, 5\r\n\r\nhello", 400),
    ("a length beyond numbers", HEAD + b"content-length: 99999999999999999999\r\n\r\nhello", 400),
    ("a folded header", HEAD + b"x-a: b\r\n c: d\r\n\r\n", 400),
    ("a bare line feed in a header", HEAD + b"x-a: b\nx-c: d\r\n\r\n", 400),
    ("a NUL in a header", HEAD + b"x-a: b\x00c\r\n\r\n", 400),
    ("a chunk size that is none", HEAD + b"transfer-encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n", 400),
    ("a chunk without its end", HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n", 400),
    ("a target of another scheme", b"GET :// HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
    ("a tunnel", b"CONNECT 192.0.2.1:443 HTTP/1.1\r\nhost: 192.0.2.1:443\r\n\r\n", 400),
    ("one endless header", HEAD + b"x-a: " + b"a" * (MAX_HEAD_BYTES + 1), 431),
    ("an endless target", b"GET /" + b"a" * (MAX_HEAD_BYTES + 1), 431),
    ("headers without end", HEAD + b"a: b\r\n" * (MAX_HEAD_BYTES // 6 + 1), 431),
    ("empty lines without end", b"\r\n" * (MAX_HEAD_BYTES // 2 + 1), 431),
    ("too many headers", HEALTH + b"connection: close\r\n" + b"a: b\r\n" * 201 + b"\r\n", 431),
    ("headers too large", HEALTH + b"connection: close\r\na: " + b"b" * 65_537 + b"\r\n\r\n", 431),
    ("a compressed body", HEAD + b"connection: close\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello", 415),
    ("a path into the file system", b"GET /../../etc/passwd HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", 404),
    ("a coded path", b"GET /v1/models/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", 404),
    ("a URL of another host", b"GET http://192.0.2.1/health HTTP/1.1\r\nhost: 192.0.2.1\r\nconnection: close\r\n\r\n", 421),
]  # fmt: skip


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(Answer(HELLO)) as (_, _, number):
        yield number


async def said(port: int, data: bytes) -> bytes:
    """What comes back for these bytes, to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await rest_of(reader)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(("data", "status"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
async def test_what_is_no_proper_request_gets_one_error(port: int, data: bytes, status: int) -> None:
    """It is Anthropic's error, it is the only answer, and the connection is over where what follows cannot be read."""
    raw = await said(port, data)
    head, _, body = raw.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status), raw[:200]
    assert raw.count(b"HTTP/1.1 ") == 1
    assert b"\r\nrequest-id: req_" in head
    assert b"\r\nx-ccr-revision: " in head
    error = json.loads(body)
    assert error["type"] == "error"
    assert error["error"]["message"]
    assert (await said(port, GET + b"connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 "), "the router goes on"


def nested(levels: int, member: str) -> bytes:
    return json.dumps({**ASK, member: "@"}).replace('"@"', '{"a":' * levels + "1" + "}" * levels).encode()


def called(levels: int) -> bytes:
    call = {"type": "tool_use", "id": "a", "name": "b", "input": "@"}
    asked = {**ASK, "messages": [{"role": "assistant", "content": [call]}, {"role": "user", "content": "x"}]}
    return json.dumps(asked).replace('"@"', '{"a":' * levels + "1" + "}" * levels).encode()


def described(levels: int) -> bytes:
    tool = {"name": "b", "input_schema": "@"}
    return json.dumps({**ASK, "tools": [tool]}).replace('"@"', '{"a":' * levels + "1" + "}" * levels).encode()


def results(levels: int) -> bytes:
    inner = '[{"type":"tool_result","tool_use_id":"a","content":' * levels + '""' + "}]" * levels
    return json.dumps({**ASK, "messages": [{"role": "user", "content": "@"}]}).replace('"@"', inner).encode()


BODIES: list[tuple[str, bytes, str]] = [
    ("an unknown member", nested(DEEP, "x"), "nested too deeply"),
    ("metadata", nested(DEEP, "metadata"), "nested too deeply"),
    ("thinking", nested(DEEP, "thinking"), "nested too deeply"),
    ("messages", nested(DEEP, "messages"), "nested too deeply"),
    ("a call", called(DEEP), "nested too deeply"),
    ("a tool", described(DEEP), "nested too deeply"),
    ("results in results", results(DEEP), "nested too deeply"),
    ("brackets alone", b"[" * DEEP, "JSON object"),
    ("an open object", b'{"a":' * DEEP, "nested too deeply"),
    ("no UTF-8", b'{"model": "\xff"}', "not valid UTF-8"),
    ("a number beyond numbers", json.dumps({**ASK, "max_tokens": "@"}).replace('"@"', "9" * 5000).encode(), "max_tokens"),
]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/v1/chat/completions", "/v1/messages/count_tokens", "/v1/ccr/explain"]
)
@pytest.mark.parametrize(("body", "words"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
async def test_bodies_beyond_measure_are_the_clients_mistake(
    router: InProcess, body: bytes, words: str, path: str
) -> None:
    """They get a 400 on every path (which says why on the hot one), nothing is sent, and nothing of ours breaks."""
    got = await router.post(body, path=path)

    assert got.status == 400, got.body[:300]
    assert path != "/v1/messages" or words in got.json()["error"]["message"]
    assert router.transports["up"].sent == []


COUNTS: list[tuple[str, bytes, str]] = [
    ("messages by number", json.dumps({**ASK, "messages": [{"role": "user", "content": ""}] * (MAX_MESSAGES + 1)}).encode(), "messages: List should have at most"),
    ("blocks by number", json.dumps({**ASK, "messages": [{"role": "user", "content": [{"type": "text", "text": ""}] * (MAX_BLOCKS + 1)}]}).encode(), "blocks in all"),
    ("tools by number", json.dumps({**ASK, "tools": [{"name": "a"}] * (MAX_TOOLS + 1)}).encode(), "tools: List should have at most"),
    ("system blocks by number", json.dumps({**ASK, "system": [{"type": "text", "text": ""}] * (MAX_BLOCKS + 1)}).encode(), "system: List should have at most"),
]  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/ccr/explain"])
@pytest.mark.parametrize(("body", "words"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS])
async def test_too_many_of_anything_is_the_clients_mistake(
    router: InProcess, body: bytes, words: str, path: str
) -> None:
    """It gets a 400 before anything is made of it."""
    got = await router.post(body, path=path)

    assert got.status == 400, got.body[:300]
    assert words in got.json()["error"]["message"]


@pytest.mark.parametrize("levels", [400, 900, 940, 970, 990])
@pytest.mark.parametrize("make", [called, described, results, lambda levels: nested(levels, "metadata")])
async def test_any_depth_is_served_or_refused(router: InProcess, make: Callable[[int], bytes], levels: int) -> None:
    """Between what is read everywhere and what is read nowhere there is no depth at which the router fails."""
    for path in ("/v1/messages", "/v1/messages/count_tokens", "/v1/ccr/explain"):
        got = await router.post(make(levels), path=path)
        assert got.status in (200, 400), (path, got.body[:300])


@pytest.fixture
def router() -> InProcess:
    return in_process(ONE, {"up": [Answer(HELLO)]})


QUICK = ConnectionSettings(head_s=0.05, body_s=0.05, request_s=0.2, stall_s=0.1, idle_s=0.2)


@asynccontextmanager
async def swept(
    *answers: Answer, limits: ConnectionSettings = QUICK, most: int = 1000
) -> AsyncIterator[tuple[InProcess, HttpServer, int]]:
    """A server that looks at its connections all the time."""
    async with serving(*answers, limits=limits, most=most) as (one, server, port), asyncio.TaskGroup() as group:

        async def sweep() -> None:
            while True:
                server.look()
                await asyncio.sleep(0.01)

        task = group.create_task(sweep())
        try:
            yield one, server, port
        finally:
            task.cancel()


SLOW: list[tuple[str, bytes, bytes]] = [
    ("a line without end", b"POST /v1/mess", b"408"),
    ("a head without end", HEAD + b"content-length: 5\r\n", b"408"),
    ("a body that does not come", SIZED + b"\r\n", b"408"),
    ("a body that stops", SIZED + b"\r\n" + BODY[:10], b"408"),
    ("a chunk that stops", HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhel", b"408"),
    ("nothing at all", b"", b""),
]


@pytest.mark.parametrize(("data", "status"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
async def test_slow_clients_are_told_and_let_go(data: bytes, status: bytes) -> None:
    """Whatever does not arrive in time ends in a 408, and silence in silence; nothing is left open."""
    async with swept(Answer(HELLO)) as (one, server, port):
        raw = await said(port, data)

        assert raw[9:12] == status
        assert raw.count(b"HTTP/1.1 ") == (1 if status else 0)
        while server.connections()["open"] or one.router.counters.open_exchanges:
            await asyncio.sleep(0.001)
        assert one.transports["up"].sent == []


async def test_a_body_that_drips_ends_too() -> None:
    """A byte now and then is not enough: the whole body has its time."""
    async with swept(Answer(HELLO)) as (_, server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 100000\r\n\r\n")
        while not server.connections()["timedOut"]:
            writer.write(b" ")
            await asyncio.sleep(0.01)
        writer.close()


async def test_bodies_of_all_together_have_a_limit() -> None:
    """What is uploaded at a time is bounded in sum, too; who comes too much is told to try again, and later is served."""
    config = ONE + "server: {connections: {maxBodyMegabytes: 34}}\n"
    large = {**ASK, "metadata": {"x": "x" * 10_000_000}}
    async with serving(Answer(HELLO), config=config) as (one, _, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 30000000\r\n\r\n" + b" " * 29_000_000)
        while one.router.body_bytes < 29_000_000:
            await asyncio.sleep(0.001)
        reader, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(request(large))
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 529 ")
        assert b"retry-after: 2" in await reader.readuntil(b"\r\n\r\n")
        assert b"overloaded_error" in await reader.readuntil(b"}")
        other.close()
        assert (await said(port, request(ASK, close=True))).startswith(b"HTTP/1.1 200 ")
        writer.close()
        while one.router.body_bytes:
            await asyncio.sleep(0.001)
        assert (await said(port, request(large, close=True))).startswith(b"HTTP/1.1 200 ")


async def test_a_refused_body_is_not_listened_to_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a 413 the client may go on for a moment, and no longer."""
    monkeypatch.setattr("engine.http.guarded.LINGER_S", 0.05)
    async with swept(Answer(HELLO)) as (_, server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 33554433\r\n\r\n")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413 ")
        while server.connections()["open"]:
            await asyncio.sleep(0.001)
        writer.close()


@pytest.mark.parametrize("close", [b"", b"connection: close\r\n"], ids=["kept", "close"])
@pytest.mark.parametrize("end", [b"content-length: 6000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"])
async def test_a_refusal_reaches_who_still_sends(close: bytes, end: bytes) -> None:
    """Who sends a whole body before it reads finds the answer that came meanwhile, not a reset, and only that one."""
    async with serving(Answer(HELLO)) as (_, server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + close + b"content-encoding: gzip\r\n" + end)
        await reader.readuntil(b"HTTP/1.1 415 ")
        for _ in range(60):
            writer.write(b"186A0\r\n" + b"x" * 100_000 + b"\r\n" if b"chunked" in end else b"x" * 100_000)
            await writer.drain()
        assert b"content-encoding" in await reader.readuntil(b"}")
        await reader.readuntil(b"}")
        writer.write_eof()
        assert await reader.read() == b""
        while server.connections()["open"]:
            await asyncio.sleep(0.001)
        writer.close()


async def test_a_client_that_does_not_read_is_let_go() -> None:
    """An answer that nobody takes ends its connection, and its upstream with it."""
    much = streamed({"content": "all work and no play " * 3_000})[0]
    async with swept(Answer([much] * 400, hang=True)) as (one, server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(request(STREAM))
        while not server.connections()["timedOut"]:
            await asyncio.sleep(0.001)
        while server.connections()["open"] or one.router.counters.open_exchanges:
            await asyncio.sleep(0.001)
        assert one.router.gateway.registry["up"].inflight == 0
        assert one.transports["up"].closed == 1
        writer.close()


async def test_who_has_just_come_does_not_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a burst beyond the limit those who came first are served, and the others are told; nobody is just let go."""
    monkeypatch.setattr("engine.http.guarded.FRESH_S", 3600.0)
    async with swept(Answer(HELLO), limits=ConnectionSettings(max_open=4)) as (_, server, port):
        burst = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        while server.connections()["refused"] < 6:
            await asyncio.sleep(0.001)
        for _, writer in burst[:4]:
            writer.write(request(ASK, close=True))
        answers = [await rest_of(reader) for reader, _ in burst]
        for _, writer in burst:
            writer.close()

    assert [answer[9:12] for answer in answers] == [b"200"] * 4 + [b"503"] * 6


async def test_an_open_request_takes_two_places_of_the_system() -> None:
    """It may need a connection to an upstream, which is not to be had when clients have taken all."""
    gate = asyncio.Event()
    async with swept(Answer(HELLO, until=(1, gate)), limits=ConnectionSettings(), most=5) as (one, _, port):
        busy = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for _, writer in busy:
            writer.write(request(STREAM, close=True))
        while one.router.counters.open_exchanges < 2:
            await asyncio.sleep(0.001)
        assert (await said(port, GET + b"\r\n")).startswith(b"HTTP/1.1 503 ")
        gate.set()
        for reader, writer in busy:
            assert b"message_stop" in await rest_of(reader)
            writer.close()


async def test_idle_connections_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit the longest idle one goes; where all are busy, a newcomer reads why it is not served."""
    monkeypatch.setattr("engine.http.guarded.FRESH_S", 0.0)
    roomy = ConnectionSettings(max_open=3)
    gate = asyncio.Event()
    async with swept(Answer(HELLO, until=(1, gate)), limits=roomy) as (_, server, port):
        first = await asyncio.open_connection("127.0.0.1", port)
        others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        while server.connections()["idle"] < 3:
            await asyncio.sleep(0.001)
        late = await asyncio.open_connection("127.0.0.1", port)
        assert await rest_of(first[0]) == b""
        busy = [*others, late]
        for _, writer in busy:
            writer.write(request(STREAM, close=True))
        while server.connections()["idle"]:
            await asyncio.sleep(0.001)
        assert (await said(port, GET + b"\r\n")).startswith(b"HTTP/1.1 503 ")
        gate.set()
        for reader, _ in busy:
            assert b"message_stop" in await rest_of(reader)
        for _, writer in (first, *busy):
            writer.close()
        assert server.connections()["closedForRoom"] == 1
        assert server.connections()["refused"] == 1


@pytest.mark.parametrize(
    "behind", [b"GARBAGE\r\n\r\n", b"GET /" + b"a" * (MAX_HEAD_BYTES + 1)], ids=["garbage", "too much"]
)
async def test_a_second_request_cannot_answer_for_the_first(port: int, behind: bytes) -> None:
    """Garbage behind a good request neither stands in for its answer nor takes it away; the connection ends with it."""
    raw = await said(port, request(ASK) + behind)

    assert raw.count(b"HTTP/1.1 ") == 1
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert raw.endswith(b"}")


async def test_garbage_behind_a_request_takes_no_time_from_its_answer() -> None:
    """A client that was slow for a moment is not let go later for what it sent too much."""
    gate = asyncio.Event()
    much = streamed({"content": "all work and no play " * 3_000})[0]
    async with serving(Answer([much] * 200 + HELLO, until=(200, gate))) as (_, server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65_536)
        writer.write(request(STREAM) + b"GARBAGE\r\n\r\n")
        while not (connections := list(server._state.connections)):
            await asyncio.sleep(0)
        connection: Any = connections[0]
        while not connection.flow.write_paused:
            await asyncio.sleep(0)
        rest = asyncio.create_task(rest_of(reader))  # noqa: TID251 - awaited below
        while connection.flow.write_paused:
            await asyncio.sleep(0)
        assert connection.due == math.inf
        gate.set()
        assert b"message_stop" in await rest
        writer.close()


async def test_trailers_are_no_headers(port: int) -> None:
    """What comes after a body cannot add a header to its request."""
    chunked = HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    data = chunked + b"%x\r\n%s\r\n0\r\nhost: evil.example\r\nx-ccr-hop: x\r\n\r\n" % (len(BODY), BODY)

    assert (await said(port, data)).startswith(b"HTTP/1.1 200 ")


async def test_no_site_is_let_in_by_cors(port: int) -> None:
    """A preflight gets no `access-control-allow-*`, and neither does anything else."""
    preflight = b"OPTIONS /v1/messages HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\n"
    asked = b"access-control-request-method: POST\r\nconnection: close\r\n\r\n"
    for data in (preflight + asked, GET + b"origin: https://evil.example\r\nconnection: close\r\n\r\n"):
        assert b"access-control-allow" not in (await said(port, data)).lower()
