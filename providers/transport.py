"""The network edge: HTTP/1.1 to the upstreams of one provider, behind the `Transport` seam.

Direct connections are ours (`providers/connection.py`), kept alive and used again, the warmest first; requests through a
proxy go over aiohttp (`providers/proxied.py`). No redirect is followed. TLS is always verified.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from providers.connection import Answer, Connection
from providers.errors import KINDS, ProviderError
from providers.proxies import proxy_of
from providers.spec import ConnectionPool, Timeouts, TlsFiles
from providers.tls import UpstreamTls
from providers.upstream import HOP_HEADER, TransportFailed, UpstreamRequest, UpstreamResponse
from providers.wire.http1 import head_bytes

if TYPE_CHECKING:
    from providers.proxied import ProxiedTransport

KEEP_ALIVE_S = 55.0
"""How long an unused connection is kept: a little less than the minute after which most servers close theirs."""

MOST_PLACES = 256
"""How many URLs, and heads of requests, are remembered; then all are forgotten."""


class _Place(Struct, frozen=True):
    """Where a URL leads: `key` is scheme, host and port; `host_header` and `target` are as sent.

    `basic` is the `authorization` that a user and password in the URL ask for.
    """

    key: str
    host: str
    port: int
    tls: bool
    host_header: str
    target: str
    proxy: str | None
    basic: str | None


class HttpTransport:
    """The connections of one pool. Make it anywhere, use it in one event loop; close it when the pool retires.

    `hop` is this router's own id, sent as `x-ccr-hop`; `environment` is where the proxy variables are looked up;
    `files` are whom it trusts and what it shows.
    """

    def __init__(
        self,
        connections: ConnectionPool,
        *,
        hop: str | None = None,
        environment: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        files: TlsFiles = TlsFiles(),  # noqa: B008 - frozen
    ) -> None:
        self._connections = connections
        self._environment = dict(os.environ if environment is None else environment)
        self._tls = UpstreamTls(files, self._environment, tls)
        self._hop = hop
        extra = [("accept-encoding", "identity")]
        if hop is not None:
            extra.append((HOP_HEADER, hop))
        if not connections.keep_alive:
            extra.append(("connection", "close"))
        self._extra = tuple(extra)
        self._places: dict[str, _Place] = {}
        self._heads: dict[tuple[str, str, tuple[tuple[str, str], ...]], bytes] = {}
        self._idle: dict[str, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False
        self._proxied: dict[tuple[str, ssl.SSLContext], ProxiedTransport] = {}

    async def send(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """The answer as soon as its head is there. Raises `TransportFailed`."""
        place = self._place_of(request.url)
        if place.proxy is not None:
            return await self._through(place.proxy).send(self._completed(request), timeouts)
        head = self._head_of(request, place)
        loop = asyncio.get_running_loop()
        fresh = False
        while True:
            connection = await self._connection_to(place, timeouts, fresh)
            assert connection.transport is not None
            answer = Answer(loop, connection, request.method, timeouts, place.key, self._released)
            connection.answer = answer
            connection.transport.writelines((head, request.body) if request.body else (head,))
            try:
                await answer.arrive()
            except TransportFailed as failure:
                # A kept connection may be closed by the server in the moment we use it: nothing of the request was
                # answered, so it is sent once more, on a new connection.
                if fresh or not connection.reused or answer.began or failure.error.kind.name != "cut":
                    raise
                fresh = True
            except asyncio.CancelledError:
                answer.abort()
                raise
            else:
                return answer

    async def aclose(self) -> None:
        """Closes all connections, those in use too."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._open):
            connection.abort()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        for proxied in self._proxied.values():
            await proxied.aclose()
        await asyncio.sleep(0)

    def __repr__(self) -> str:
        idle = sum(map(len, self._idle.values()))
        return (
            f"<HttpTransport [{len(self._open) - idle} busy, {idle} idle, {self._opening} opening | "
            f"{len(self._waiting)} waiting]>"
        )

    def _head_of(self, request: UpstreamRequest, place: _Place) -> bytes:
        """The head to send. Requests differ in their length at most, so the rest is put together once."""
        key = (request.method, request.url, request.headers)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= MOST_PLACES:
                self._heads.clear()
            headers = self._completed(request, place.basic).headers
            head = self._heads[key] = head_bytes(request.method, place.target, place.host_header, headers, None)
        if not request.body and request.method in ("GET", "HEAD"):
            return head
        return b"%bcontent-length: %d\r\n\r\n" % (head[:-2], len(request.body))

    def _completed(self, request: UpstreamRequest, basic: str | None = None) -> UpstreamRequest:
        """The request with our headers beside the given ones; the routers it came through before us stay named."""
        given = {name.lower(): value for name, value in request.headers}
        extra = tuple(one for one in self._extra if one[0] not in given)
        if HOP_HEADER in given and self._hop is not None:
            kept = tuple(one for one in request.headers if one[0].lower() != HOP_HEADER)
            chain = ((HOP_HEADER, f"{given[HOP_HEADER]}, {self._hop}"),)
            request = UpstreamRequest(request.method, request.url, kept + chain, request.body)
        if basic is not None and "authorization" not in given:
            extra = (*extra, ("authorization", basic))
        return UpstreamRequest(request.method, request.url, request.headers + extra, request.body)

    def _place_of(self, url: str) -> _Place:
        place = self._places.get(url)
        if place is None:
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            place = self._places[url] = _place_of(url, self._environment)
        return place

    def _through(self, proxy: str) -> ProxiedTransport:
        try:
            tls = self._tls.current()
        except OSError as error:
            raise TransportFailed(ProviderError(KINDS["connect"], _reason_of(error))) from error
        if (proxy, tls) not in self._proxied:
            from providers.proxied import ProxiedTransport  # only now: aiohttp takes a third of a second to import

            self._proxied[proxy, tls] = ProxiedTransport(proxy, self._connections, tls)
        return self._proxied[proxy, tls]

    async def _connection_to(self, place: _Place, timeouts: Timeouts, fresh: bool) -> Connection:
        """A connection that carries nothing: a kept one, a new one, or whichever becomes free first."""
        limit = self._connections.max_connections
        woken = False
        deadline: float | None = None
        loop = asyncio.get_running_loop()
        while not self._closed:
            if woken or not self._waiting:
                kept = None if fresh else self._kept(place.key, loop.time())
                if kept is not None:
                    kept.reused = True
                    return kept
                if limit is None or len(self._open) + self._opening < limit or self._evict():
                    return await self._connect(place, timeouts)
            deadline = deadline or loop.time() + self._connections.wait_s
            waiter: asyncio.Future[None] = loop.create_future()
            if woken:
                self._waiting.appendleft(waiter)
            else:
                self._waiting.append(waiter)
            try:
                async with asyncio.timeout_at(deadline):
                    await waiter
            except TimeoutError:
                message = f"all {limit} connections stayed busy for {self._connections.wait_s:g} s"
                raise TransportFailed(ProviderError(KINDS["busy"], message)) from None
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()  # the place that was ours goes to the next
                raise
            finally:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
            woken = True
        raise TransportFailed(ProviderError(KINDS["connect"], "the connections are closed"))

    def _kept(self, key: str, now: float) -> Connection | None:
        stack = self._idle.get(key)
        while stack:
            connection = stack.pop()
            if connection.usable and connection.idle_since is not None:
                if now - connection.idle_since < KEEP_ALIVE_S:
                    connection.idle_since = None
                    return connection
                self._drop(connection)
        return None

    def _evict(self) -> bool:
        """Closes a kept connection to some place, to make room for one that is wanted."""
        for stack in self._idle.values():
            if stack:
                self._drop(stack.pop(0))
                return True
        return False

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.abort()

    async def _connect(self, place: _Place, timeouts: Timeouts) -> Connection:
        loop = asyncio.get_running_loop()
        self._opening += 1
        connection = None
        try:
            async with asyncio.timeout(timeouts.connect_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(place.key, self._lost),
                    place.host,
                    place.port,
                    ssl=self._tls.current() if place.tls else None,
                    server_hostname=place.host if place.tls else None,
                )
        except TimeoutError:
            message = f"no connection to {place.key} within {timeouts.connect_s:g} s"
            raise TransportFailed(ProviderError(KINDS["connect"], message)) from None
        except (OSError, ssl.SSLError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):  # no fault of the upstream
                message = "the router may not open more files (`ulimit -n`), so no connection either"
                raise TransportFailed(ProviderError(KINDS["busy"], message)) from error
            message = f"no connection to {place.key}: {_reason_of(error)}"
            raise TransportFailed(ProviderError(KINDS["connect"], message)) from error
        finally:
            self._opening -= 1
            if connection is None:
                self._wake()
        if connection.transport is None:
            self._wake()
            message = f"{place.key} closed the connection at once"
            raise TransportFailed(ProviderError(KINDS["connect"], message))
        self._open.add(connection)
        return connection

    def _released(self, connection: Connection, reusable: bool) -> None:
        """An answer is over."""
        if reusable and connection.usable and self._connections.keep_alive and not self._closed:
            loop = asyncio.get_running_loop()
            connection.idle_since = loop.time()
            self._idle.setdefault(connection.key, []).append(connection)
            if self._sweep is None:
                self._sweep = loop.call_later(KEEP_ALIVE_S, self._sweep_idle)
        else:
            self._drop(connection)
        self._wake()

    def _lost(self, connection: Connection) -> None:
        """A connection is closed, by whomever."""
        self._open.discard(connection)
        stack = self._idle.get(connection.key)
        if stack and connection in stack:
            stack.remove(connection)
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _sweep_idle(self) -> None:
        """Closes what was not used for long."""
        loop = asyncio.get_running_loop()
        self._sweep = None
        now = loop.time()
        for key, stack in list(self._idle.items()):
            for connection in stack:
                if connection.idle_since is not None and now - connection.idle_since >= KEEP_ALIVE_S:
                    self._drop(connection)
            stack[:] = [one for one in stack if one.usable and one in self._open]
            if not stack:
                del self._idle[key]
        if self._idle:
            self._sweep = loop.call_later(KEEP_ALIVE_S / 4, self._sweep_idle)


