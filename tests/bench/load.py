"""The load generator: raw HTTP/1.1 over kept connections, one process, told what to do line by line on standard input.

A line is `{"job": Job, "outcome": FILE}`; the outcome (samples in seconds, wrong replies, duration) goes to the file, then
`done` to standard output.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop

_STAMP = re.compile(rb"@(\d{9,})@")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Job:
    """What to send where. `requests` of all `connections` together, or as many as fit into `seconds`.

    `ending` is what a right reply's tail contains. `path` may hold the request's target only; `body` is a file.
    """

    port: int
    path: str
    body: str
    ending: str
    model: str = "fake-model"
    streamed: bool = False
    connections: int = 1
    requests: int | None = None
    seconds: float | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def request(self) -> bytes:
        """The bytes of each request."""
        value = json.loads(Path(self.body).read_bytes())
        value = {**value, "model": self.model, "stream": self.streamed}
        data = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {
            "host": f"127.0.0.1:{self.port}",
            "content-type": "application/json",
            "content-length": len(data),
            **self.headers,
        }
        lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + data


@dataclass(slots=True)
class Outcome:
    """Samples of a job in seconds: until the first body byte, until the end, and each stamped event's way."""

    first: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    wrong: int = 0
    took_s: float = 0.0
    example: str = ""


class Connection(asyncio.Protocol):
    """Sends a request, reads its reply, and again until the job is over."""

    def __init__(self, job: Job, request: bytes, outcome: Outcome, more: Any, over: Any) -> None:
        self._job, self._request, self._outcome, self._more, self._over = job, request, outcome, more, over
        self._ending = job.ending.encode()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        self._transport = transport
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._outcome.wrong += 1
            self._outcome.example = self._outcome.example or f"connection lost: {exc!r}"
        self._over()

    def _next(self) -> None:
        assert self._transport is not None
        if not self._more():
            self._transport.close()
            return
        self._buffer.clear()
        self._body_at = self._first = 0
        self._length: int | None = None
        self._waiting = True
        self._began = time.monotonic_ns()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        buffer = self._buffer
        buffer += data
        if not self._body_at:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._body_at = end + 4
            found = _LENGTH.search(buffer, 0, end + 2)
            self._length = int(found[1]) if found else None
        if not self._first and len(buffer) > self._body_at:
            self._first = now
        if self._job.streamed:
            self._outcome.held += [(now - int(stamp)) / 1e9 for stamp in _STAMP.findall(data)]
        if self._length is not None:
            done = len(buffer) >= self._body_at + self._length
        else:
            done = buffer.endswith(b"\r\n0\r\n\r\n")
        if done:
            self._waiting = False
            if buffer.startswith(b"HTTP/1.1 200") and buffer.find(self._ending, -400) >= 0:
                self._outcome.first.append((self._first - self._began) / 1e9)
                self._outcome.total.append((now - self._began) / 1e9)
            else:
                self._outcome.wrong += 1
                self._outcome.example = self._outcome.example or bytes(buffer[:600]).decode(errors="replace")
            self._next()


async def run(job: Job) -> Outcome:
    """Does the job, and says how it went."""
    loop = asyncio.get_running_loop()
    outcome, request = Outcome(), job.request()
    left = job.requests if job.requests is not None else sys.maxsize
    until = time.monotonic() + (job.seconds if job.seconds is not None else 3600.0)
    running, finished = job.connections, asyncio.Event()

    def more() -> bool:
        nonlocal left
        if left <= 0 or time.monotonic() >= until:
            return False
        left -= 1
        return True

    def over() -> None:
        nonlocal running
        running -= 1
        if not running:
            finished.set()

    began = time.monotonic()
    for _ in range(job.connections):
        await loop.create_connection(lambda: Connection(job, request, outcome, more, over), "127.0.0.1", job.port)
    await asyncio.wait_for(finished.wait(), (job.seconds or 0.0) + 120.0)
    outcome.took_s = time.monotonic() - began
    return outcome


def main() -> None:
    """Reads jobs from standard input until it ends."""
    for line in sys.stdin:
        told = json.loads(line)
        outcome = uvloop.run(run(Job(**told["job"])))
        Path(told["outcome"]).write_text(json.dumps(asdict(outcome)))
        print("done", flush=True)


if __name__ == "__main__":
    main()
