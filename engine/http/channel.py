"""The way past ASGI: an answer's head is put together from lines that are ready, and its pieces go out in the moment they arrive.

ASGI's `send` reads every header anew, and has to be awaited. An edge.

upstream's bytes ── Answer.arrived ── a `Tap` of the exchange ── Channel.write     the client keeps up
                            └── the exchange wakes ── `send`                       it does not; the first event, the end
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

if TYPE_CHECKING:
    from litestar.types import HTTPScope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_EXTENSION = "ccr.channel"


class Channel:
    """Writes to the connection of one answer."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def may_open(self) -> bool:
        """Whether `open` may be called: nothing was answered yet, and the connection goes on behind the answer."""
        cycle = self._cycle
        return cycle.keep_alive and not (cycle.response_started or cycle.disconnected or cycle.flow.write_paused)

    def open(self, status: int, lines: Iterable[bytes], length: int | None) -> None:
        """The head, of complete header lines; the body follows by `send`. Without a length its transfer coding is `chunked`."""
        cycle = self._cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.chunked_encoding = length is None
        cycle.expected_content_length = length or 0
        ours = [b"%b: %b\r\n" % header for header in cycle.default_headers]
        end = b"transfer-encoding: chunked\r\n\r\n" if length is None else b"content-length: %d\r\n\r\n" % length
        cycle.transport.write(b"".join((STATUS_LINE[status], *ours, *lines, end)))

    def is_free(self) -> bool:
        """Whether the client reads as fast as it is written to, and the answer goes on: else only `send` may be used."""
        cycle = self._cycle
        return not (
            cycle.flow.write_paused or cycle.disconnected or cycle.response_complete or not cycle.chunked_encoding
        )

    def write(self, data: bytes) -> None:
        """A piece of the body, not empty."""
        self._cycle.transport.write(b"%x\r\n%b\r\n" % (len(data), data))


def offer_channel(cycle: RequestResponseCycle) -> None:
    """Lets who answers find it, as an extension of the request's scope."""
    cycle.scope["extensions"] = {_EXTENSION: {"channel": Channel(cycle)}}


def channel_of(scope: HTTPScope) -> Channel | None:
    """Takes the channel of a request out of its scope, so that the two hold each other no longer; None where there is none."""
    extension = (scope.get("extensions") or {}).pop(_EXTENSION, None)
    channel = extension["channel"] if extension else None
    return channel if isinstance(channel, Channel) else None
