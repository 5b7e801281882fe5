"""The network edge: HTTP/1.1 to the upstreams of one provider, behind the `Transport` seam.

Direct connections are ours (`providers/connection.py`); requests through a proxy go over aiohttp (`providers/proxied.py`).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from providers.spec import ConnectionPool, Timeouts
from providers.upstream import UpstreamRequest, UpstreamResponse

HOP_HEADER = "x-ccr-hop"
"""Names the router a request came through, so that one that comes back is recognised."""


class HttpTransport:
    """The connections of one pool. Make it where the event loop runs; close it when the pool retires.

    `hop` is this router's own id; `environment` is where the proxy variables are looked up.
    """

    def __init__(
        self,
        connections: ConnectionPool,
        *,
        hop: str | None = None,
        environment: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        raise NotImplementedError

    async def send(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """The answer as soon as its head is there. Raises `TransportFailed`."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Closes all connections, those in use too."""
        raise NotImplementedError
