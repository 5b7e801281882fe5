"""What ends a process, and what happens to open requests then. An edge: signals, and the line of a parent."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable

from engine.http.server import HttpServer
from engine.process.workers import INTERRUPTED
from engine.router import Router


class Ending:
    """What ends the process: the first signal asks it to stop, a second one not to wait. `status` is the exit status.

    A worker is asked over the line of its parent; SIGTERM asks it to stop, however often it comes.
    """

    def __init__(self, reload: Callable[[], None]) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()
        self.status = 0
        self._reload = reload

    def listen(self, loop: asyncio.AbstractEventLoop, line: socket.socket | None) -> None:
        """Takes signals, and orders where there is a line, from now on."""
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        if line is None:
            loop.add_signal_handler(signal.SIGTERM, self.stop, 0)
            loop.add_signal_handler(signal.SIGQUIT, self.stop, 0)
            loop.add_signal_handler(signal.SIGINT, self.stop, INTERRUPTED)
        else:
            loop.add_signal_handler(signal.SIGTERM, self.asked.set)
            line.setblocking(False)
            loop.add_reader(line, self._obey, loop, line)

    def stop(self, status: int) -> None:
        """Asks the process to end with that status; asked again it does not wait."""
        if self.asked.is_set():
            self.at_once.set()
        else:
            self.status = status
            self.asked.set()

    def _obey(self, loop: asyncio.AbstractEventLoop, line: socket.socket) -> None:
        try:
            order = line.recv(1)
        except ConnectionError:  # the parent died with something of ours unread
            order = b""
        match order:
            case b"r":
                self._reload()
            case b"d":
                self.asked.set()
            case _:
                loop.remove_reader(line)
                self.asked.set()
                self.at_once.set()


async def drain(router: Router, server: HttpServer, ending: Ending) -> None:
    """Lets open requests end for as long as the configuration says, and breaks off what is open then."""
    seconds = router.gateway.settings.server.drain_s
    router.draining = True
    router.live.close()
    open_exchanges = router.counters.open_exchanges
    router.journal.write("info", "stopping", stage="lifecycle", open=open_exchanges or None, drainSeconds=seconds)
    broken = await server.drain(seconds, ending.at_once)
    if broken:
        router.journal.write("warn", "open requests were broken off", stage="lifecycle", requests=broken)
