"""A client's connection with limits in time and size: slow, endless and idle ones end; nobody holds the router up. An edge.

    connected ── first byte ──> head ── its end ──> body ── its end ──> answer ── its end ──> idle
     idle_s                    head_s            body_s, request_s      stall_s while the      idle_s
                               MAX_HEAD_BYTES                           client does not read

uvicorn's protocol does the rest. INVARIANT: an open request costs no timer; the deadlines are looked at once a second.
"""

from __future__ import annotations

import asyncio
import math
import select
from collections.abc import Callable, Iterable
from typing import Any

import httptools
from msgspec import Struct, field
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from engine.http.channel import offer_channel
from engine.http.opening import Opening
from engine.replies import refusal
from engine.settings import ConnectionSettings

MAX_HEAD_BYTES = 131_072
"""Of a request line with its headers, before anything is made of them; `engine/http/asgi.py` has the finer limits."""

LINGER_S = 5.0
"""How long a client may go on sending a body whose request was refused already, and how long a last answer may take."""

MOST_UNREAD = 1_048_576
"""Bytes of a body that may wait to be taken before nothing more is read. uvicorn's own limit is 65,536, which most sessions are over:
to stop reading and to begin again is work, and the body is taken a moment later anyway."""

FRESH_S = 0.1
"""How long a connection is not idle enough to make room for another: its request is perhaps on the way."""


