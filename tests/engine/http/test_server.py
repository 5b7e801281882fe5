"""How serving ends: who is still answered, who is told, who is closed. Over loopback, in one process."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.app import entry_of
from engine.http.guarded import Guard
from engine.http.listener import admit_no_more, listen
from engine.http.server import HttpServer
from engine.router import random_id
from engine.settings import ConnectionSettings
from tests.engine.test_exchange import ASK, HELLO, ONE, STREAM
from tests.fakes.gateway import Answer, InProcess, in_process
from tests.fakes.stream_reader import check_grammar, events_in

pytestmark = pytest.mark.integration

HANGING = Answer(HELLO[:2], hang=True)
SILENT = Answer(hang=True)
ONLY_LOOPBACK = """
  customRules:
    - condition: {not: {clientIp: {cidr: 127.0.0.0/8}}}
      target: {reject: {status: 403, message: not from here}}
"""


@asynccontextmanager
async def serving(
    *answers: Answer, config: str = ONE, limits: ConnectionSettings | None = None, most: int = 1000
) -> AsyncIterator[tuple[InProcess, HttpServer, int]]:
    one = in_process(config, {"up": answers})
    guard = Guard(lambda: limits or ConnectionSettings(), lambda: one.router.gateway.revision, random_id, most)
    server = HttpServer(entry_of(one.router), guard)
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    await server.open(listener)
    at_once = asyncio.Event()
    at_once.set()
    try:
        yield one, server, port
    finally:
        await server.drain(0, at_once)


def request(body: object, close: bool = False, more: str = "") -> bytes:
    data = json.dumps(body).encode()
    ending = more + ("connection: close\r\n" if close else "")
    head = f"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n{ending}content-length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def asked(port: int, body: object, close: bool = False) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(body, close))
    return reader, writer


def unchunked(raw: bytes) -> bytes:
    """The body of a whole answer in chunked coding."""
    _, _, rest = raw.partition(b"\r\n\r\n")
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read(-1)


async def test_a_client_cannot_choose_its_address() -> None:
    """`X-Forwarded-For` is not believed, from loopback neither: `clientIp` is where the connection comes from."""
    async with serving(Answer(HELLO), config=ONE + ONLY_LOOPBACK) as (_, _, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(ASK, True, "x-forwarded-for: 10.1.2.3\r\nx-forwarded-proto: https\r\n"))
        assert (await rest_of(reader)).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_an_open_stream_may_end_by_itself() -> None:
    """Draining waits for it, takes nobody new meanwhile, and breaks nothing off."""
    gate = asyncio.Event()
    async with serving(Answer(HELLO, until=(2, gate))) as (_, server, port):
        reader, writer = await asked(port, STREAM)
        await reader.readuntil(b"content_block_delta")
        async with asyncio.TaskGroup() as group:
            draining = group.create_task(server.drain(30, asyncio.Event()))
            await asyncio.sleep(0.05)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            assert not draining.done()
            gate.set()
            assert b"message_stop" in await rest_of(reader)
        assert draining.result() == 0
        writer.close()


@pytest.mark.parametrize("body", [ASK, STREAM])
async def test_an_answer_that_begins_while_it_stops_is_the_last_there(body: object) -> None:
    """It says so, though its request came before: nobody sends another behind it that would be lost."""
    gate = asyncio.Event()
    async with serving(Answer(HELLO, until=(0, gate))) as (one, server, port):
        reader, writer = await asked(port, body)
        while not one.transports["up"].sent:
            await asyncio.sleep(0.001)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.drain(30, asyncio.Event()))
            await asyncio.sleep(0.05)
            gate.set()
            head, _, _ = (await rest_of(reader)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close" in head
        writer.close()


async def test_what_does_not_end_in_time_is_told_so() -> None:
    """A stream ends in a well-formed `event: error`, a request without an answer yet in a 503, and nothing is held."""
    async with serving(HANGING, SILENT) as (one, server, port):
        streaming, first = await asked(port, STREAM)
        begun = await streaming.readuntil(b"content_block_delta")
        waiting, second = await asked(port, ASK)
        while one.router.counters.open_exchanges < 2:
            await asyncio.sleep(0.001)
        assert await server.drain(0.05, asyncio.Event()) == 2

        body = unchunked(begun + await rest_of(streaming))
        assert check_grammar(list(events_in(body))) == "error"
        assert b"shutting down" in body
        head, _, data = (await rest_of(waiting)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert json.loads(data)["error"]["type"] == "api_error"
        assert one.router.counters.open_exchanges == 0
        assert one.router.gateway.registry["up"].inflight == 0
        first.close()
        second.close()


async def test_a_second_signal_does_not_wait() -> None:
    """`at_once` breaks off what is open, whatever time is left."""
    async with serving(HANGING) as (_, server, port):
        reader, writer = await asked(port, STREAM)
        await reader.readuntil(b"content_block_delta")
        at_once = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            draining = group.create_task(server.drain(3600, at_once))
            await asyncio.sleep(0.03)
            at_once.set()
            assert b"event: error" in await rest_of(reader)
        assert draining.result() == 1
        writer.close()


async def test_idle_connections_hold_nothing_up() -> None:
    """A kept connection is closed, whatever time there is to drain."""
    async with serving(Answer(HELLO)) as (_, server, port):
        reader, writer = await asked(port, ASK)
        await reader.readuntil(b'"stop_sequence":null')
        async with asyncio.timeout(5):
            assert await server.drain(3600, asyncio.Event()) == 0
        await rest_of(reader)
        writer.close()


async def test_the_next_request_on_a_kept_connection_is_answered() -> None:
    """One that was on its way when the router was told to stop is not lost: its answer says that it is the last there."""
    async with serving(Answer(HELLO)) as (_, server, port):
        reader, writer = await asked(port, ASK)
        await reader.readuntil(b"}}")
        async with asyncio.TaskGroup() as group:
            draining = group.create_task(server.drain(3600, asyncio.Event()))
            await asyncio.sleep(0.02)
            writer.write(request(ASK))
            answer = await rest_of(reader)
        writer.close()

    assert draining.result() == 0
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize("close", ["shutdown", "timeout_keep_alive_handler"])
async def test_a_request_that_nobody_has_read_yet_keeps_its_connection(close: str) -> None:
    """The end of an idle connection, and of the server, takes no request that is in the system's buffer already."""
    loop = asyncio.get_running_loop()
    async with serving(Answer(HELLO)) as (_, server, port):
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", port))
            await loop.sock_sendall(client, request(ASK))
            assert (await loop.sock_recv(client, 65_536)).endswith(b"}")
            connection: Any = next(iter(server._state.connections))
            client.send(request(ASK, close=True))
            getattr(connection, close)()
            assert (await loop.sock_recv(client, 65_536)).startswith(b"HTTP/1.1 200 ")


