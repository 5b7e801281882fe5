"""The two halves of one HTTP exchange over ASGI: the body that comes in, within limits, and the answer going out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from itertools import starmap
from typing import TypeAlias

from litestar.types import HTTPScope, Receive, Send

from engine.http.channel import Channel
from engine.http.quoting import line_of
from engine.limits.settings import LIMIT_HEADERS
from engine.replies import Api, Refusal, Refused, refusal
from providers.chat.writer import PING as CHAT_PING
from providers.messages.writer import PING

HttpApp: TypeAlias = Callable[[HTTPScope, Receive, Send], Awaitable[None]]
"""What answers requests."""

MAX_BODY_BYTES = 33_554_432  # 32 MB: the vendor's own limit for Messages requests
MAX_HEADERS = 200
MAX_HEADER_BYTES = 65_536

JSON_TYPE = "application/json"
MOST_COPIED = 4_194_304
"""Of an answer that is saved; what goes beyond is left out of the file."""


class Disconnected(Exception):  # noqa: N818 - not a failure
    """The client has gone."""


def headers_of(scope: HTTPScope) -> dict[str, str]:
    """Request headers by lower-case name, repeated ones joined by `, `. Raises `Refused` (431) over the limits."""
    raw = list(scope["headers"])
    headers = {str(name, "latin-1").lower(): str(value, "latin-1") for name, value in raw}
    size = sum([len(name) + len(value) for name, value in raw])
    if len(headers) < len(raw):
        headers = _joined(raw)
    if len(raw) > MAX_HEADERS or size > MAX_HEADER_BYTES:  # before here the server's own limit of a head holds
        raise Refused(
            refusal(431, f"request headers are over the limit of {MAX_HEADERS} headers or {MAX_HEADER_BYTES} bytes")
        )
    return headers


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = str(name, "latin-1").lower(), str(value, "latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def unbounded(size: int) -> None:
    """Takes any number of bytes."""


async def read_body(
    receive: Receive, headers: dict[str, str], limit: int = MAX_BODY_BYTES, take: Callable[[int], None] = unbounded
) -> bytes:
    """The whole body. Raises `Refused` (413) over `limit` bytes, before reading it where the client announces its length.

    `take` is told of each piece's length as it comes; it may raise `Refused` too.
    """
    announced = headers.get("content-length")
    if announced is not None and announced.isdigit() and int(announced) > limit:
        raise Refused(_too_large(limit))
    if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise Refused(
            refusal(415, "compressed request bodies are not supported, send the body without `content-encoding`")
        )
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        chunk = message["body"]
        if chunk:
            size += len(chunk)
            if size > limit:
                raise Refused(_too_large(limit))
            take(len(chunk))
            chunks.append(chunk)
        if not message["more_body"]:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> Refusal:
    return refusal(413, f"request body is over the limit of {limit} bytes")


_OF_STREAMS = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))


class Responder:
    """One answer on its way out, in the form of `api`. Its headers always hold `request-id` and `x-ccr-revision`.

    `limits` say how much the router still admits; they stand in for what an upstream says of its own limits.
    """

    __slots__ = (
        "_channel",
        "_ids",
        "_request_id",
        "_send",
        "api",
        "base",
        "bytes_sent",
        "copy",
        "finished",
        "last_write",
        "limits",
        "sending",
        "started",
        "status",
    )

    def __init__(
        self, send: Send, request_id: str, revision: str, api: Api = "messages", channel: Channel | None = None
    ) -> None:
        self._send = send
        self._channel = channel
        self.api = api
        self._ids = ("request-id", "x-request-id") if api == "chat" else ("request-id",)
        self._request_id = request_id
        self.base = [("x-ccr-revision", revision)]
        self.started = False
        self.finished = False
        self.status = 0
        self.bytes_sent = 0
        self.last_write = 0.0
        self.sending = False
        self.limits: tuple[tuple[str, str], ...] = ()
        self.copy: bytearray | None = None

    async def start(
        self, status: int, content_type: str, headers: Iterable[tuple[str, str]] = (), length: int | None = None
    ) -> None:
        """Sends the head."""
        if self.limits:
            headers = [*(header for header in headers if not header[0].startswith(LIMIT_HEADERS)), *self.limits]
        is_stream = length is None and content_type.startswith("text/event-stream")
        lines = [*self.base, ("content-type", content_type), *(_OF_STREAMS if is_stream else ()), *headers]
        self.started = True
        self.status = status
        if self._channel is not None and self._channel.may_open():
            ids = [f"{name}: {self._request_id}\r\n".encode("ascii") for name in self._ids]
            self._channel.open(status, [*ids, *starmap(line_of, lines)], length)
            return
        lines += [(name, self._request_id) for name in self._ids]
        if length is not None:
            lines.append(("content-length", str(length)))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes, now: float, more: bool = True) -> None:
        """Sends bytes at once; waits while the client reads slower than they come."""
        self.sending = True
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})
        finally:
            self.sending = False
            self.finished = not more
        self._note(data, now)

    def is_free(self) -> bool:
        """Whether `pass_on` may be called: the body has begun, nothing is on its way, and the client keeps up."""
        return self._channel is not None and not self.sending and not self.finished and self._channel.is_free()

    def pass_on(self, data: bytes, now: float) -> None:
        """Sends bytes at once, as long as `is_free`; nobody has to wait."""
        assert self._channel is not None
        self._channel.write(data)
        self._note(data, now)

    def _note(self, data: bytes, now: float) -> None:
        self.bytes_sent += len(data)
        if self.copy is not None and len(self.copy) + len(data) <= MOST_COPIED:
            self.copy += data
        self.last_write = now

    async def ping(self, now: float) -> None:
        """Sends a ping, unless an event is on its way just now."""
        if self.started and not self.sending and not self.finished:
            await self.write(CHAT_PING if self.api == "chat" else PING, now)

    async def whole(
        self, status: int, body: bytes, content_type: str = JSON_TYPE, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Sends a complete answer."""
        await self.start(status, content_type, headers, len(body))
        await self.write(body, 0.0, more=False)

    async def refuse(self, reply: Refusal, request_id: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Sends an error."""
        body = reply.body(request_id, self.api)
        await self.whole(reply.status_for(self.api), body, JSON_TYPE, [*reply.headers, *headers])
