"""A loopback HTTP/1.1 server that plays scripted answers and keeps what it received.

It runs in a thread of its own, so that sync and async tests may use it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from typing import Self

from tests.fakes.wire import Answer, Close, Hold, Received, Reset, Responder, Send, Until, Wait


class LoopbackServer:
    """Answers every request on a free port of 127.0.0.1 with what `respond` says, and keeps what it received.

    >>> with LoopbackServer(lambda request: json_answer(200, {})) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, respond: Responder, port: int = 0) -> None:
        self.respond = respond
        self.received: list[Received] = []
        self.errors: list[BaseException] = []
        self.open_connections = 0
        self.accepted = 0
        self._socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"fake:{self.port}")
        self._ready = threading.Event()
        self._arrived = threading.Condition()

    @property
    def url(self) -> str:
        """The base URL, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Closes the listener and every connection; idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5)
        assert not self.errors, self.errors

    def wait_for(self, count: int, timeout_s: float = 5.0) -> list[Received]:
        """What was received, once there are `count` requests. Raises `AssertionError` when they do not come."""
        with self._arrived:
            ok = self._arrived.wait_for(lambda: len(self.received) >= count, timeout_s)
        assert ok, f"{len(self.received)} of {count} requests arrived in {timeout_s} s"
        return list(self.received)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.accepted += 1
            task = self._loop.create_task(self._connection(reader, writer, self.accepted))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(accept, sock=self._socket, limit=2**26)
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.open_connections += 1
        try:
            while (request := await _read(reader, number)) is not None:
                with self._arrived:
                    self.received.append(request)
                    self._arrived.notify_all()
                if not await self._answer(request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:
            self.errors.append(error)
        finally:
            self.open_connections -= 1
            writer.close()

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Plays the answer; false when the connection is over."""
        answer = self.respond(request)
        try:
            async with asyncio.TaskGroup() as group:
                playing = group.create_task(_play(answer, writer))
                leaving = group.create_task(_departure(reader))
                await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
                finished = playing.done()
                playing.cancel()
                leaving.cancel()
        except* ConnectionError:
            finished = False
        if not finished:
            request.gone.set()
        request.done.set()
        return finished and playing.result()


async def _read(reader: asyncio.StreamReader, number: int) -> Received | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    start, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = start.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    path, _, query = target.partition("?")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, query, headers, body, number)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(pieces)


async def _departure(reader: asyncio.StreamReader) -> None:
    """Returns when the other side leaves (nobody here pipelines, so a byte would be an error)."""
    try:
        early = await reader.read(1)
    except ConnectionError:
        return
    assert not early, "a request came before the answer to the one before was over"


async def _play(answer: Answer, writer: asyncio.StreamWriter) -> bool:
    """Performs the steps; true when the connection can carry another request. Raises `ConnectionError` when nobody reads any more."""
    for step in answer:
        match step:
            case Send(data):
                writer.write(data)
                await writer.drain()
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Hold():
                await asyncio.Event().wait()
            case Until(event):
                while not event.is_set():  # set from another thread
                    await asyncio.sleep(0.005)
            case Reset():
                raw: socket.socket = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case Close():
                return False
    return True


class Refusing:
    """A port that refuses every connection and that nobody else can take meanwhile."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """The base URL, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
