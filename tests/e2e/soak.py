"""`make soak`: 100,000 requests with 1 % faults; memory must stay flat, and no connection, file or task may be left over.

`python -m tests.e2e.soak [REQUESTS]`. The upstreams are one fast process with several ports; one request in a hundred is
answered badly, in ten different ways, and now and then a client leaves in the middle of its stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import uvloop

from tests.e2e.asking import WEATHER, body, message_request, read_reply
from tests.e2e.faults import SAID, judge
from tests.fakes.router import ROOT, Router, configuration
from tests.fakes.upstream import OVERLOAD, failing, sse
from tests.fakes.wire import Received, chunked, whole, wire_bytes

REQUESTS = 100_000
INSTANCES = 4
AT_ONCE = 32
REPORTS = 10
LEAVES_EVERY = 499
FLAT_MB = 8.0
"""How much the memory may have grown after the first fifth of the requests."""

_ASKED = Received("POST", "/v1/chat/completions", "", {}, b'{"model": "fake-model", "stream": true}', 0)
_WHOLE_ASKED = Received("POST", "/v1/chat/completions", "", {}, b'{"model": "fake-model"}', 0)
STREAM, WHOLE = wire_bytes(SAID(_ASKED)), wire_bytes(SAID(_WHOLE_ASKED))
FAULTS: tuple[tuple[bytes, bool], ...] = (
    (b"", True),
    (STREAM[: len(STREAM) // 2], True),
    (STREAM[:40], True),
    (wire_bytes(failing(500)(_ASKED)), False),
    (wire_bytes(failing(429, retry_after="1")(_ASKED)), False),
    (wire_bytes(failing(529)(_ASKED)), False),
    (wire_bytes(whole(200, b"\x00\xff garbage " * 20)), False),
    (wire_bytes(whole(200, b"")), False),
    (wire_bytes(chunked([OVERLOAD])), False),
    (wire_bytes(chunked([sse(chunk) for chunk in SAID.chunks("fake-model", False)[:3]] + [OVERLOAD])), False),
)
"""What is sent instead of an answer, and whether the connection is reset then."""


class Connection(asyncio.Protocol):
    """The upstream's side: every hundredth request fails, each time in another way."""

    def __init__(self, count: Iterator[int]) -> None:
        self._count = count
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            asked = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._answer(b'"stream":true' in asked)

    def _answer(self, streamed: bool) -> None:
        number = next(self._count)
        if number % 100:
            self._transport.write(STREAM if streamed else WHOLE)
            return
        data, reset = FAULTS[number // 100 % len(FAULTS)]
        self._transport.write(data)
        if reset:
            raw: socket.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


async def be_upstream() -> None:
    """Listens on `INSTANCES` ports, prints them, and serves until standard input ends."""
    loop, count = asyncio.get_running_loop(), iter(range(1, sys.maxsize))
    servers = [await loop.create_server(lambda: Connection(count), "127.0.0.1", 0) for _ in range(INSTANCES)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextlib.contextmanager
def upstreams() -> Iterator[list[str]]:
    """The upstream process; its URLs."""
    command = [sys.executable, "-m", "tests.e2e.soak", "upstream"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield [f"http://127.0.0.1:{port}" for port in process.stdout.readline().split()]
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


class Client:
    """Kept connections that ask one request after the other, and count what came of them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._requests = [message_request(body(stream=streamed, tools=[WEATHER])) for streamed in (False, True)]
        self.count: Counter[str] = Counter()
        self.doubled = 0
        self.first_loss = ""

    async def ask(self, numbers: Iterator[int]) -> None:
        """Asks until the numbers are used up."""
        pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for number in numbers:
            pair = pair or await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
            reader, writer = pair
            leaves = number % LEAVES_EVERY == 0
            writer.write(self._requests[1 if leaves else number % 2])
            try:
                if leaves:
                    await reader.readuntil(b"\r\n\r\n")
                    self.count["left"] += 1
                    writer.close()
                    pair = None
                    continue
                got = await read_reply(reader)
                self._note(*judge(got))
                if got.headers.get("connection") == "close":
                    writer.close()
                    pair = None
            except (OSError, EOFError, ValueError) as problem:
                self._note("lost", 0, repr(problem))
                writer.close()
                pair = None
        if pair is not None:
            pair[1].close()

    def _note(self, verdict: str, doubled: int, why: str) -> None:
        self.count[verdict] += 1
        self.doubled += doubled
        if verdict == "lost":
            self.first_loss = self.first_loss or why


def files_of(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def tasks_of(router: Router) -> tuple[int, Any]:
    """The router's tasks, and its whole status."""
    status = json.loads(router.get("/status")[2])
    return status["process"]["tasks"], status


async def soak(requests: int) -> list[str]:
    """Runs it, prints a line now and then, and gives what is wrong."""
    with upstreams() as urls:
        config = configuration(*urls)
        with Router(config, arguments=("--log-level", "error")) as router:
            client, numbers = Client(router.port), iter(range(1, requests + 1))
            tasks_before, _ = tasks_of(router)
            print(
                f"{'requests':>9} {'rightly':>8} {'errors':>7} {'left':>5} {'lost':>5} {'doubled':>8} {'MB':>7} {'files':>6}"
            )
            sizes: list[float] = []
            began = time.monotonic()
            for part in range(1, REPORTS + 1):
                upto = requests * part // REPORTS
                some = iter(list(itertools.islice(numbers, upto - client.count.total())))
                async with asyncio.TaskGroup() as group:
                    for _ in range(AT_ONCE):
                        group.create_task(client.ask(some))
                sizes.append(router.resident_mb())
                count = client.count
                print(
                    f"{count.total():>9} {count['right']:>8} {count['error']:>7} {count['left']:>5} {count['lost']:>5} "
                    f"{client.doubled:>8} {sizes[-1]:>7.1f} {files_of(router.pid):>6}",
                    flush=True,
                )
            took_s = time.monotonic() - began
            await asyncio.sleep(1.5)
            tasks_after, status = tasks_of(router)
            inflight = sum(one["inflight"] for one in status["providers"][0]["instances"])
            left = {"open": status["counters"]["open"], "in flight": inflight, "tasks": tasks_after - tasks_before}
            grown = max(sizes) - sizes[len(sizes) // 5]
            files = files_of(router.pid)
            print(
                f"{requests / took_s:,.0f} requests per second; memory {grown:+.1f} MB after the first fifth; "
                f"left over: {left}; files {files} (at most {AT_ONCE + 40} are connections kept for the next request)"
            )
            wrong = [f"{name} left over: {number}" for name, number in left.items() if number]
            wrong += [f"{client.count['lost']} lost, first: {client.first_loss}"] if client.count["lost"] else []
            wrong += [f"{client.doubled} tool calls came twice"] if client.doubled else []
            wrong += [f"memory grew by {grown:.1f} MB"] if grown > FLAT_MB else []
            wrong += [f"{files} files are open"] if files > AT_ONCE + 40 else []
            return wrong


def main(arguments: list[str]) -> int:
    """Runs the soak, or the upstream of one."""
    if arguments == ["upstream"]:
        uvloop.run(be_upstream())
        return 0
    wrong = uvloop.run(soak(int(arguments[0]) if arguments else REQUESTS))
    for one in wrong:
        print(f"soak: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
