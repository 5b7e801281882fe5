"""Requests through an HTTP proxy, over aiohttp behind httpx's transport: the rare way, left to well-kept packages."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError
from providers.spec import ConnectionPool, Timeouts
from providers.upstream import Tap, TransportFailed, UpstreamRequest
from providers.wire.inflate import Garbled, Inflater, inflater_of


class ProxiedTransport:
    """The connections of one pool through one proxy, to https upstreams in a tunnel that `CONNECT` opens.

    The proxy's user and password may stand in its URL. `tls` judges upstreams, and proxies that are spoken to in TLS.
    """

    def __init__(self, proxy: str, connections: ConnectionPool, tls: ssl.SSLContext) -> None:
        self._connections = connections
        self._tls = tls
        where = httpx.URL(proxy)
        self._credentials = _credentials_of(where)
        self._transport = AiohttpTransport(
            verify=tls,
            proxy=httpx.Proxy(where.copy_with(userinfo=b""), headers=self._credentials),
            client=self._session,
        )
        self._opened: aiohttp.ClientSession | None = None

    async def send(self, request: UpstreamRequest, timeouts: Timeouts) -> ProxiedAnswer:
        """The answer as soon as its head is there. Raises `TransportFailed`."""
        # In a tunnel the proxy reads its credentials beside `CONNECT`, else in the request itself.
        to_proxy = self._credentials if request.url.startswith("http:") else ()
        asked = httpx.Request(
            request.method,
            request.url,
            headers=(*request.headers, *to_proxy),
            content=request.body or None,
            extensions={"timeout": {"pool": None, "connect": timeouts.connect_s, "read": timeouts.idle_s}},
        )
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        try:
            async with asyncio.timeout(timeouts.first_byte_s):
                response = await self._transport.handle_async_request(asked)
        except (TimeoutError, httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise TransportFailed(_error_of(error, "before it answered")) from error
        try:
            return ProxiedAnswer(response, timeouts, loop.time() - sent_at)
        except Garbled as error:
            await response.aclose()
            raise TransportFailed(ProviderError(KINDS["garbage"], str(error))) from error

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._transport.aclose()

    def _session(self) -> aiohttp.ClientSession:
        """Made where the event loop runs. Cookies are not kept; nothing is undone or followed behind our back."""
        if self._opened is None:
            limit = self._connections.max_connections or 0
            connector = aiohttp.TCPConnector(limit=limit, force_close=not self._connections.keep_alive, ssl=self._tls)
            self._opened = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
            )
        return self._opened


class ProxiedAnswer:
    """An answer that came through the proxy."""

    is_whole = False

    def __init__(self, response: httpx.Response, timeouts: Timeouts, waited_s: float) -> None:
        headers: dict[str, str] = {}
        for name, value in response.headers.multi_items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self.head = Head(response.status_code, headers)
        self._inflater: Inflater | None = inflater_of(headers.get("content-encoding", ""))
        self._response = response
        self.waited_s = waited_s
        total_s = timeouts.total_s
        self._until = None if total_s is None else asyncio.get_running_loop().time() + total_s

    async def chunks(self) -> AsyncIterator[bytes]:
        """Body bytes as they arrive, content-encoding undone. Raises `TransportFailed` on a cut or an idle timeout."""
        try:
            async for data in self._in_time():
                if self._inflater is None:
                    yield data
                    continue
                for piece in self._inflater.feed(data):
                    yield piece
            if self._inflater is not None:
                for piece in self._inflater.finish():
                    yield piece
        except (TimeoutError, httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise TransportFailed(_error_of(error, "in the middle of its answer")) from error
        except Garbled as error:
            raise TransportFailed(ProviderError(KINDS["garbage"], str(error))) from error

    def tap(self, tap: Tap) -> None:
        """Leaves it at that: what comes through a proxy always wakes its reader."""

    async def _in_time(self) -> AsyncIterator[bytes]:
        """The pieces until `total_s` is over; the limit holds while they are awaited, never in whoever reads them."""
        stream = self._response.aiter_raw()
        while True:
            async with asyncio.timeout_at(self._until):
                data = await anext(stream, None)
            if data is None:
                return
            yield data

    async def aclose(self, *, ended: bool = False) -> None:
        """Stops the upstream and gives the connection back."""
        del ended
        await self._response.aclose()


def _credentials_of(proxy: httpx.URL) -> tuple[tuple[str, str], ...]:
    """The header that the user and password in the proxy's URL ask for."""
    if not proxy.userinfo:
        return ()
    pair = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    return (("proxy-authorization", f"Basic {pair}"),)


def _error_of(error: Exception, when: str) -> ProviderError:
    """The failure behind what aiohttp and httpx made of it; httpx's class alone would call a lost connection a time-out."""
    cause = error.__cause__ if isinstance(error, httpx.HTTPError) and error.__cause__ is not None else error
    match cause:
        case aiohttp.ConnectionTimeoutError() | aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
            return ProviderError(KINDS["connect"], "no connection through the proxy")
        case TimeoutError():
            return ProviderError(KINDS["timeout"], f"the upstream fell silent {when}")
        case aiohttp.ClientResponseError() | aiohttp.InvalidURL():
            return ProviderError(KINDS["garbage"], "the answer is not HTTP/1.1")
        case _:
            return ProviderError(KINDS["cut"], f"the upstream closed the connection {when}")