def _place_of(url: str, environment: Mapping[str, str]) -> _Place:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in ("http", "https") or not host:
        raise TransportFailed(ProviderError(KINDS["connect"], "the endpoint is no http or https URL with a host"))
    tls = parts.scheme == "https"
    usual = 443 if tls else 80
    name = f"[{host}]" if ":" in host else host
    shown = name if port in (None, usual) else f"{name}:{port}"
    target = parts.path or "/"
    if parts.query:
        target += "?" + parts.query
    basic = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        basic = "Basic " + base64.b64encode(pair.encode()).decode()
    proxy = proxy_of(url, environment)
    return _Place(f"{parts.scheme}://{shown}", host, port or usual, tls, shown, target, proxy, basic)


def _reason_of(error: Exception) -> str:
    """Why a connection failed, in words that name no implementation."""
    match error:
        case ConnectionRefusedError():
            return "refused"
        case ssl.SSLCertVerificationError():
            return f"its certificate does not hold ({error.verify_message})"
        case ssl.SSLError():
            plain = error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
            return "what answers there speaks no TLS" if plain else f"TLS failed ({error.reason or 'no reason given'})"
        case socket.gaierror():
            return "the name cannot be resolved"
        case ConnectionError():
            return "closed at once"
        case OSError():
            return (error.strerror or "unreachable").lower()
        case _:
            return "the name cannot be resolved"
