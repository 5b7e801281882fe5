"""Pieces of a streamed answer go out in the moment they arrive, past ASGI, whose `send` has to be awaited.

upstream's bytes ── Answer.arrived ── a `Tap` of the exchange ── Channel.write     the client keeps up
                            └── the exchange wakes ── `send`                       it does not; the first event, the end
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litestar.types import HTTPScope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_EXTENSION = "ccr.channel"


class Channel:
    """Writes to the connection of one answer, whose head has been sent in transfer coding `chunked`."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

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
