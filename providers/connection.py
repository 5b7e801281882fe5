"""One connection and one answer on it: the part of the network edge that asyncio calls.

Bytes that arrive are parsed at once and handed to the one reader that waits; when the reader is slow, reading stops.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import cast

from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError
from providers.spec import Timeouts
from providers.upstream import Tap, TransportFailed
from providers.wire.http1 import AnswerParser, Garbage
from providers.wire.inflate import Garbled, Inflater, inflater_of

HIGH_WATER = 262_144
"""Unread bytes of one answer at which reading stops; it goes on when they are taken."""

LINGER_S = 1.0
"""How long an answer that is of no more interest may take to end, so that its connection can be used again."""


class Connection(asyncio.Protocol):
    """A connection to one place. `idle_since` is loop time, None while it carries an answer."""

    __slots__ = ("_closed", "answer", "idle_since", "key", "reused", "transport")

    def __init__(self, key: str, closed: Callable[[Connection], None]) -> None:
        self.key = key
        self._closed = closed
        self.transport: asyncio.Transport | None = None
        self.answer: Answer | None = None
        self.idle_since: float | None = None
        self.reused = False

    @property
    def usable(self) -> bool:
        """Whether a request may be sent on it."""
        return self.transport is not None and not self.transport.is_closing() and self.answer is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.answer is None:
            self.abort()  # nobody asked: what comes next could not be told from an answer
        else:
            self.answer.arrived(data)

    def connection_lost(self, exc: Exception | None) -> None:
        answer, self.answer, self.transport = self.answer, None, None
        self._closed(self)
        if answer is not None:
            answer.lost(exc)

    def abort(self) -> None:
        """Close at once; what was not sent yet is dropped."""
        if self.transport is not None:
            self.transport.abort()


class Answer:
    """One request's answer, from the moment it was sent. It is the `UpstreamResponse` once its head is there."""

    __slots__ = (
        "_connection",
        "_due",
        "_error",
        "_idle_s",
        "_inflater",
        "_loop",
        "_parser",
        "_paused",
        "_pieces",
        "_place",
        "_released",
        "_sent_at",
        "_size",
        "_tap",
        "_timer",
        "_total_at",
        "_unread",
        "_waiter",
        "began",
        "head",
        "waited_s",
    )

    head: Head
    waited_s: float

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        method: str,
        timeouts: Timeouts,
        place: str,
        released: Callable[[Connection, bool], None],
    ) -> None:
        self._loop = loop
        self._connection: Connection | None = connection
        self._parser = AnswerParser(method)
        self._released = released
        self._place = place
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: ProviderError | None = None
        self._inflater: Inflater | None = None
        self._tap: Tap | None = None
        self._paused = False
        self._unread = False
        self.began = False
        self._sent_at = now = loop.time()
        self._idle_s = timeouts.idle_s
        self._total_at = math.inf if timeouts.total_s is None else now + timeouts.total_s
        self._due = min(now + timeouts.first_byte_s, self._total_at)
        self._timer: asyncio.TimerHandle | None = loop.call_at(self._due, self._tick)

    async def arrive(self) -> None:
        """Until the head is there. Raises `TransportFailed`; `began` then tells whether any byte came."""
        while self._parser.head is None:
            if self._error is not None:
                raise TransportFailed(self._error)
            await self._more()
        self.head = self._parser.head
        self.waited_s = self._loop.time() - self._sent_at
        encoding = self.head.headers.get("content-encoding")
        if encoding:
            try:
                self._inflater = inflater_of(encoding)
            except Garbled as error:
                self.abort()
                raise TransportFailed(ProviderError(KINDS["garbage"], str(error))) from error

    @property
    def is_whole(self) -> bool:
        """Whether all of its body has come."""
        return self._parser.complete

    def chunks(self) -> AsyncIterator[bytes]:
        """Body bytes as they arrive, content-encoding undone. Raises `TransportFailed` on a cut or an idle timeout."""
        return self if self._inflater is None else self._inflated(self._inflater)

    def tap(self, tap: Tap) -> None:
        """From now on `tap` gets what arrives while the reader waits; what it gives back is for the reader."""
        if self._inflater is None:
            self._tap = tap

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._pieces:
                return self._take()
            if self._parser.complete:
                raise StopAsyncIteration
            if self._error is not None:
                raise TransportFailed(self._error)
            await self._more()

    async def _inflated(self, inflater: Inflater) -> AsyncIterator[bytes]:
        try:
            async for data in self:
                for piece in inflater.feed(data):
                    yield piece
            for piece in inflater.finish():
                yield piece
        except Garbled as error:
            self.abort()
            raise TransportFailed(ProviderError(KINDS["garbage"], str(error))) from error

    async def aclose(self, *, ended: bool = False) -> None:
        """Stops the upstream; with `ended` its last bytes may still come for a moment, and the connection lives on."""
        self._pieces.clear()
        self._unread = True
        if ended and self._connection is not None and self._error is None and not self._paused:
            self._due = self._loop.time() + LINGER_S
            self._rearm()
        else:
            self.abort()

    def abort(self) -> None:
        """Drops the connection unless the answer is complete (then it was given back before)."""
        if self._connection is not None:
            self._fail("cut", "the answer was given up")

    def arrived(self, data: bytes) -> None:
        """Bytes from the connection."""
        self.began = True
        try:
            pieces = self._parser.feed(data)
        except Garbage as error:
            self._fail("garbage", f"{error} (from {self._place})")
            return
        heard = self._parser.head is not None
        if pieces and self._tap is not None and self._is_awaited():
            rest = self._tap(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            pieces, heard = ([], False) if rest is None else ([rest], True)
        if pieces and not self._unread:
            self._pieces.extend(pieces)
            self._size += sum(map(len, pieces))
            if self._size > HIGH_WATER and not self._paused and not self._parser.complete:
                self._pause()
        if self._parser.complete:
            self._settle(reusable=self._parser.keep_alive)
        elif not self._paused and not self._unread and self._parser.head is not None:
            self._due = min(self._loop.time() + self._idle_s, self._total_at)
        if heard or self._parser.complete:
            self._wake()

    def _is_awaited(self) -> bool:
        """Whether the reader has taken all that came, and waits for more."""
        return self._waiter is not None and not self._waiter.done() and not self._pieces

    def lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._connection is None:
            return
        self._connection = None
        self._stop_timer()
        clean = self._parser.end() if exc is None else False
        if not clean and self._error is None:
            what = "before it answered" if self._parser.head is None else "in the middle of its answer"
            self._error = ProviderError(KINDS["cut"], f"{self._place} closed the connection {what}")
        self._wake()

    def _take(self) -> bytes:
        """All that came and was not read yet; reading goes on when it had stopped."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            if self._connection is not None and self._connection.transport is not None:
                self._connection.transport.resume_reading()
                self._due = min(self._loop.time() + self._idle_s, self._total_at)
                self._rearm()
        return data

    def _pause(self) -> None:
        """The reader is slow: let the upstream wait, and do not hold that against it."""
        self._paused = True
        self._due = self._total_at
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.pause_reading()

    def _more(self) -> asyncio.Future[None]:
        """What the reader waits for: done once there is something to look at."""
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _settle(self, *, reusable: bool) -> None:
        """The answer is whole: its connection goes back (once)."""
        connection, self._connection = self._connection, None
        self._stop_timer()
        if connection is not None:
            connection.answer = None
            if connection.transport is not None and connection.transport.get_write_buffer_size():
                reusable = False  # it answered without reading all of the request
            self._released(connection, reusable)

    def _fail(self, kind: str, message: str) -> None:
        if self._error is None:
            self._error = ProviderError(KINDS[kind], message)
        self._settle(reusable=False)
        self._wake()

    def _tick(self) -> None:
        """The timer fired: either time is up, or bytes came since it was set."""
        self._timer = None
        now = self._loop.time()
        if now < self._due:
            self._rearm()
        elif now >= self._total_at:
            self._fail("timeout", f"{self._place} took longer than its total time limit")
        elif self._parser.head is None:
            self._fail("timeout", f"{self._place} did not answer in time")
        else:
            self._fail("timeout", f"{self._place} fell silent in the middle of its answer")

    def _rearm(self) -> None:
        if self._timer is not None and self._timer.when() <= self._due:
            return
        self._stop_timer()
        if self._due != math.inf:
            self._timer = self._loop.call_at(self._due, self._tick)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
