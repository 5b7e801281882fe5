"""The upstream that everything is measured against: ready-made bytes from one fast process.

`python -m tests.bench.target` prints its port. A request for the model `paced` streams an event every 4 ms, each stamped with
the clock of its sending (`@nanoseconds@`); any other streamed request gets its events in one write, a chunk each.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import cast

import uvloop

from tests.fakes.upstream import Say, chunk_of, sse
from tests.fakes.wire import chunked, json_answer, wire_bytes

STREAM_EVENTS = 50
PACED_EVENTS = 50
PACE_S = 0.004

WORDS = "The quick brown fox jumps over the lazy dog. "
WHOLE = wire_bytes(json_answer(200, Say(WORDS * 4).completion("fake-model")))
_DELTAS = [sse(chunk_of("fake-model", {"content": WORDS[:20]})) for _ in range(STREAM_EVENTS)]
_END = [
    sse(chunk_of("fake-model", {}, "stop")),
    sse(
        {
            **chunk_of("fake-model", {}),
            "choices": [],
            "usage": {"prompt_tokens": 9, "completion_tokens": 50, "total_tokens": 59},
        }
    ),
]
STREAM = wire_bytes(chunked([*_DELTAS, *_END, b"data: [DONE]\n\n"]))
_HEAD = wire_bytes(chunked([], end=False))
_TAIL = wire_bytes(chunked([*_END, b"data: [DONE]\n\n"])).removeprefix(wire_bytes(chunked([], end=False)))


def stamped_event() -> bytes:
    """One chunk whose event says when it was sent."""
    frame = sse(chunk_of("fake-model", {"content": f"@{time.monotonic_ns()}@"}))
    return b"%x\r\n%s\r\n" % (len(frame), frame)


class Connection(asyncio.Protocol):
    """Answers requests one after the other; looks at a body only for what to send."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        assert self._transport is not None
        if b'"stream":true' not in body and b'"stream": true' not in body:
            self._transport.write(WHOLE)
        elif b'"paced"' in body:
            self._transport.write(_HEAD)
            self._paced(PACED_EVENTS)
        else:
            self._transport.write(STREAM)

    def _paced(self, left: int) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            return
        if left:
            self._transport.write(stamped_event())
            asyncio.get_running_loop().call_later(PACE_S, self._paced, left - 1)
        else:
            self._transport.write(_TAIL)


async def main() -> None:
    """Serves until it is killed or its standard input ends."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=2048)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