def test_nobody_gets_through_to_a_port_that_is_about_to_close() -> None:
    """Who connects then is not in the queue that a close resets (where the system has filters); who was there still is."""
    listener = listen("127.0.0.1", 0)
    with listener, socket.socket() as early, socket.socket() as late:
        early.connect(listener.getsockname())
        admit_no_more(listener)
        late.setblocking(False)
        late.connect_ex(listener.getsockname())
        accepted, peer = listener.accept()
        with accepted:
            assert peer == early.getsockname()
            early.sendall(b"still here")
            assert accepted.recv(100) == b"still here"
        if sys.platform == "linux":
            with pytest.raises(BlockingIOError):
                listener.accept()


async def test_connections_in_the_queue_of_the_system_are_answered() -> None:
    """Whoever was connected when the router was told to stop gets an answer, though nobody had accepted it yet."""
    async with serving(Answer(HELLO)) as (_, server, port):
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        for client in clients:
            client.sendall(request(ASK))
        await server.drain(10, asyncio.Event())  # nothing else ran on this loop since they connected
        for client in clients:
            answer = b""
            while piece := client.recv(65_536):
                answer += piece
            client.close()
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            assert b"connection: close" in answer.lower()


async def test_without_time_to_drain_requests_on_their_way_are_told_so() -> None:
    """Whoever had connected just before gets a proper error for the request it sends now, not a lost connection."""
    async with serving(SILENT) as (_, server, port):
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        async with asyncio.TaskGroup() as group:
            draining = group.create_task(server.drain(0, asyncio.Event()))
            await asyncio.sleep(0.02)
            for _, writer in connections:
                writer.write(request(ASK))
            answers = [await rest_of(reader) for reader, _ in connections]
        for _, writer in connections:
            writer.close()

    assert draining.result() == 20
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 503 "), answer
        assert b'"type":"error"' in answer