class Guard(Struct, eq=False):
    """What the connections of one server share. `idle` are those without an open request, the longest idle first.

    `most` is what the system lets this process have, to upstreams too, `limits` the configuration's, `revision` that of the configuration.
    The counts are for `/status`.
    """

    limits: Callable[[], ConnectionSettings]
    revision: Callable[[], str]
    new_id: Callable[[], str]
    most: int = 1_000_000
    idle: dict[GuardedProtocol, None] = field(default_factory=dict)
    closed_for_room: int = 0
    refused: int = 0
    timed_out: int = 0
    malformed: int = 0

    def sweep(self, connections: Iterable[Any], now: float) -> None:
        """Ends the connections whose time is up."""
        for connection in connections:
            if connection.due < now:
                connection.expire(now)

    def has_room(self, open_connections: int, now: float) -> bool:
        """Whether one more may stay; the longest idle one goes for it where that helps."""
        busy = open_connections - len(self.idle)  # each of these may have one to an upstream as well
        if open_connections <= self.limits().max_open and open_connections + busy <= self.most:
            return True
        oldest = next(iter(self.idle), None)
        if oldest is None or now - oldest.idle_since < FRESH_S or oldest.unread:
            return False
        self.closed_for_room += 1
        oldest.leave()
        return True

    def plain(self, connections: int) -> dict[str, int]:
        """As JSON for `/status`."""
        return {
            "open": connections,
            "idle": len(self.idle),
            "closedForRoom": self.closed_for_room,
            "refused": self.refused,
            "timedOut": self.timed_out,
            "malformed": self.malformed,
        }


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol under a `Guard`; its way of being extended is to be inherited from.

    `due` is the loop's time at which `expire` is called, `idle_since` that of the last answer's end or of the connection.
    `whole`: the request that came last has been received to its end.
    """

    def __init__(self, config: Config, server_state: ServerState, guard: Guard) -> None:
        super().__init__(config, server_state, {})
        self._guard = guard
        self._limits = guard.limits()
        self.timeout_keep_alive = math.ceil(self._limits.idle_s)
        self.due = math.inf
        self.idle_since = 0.0
        self._body_until = math.inf
        self._head_bytes = 0
        self._in_head = True
        self.whole = True
        self._unanswered = 0
        self._shut = False
        self._ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.idle_since = self.loop.time()
        self.due = self.idle_since + self._limits.idle_s
        if self._guard.has_room(len(self.connections), self.idle_since):
            self._guard.idle[self] = None
        else:
            self._guard.refused += 1
            self._refuse(503, "this router has as many connections as it may have")

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.idle.pop(self, None)
        self.due = math.inf
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._shut:
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self.cycle is not None:
                self.cycle.keep_alive = False  # no other protocol is spoken, so what follows cannot be read
        except httptools.HttpParserError:
            self._guard.malformed += 1
            self._refuse(400, "this is not a well-formed HTTP request")
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._guard.malformed += 1
                self._refuse(431, f"a request's line and headers are over the limit of {MAX_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        self.whole = False
        self.due = self.loop.time() + self._limits.head_s

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # after the body come trailers, which nobody reads
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()  # raises for a target that is none
        self.cycle.transport = Opening(self.cycle, self)  # type: ignore[assignment]
        self.cycle.body = b""  # type: ignore[assignment]  # to which the first piece is added without copying it
        offer_channel(self.cycle)
        self._in_head = False
        self._unanswered += 1
        self._guard.idle.pop(self, None)
        now = self.loop.time()
        self._body_until = now + self._limits.request_s
        self.due = now + self._limits.body_s

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if cycle.response_complete or (self.parser.should_upgrade() and self._should_upgrade()):
            return
        cycle.body += body
        if len(cycle.body) > MOST_UNREAD:
            self.flow.pause_reading()
        cycle.message_event.set()
        self.due = min(self.loop.time() + self._limits.body_s, self._body_until)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.whole = True
        if self._unanswered == 0:
            self._be_idle()
        else:
            self.due = math.inf

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        if self._ending:
            return
        super().on_response_complete()
        if self.transport.is_closing():
            self.due = self.loop.time() + self._limits.stall_s
        elif not self.whole and not self._in_head:
            self.due = self.loop.time() + LINGER_S
        elif self._unanswered == 0 and self.whole:
            self._be_idle()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.due = self.loop.time() + self._limits.stall_s

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.transport.is_closing():
            return
        if self._shut:
            self.due = math.inf  # the answers that are owed have the time they need
        elif not self.whole:
            self.due = self.loop.time() + self._limits.body_s
        else:
            self.due = math.inf if self._unanswered else self._idle_due()

    @property
    def unread(self) -> bool:
        """Whether bytes have come that were not read yet: a request that nobody has seen."""
        if self.transport.is_closing():
            return False
        waiting = select.poll()
        waiting.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    def timeout_keep_alive_handler(self) -> None:
        self.shutdown()

    def shutdown(self) -> None:
        if self.unread:
            return
        super().shutdown()
        if self.transport.is_closing():
            self._guard.idle.pop(self, None)

    def leave(self) -> None:
        """Closes the connection, which is idle, for another."""
        self._guard.idle.pop(self, None)
        self._shut = True
        self.due = self.loop.time() + LINGER_S
        self.transport.close()

    def end(self) -> None:
        """Closes the connection behind what was written, but reads what still comes of a request for a moment.

        The system answers what nobody reads with a reset, for which a client that still sends may take its answer.
        """
        if self.whole or self.transport.is_closing():
            self.transport.close()
            return
        self._shut = self._ending = True
        self.due = self.loop.time() + LINGER_S
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def expire(self, now: float) -> None:
        """The time of what is awaited is up: an answer where one can still be given, and the end."""
        if self._shut or self.flow.write_paused or self.transport.is_closing():
            self._guard.timed_out += not self._shut
            self._shut = True
            self.due = math.inf
            self.transport.abort()
        elif self.flow.read_paused:
            self.due = now + self._limits.body_s  # it is us who do not read
        elif not self._unanswered and (self.whole or not self._in_head):
            self.leave()
        else:
            self._guard.timed_out += 1
            self._refuse(408, "the request did not arrive in time")

    def _be_idle(self) -> None:
        self._guard.idle[self] = None
        self.idle_since = self.loop.time()
        self.due = self._idle_due()

    def _idle_due(self) -> float:
        return self.loop.time() + self._limits.idle_s + 1.0  # uvicorn's own timer comes first

    def _refuse(self, status: int, message: str) -> None:
        """The last words on this connection, where no answer has begun that they would be taken for a part of.

        What is wrong with a further request takes nobody the answers to those before it: with them the connection ends.
        """
        self._shut = True
        self._guard.idle.pop(self, None)
        if self._unanswered and self._in_head:
            self.cycle.keep_alive = False
            self.due = math.inf
            return
        self.due = self.loop.time() + LINGER_S
        in_body = self._unanswered == 1 and not self._in_head and not self.cycle.response_started
        if self._unanswered == 0 or in_body:
            self.transport.write(self._last_words(status, message))
        if self._unanswered:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.end()

    def _last_words(self, status: int, message: str) -> bytes:
        request_id = "req_" + self._guard.new_id()
        body = refusal(status, message).body(request_id)
        head = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            if name != b"connection":
                head += [name, b": ", value, b"\r\n"]
        head.append(
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\nrequest-id: {request_id}\r\n"
            f"x-ccr-revision: {self._guard.revision()}\r\nconnection: close\r\n\r\n".encode("ascii")
        )
        return b"".join(head) + body
