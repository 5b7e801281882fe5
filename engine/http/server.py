"""An ASGI application on a listening socket, and the orderly end of that. An edge.

uvicorn's protocol speaks HTTP/1.1; who is accepted, and how everything ends, is decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from email.utils import formatdate
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from engine.http.asgi import HttpApp
from engine.http.guarded import Guard, GuardedProtocol

BACKLOG = 2048
ON_ITS_WAY_S = 0.5
"""How long a connection without an open request stays when the server ends: its first or next one is perhaps on the way."""

HANDSHAKES_S = 0.02
"""How long the port stays open for who has begun to connect; see `engine/http/listener.py`."""

HANDSHAKE_S = 15.0
LAST_HANDSHAKE_S = 2.0
"""How long a client may take to agree on TLS, and how long when the server ends."""

LOOK_EVERY_S = 0.02
BREAK_OFF_S = 2.0
"""How long the last words to clients (`event: error`) may take."""


class HttpServer:
    """Connections and the requests on them, each a task. Listens from `open` to `drain`."""

    def __init__(self, app: HttpApp, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._guard = guard
        self._config = uvicorn.Config(
            app,
            interface="asgi3",
            http="httptools",
            loop="none",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
        )
        self._config.load()
        self._state = ServerState()
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._draining = False

    async def open(self, listener: socket.socket) -> None:
        """Accepts connections from now on."""
        self._set_date()
        self._listener = listener
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol,
            sock=listener,
            backlog=BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=None if self._tls is None else HANDSHAKE_S,
        )

    async def keep_time(self) -> None:
        """Keeps the `date` of the answers right, and ends what is too slow, until cancelled."""
        while True:
            self._set_date()
            self.look()
            await asyncio.sleep(1.0)

    def look(self) -> None:
        """Ends the connections that are over time."""
        self._guard.sweep(list(self._state.connections), asyncio.get_running_loop().time())

    def connections(self) -> dict[str, int]:
        """How its connections stand, for `/status`."""
        return self._guard.plain(len(self._state.connections))

    async def drain(self, seconds: float, at_once: asyncio.Event) -> int:
        """Accepts no more, lets open requests end, and breaks off what is left after `seconds` or once `at_once` is set.

        Idle connections are closed as soon as no request can be on its way any more. Gives how many requests were broken
        off. INVARIANT: a connection that the system had accepted for us when this was called gets an answer to its request.
        """
        self._draining = True
        self._set_date()
        await asyncio.sleep(HANDSHAKES_S)
        await self._stop_accepting()
        loop = asyncio.get_running_loop()
        began = loop.time()
        idle_since: dict[GuardedProtocol, float] = {}
        await asyncio.sleep(0)
        while (self._state.connections or self._state.tasks) and not at_once.is_set():
            passed = loop.time() - began
            expecting = self._close_idle(idle_since, loop.time())
            if passed >= seconds and not expecting:
                break
            await asyncio.sleep(LOOK_EVERY_S if passed >= seconds else min(LOOK_EVERY_S, seconds - passed))
        broken = len(self._state.tasks)
        await self._break_off()
        return broken

    def _protocol(self) -> asyncio.Protocol:
        return GuardedProtocol(self._config, self._state, self._guard)

    def _set_date(self) -> None:
        """The headers of every answer that begins from now on, those to open requests too: all hold this one list."""
        date = (b"date", formatdate(time.time(), usegmt=True).encode("ascii"))
        self._state.default_headers[:] = [date, (b"connection", b"close")] if self._draining else [date]

    async def _stop_accepting(self) -> None:
        """Closes the listener; connections that wait in its queue are taken first, in one go, so that none is reset."""
        if self._listener is None or self._server is None:
            return
        waiting: list[socket.socket] = []
        while len(waiting) <= BACKLOG:
            try:
                waiting.append(self._listener.accept()[0])
            except OSError:  # none left, or one that has gone already
                break
        self._server.close()
        self._listener.close()
        loop = asyncio.get_running_loop()
        for one in waiting:
            one.setblocking(False)
        await asyncio.gather(*(self._take(loop, one) for one in waiting))

    async def _take(self, loop: asyncio.AbstractEventLoop, one: socket.socket) -> None:
        handshake_s = None if self._tls is None else LAST_HANDSHAKE_S
        with contextlib.suppress(OSError):  # whoever gives up now has asked for nothing yet
            await loop.connect_accepted_socket(self._protocol, one, ssl=self._tls, ssl_handshake_timeout=handshake_s)

    def _close_idle(self, idle_since: dict[GuardedProtocol, float], now: float) -> bool:
        """Closes the connections that have had no open request for long enough; whether others may still get one.

        `idle_since` is what is known of them from the last time.
        """
        expecting = False
        connection: Any
        for connection in list(self._state.connections):
            if connection.cycle is not None and not connection.cycle.response_complete:
                idle_since.pop(connection, None)
            elif now - idle_since.setdefault(connection, now) >= ON_ITS_WAY_S:
                connection.shutdown()
            else:
                expecting = True
        for gone in idle_since.keys() - self._state.connections:
            del idle_since[gone]
        return expecting

    async def _break_off(self) -> None:
        """Cancels the open requests, which say so to their clients, and closes every connection."""
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=BREAK_OFF_S)
        connection: Any
        for connection in list(self._state.connections):
            connection.transport.close()
        end = asyncio.get_running_loop().time() + BREAK_OFF_S
        while self._state.connections and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - uvicorn keeps a set
            await asyncio.sleep(LOOK_EVERY_S)
        for connection in list(self._state.connections):
            connection.transport.abort()
