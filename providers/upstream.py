"""The one-method seam between the exchange and the network; `providers/transport.py` is the edge behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeAlias

import msgspec

from providers.dialects.seams import Head
from providers.errors import ProviderError
from providers.spec import Timeouts

HOP_HEADER = "x-ccr-hop"
"""Names the routers a request came through, in order, so that one that comes back is recognised."""


class UpstreamRequest(msgspec.Struct, frozen=True):
    """Bytes to send. `url` is complete; `headers` include the credentials and no hop-by-hop header."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


Tap: TypeAlias = Callable[[bytes], bytes | None]
"""Takes body bytes in the moment they arrive. None: it took them. Bytes: what the reader is woken with, all of them or none."""


class UpstreamResponse(Protocol):
    """An answer whose body is still coming. `waited_s`: from sending the request to its head, a part of `first_byte_s`."""

    head: Head
    waited_s: float

    @property
    def is_whole(self) -> bool:
        """Whether all of its body has come, so that nobody will have to wait for it; False where that is not known."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Body bytes as they arrive, content-encoding undone. Raises `TransportFailed` on a cut or an idle timeout."""
        ...

    def tap(self, tap: Tap) -> None:
        """From now on `tap` may get what arrives while the reader of `chunks` waits: that one is not woken for it."""
        ...

    async def aclose(self, *, ended: bool = False) -> None:
        """Stops the upstream and gives the connection back; may be called twice.

        `ended`: the reply is whole as far as its reader cares (`Reply.stopped`), so the last bytes of its framing may
        still come for a moment and the connection is used again; without it an unfinished answer costs its connection.
        """
        ...


class Transport(Protocol):
    """Sends one request. One per pool; closed when its pool retires."""

    async def send(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """The answer as soon as its head is there. Raises `TransportFailed`."""
        ...

    async def aclose(self) -> None:
        """Closes all connections."""
        ...


class TransportFailed(Exception):  # noqa: N818 - carries the ProviderError
    """The network failed: connect, time-out or cut."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error
