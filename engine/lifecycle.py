"""The life of one server process: listen, serve, reload, drain, close. An edge."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.app import app_of
from engine.built import Built, Checked
from engine.compose import gateway_of
from engine.counters import Counters
from engine.journal import Journal
from engine.pinger import Pinger
from engine.probing import Prober
from engine.reload import Reloader
from engine.router import Router, random_id
from engine.serving import BACKLOG, HttpServer
from engine.status import findings_line
from engine.timestamp import timestamp_of
from engine.version import VERSION
from providers.aws_tokens import token_files_of
from providers.credentials import credential_source
from providers.spec import ConnectionPool, ProviderSpec
from providers.static_upstream import StaticTransport
from providers.transport import HttpTransport
from providers.upstream import Transport

INTERRUPTED = 130


class PortTaken(OSError):  # noqa: N818 - says what is so
    """Something else listens there; blame: the user's machine."""


def serve(
    load: Callable[[], Checked],
    first: Built,
    *,
    host: str,
    port: int,
    log_folder: Path | None,
    log_level: str,
    on_ready: Callable[[str], None],
    ping_after_s: float | None = None,
) -> int:
    """Serves `first` until a signal; returns the exit code. Raises `PortTaken` before anything else happens.

    `load` builds the configuration again for a reload (it runs in a thread). `on_ready` gets `http://host:port` once
    requests are answered. `port` 0 takes a free one.
    """
    listener = listen(host, port)
    address = _address_of(listener)
    runner = asyncio.Runner(loop_factory=_new_loop)
    with runner:
        return runner.run(_serve(load, first, listener, address, log_folder, log_level, on_ready, ping_after_s))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `PortTaken`, or OSError for an address this machine does not have."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as problem:
        listener.close()
        if problem.errno == errno.EADDRINUSE:
            raise PortTaken(problem.errno, f"port {port} on {host} is taken") from None
        raise
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


async def _serve(
    load: Callable[[], Checked],
    first: Built,
    listener: socket.socket,
    address: str,
    log_folder: Path | None,
    log_level: str,
    on_ready: Callable[[str], None],
    ping_after_s: float | None,
) -> int:
    terminal = sys.stderr if sys.stderr.isatty() else None
    colour = terminal is not None and "NO_COLOR" not in os.environ
    journal = Journal(log_folder, log_level, terminal, colour)
    clock = time.monotonic
    hop = random_id()

    def make_transport(spec: ProviderSpec) -> Transport:
        if spec.type == "static":
            return StaticTransport(asyncio.sleep)
        return HttpTransport(spec.connection_pool, hop=hop, environment=os.environ)

    token_transport = HttpTransport(ConnectionPool(), environment=os.environ)
    make_source = partial(credential_source, token_files=token_files_of(os.environ, token_transport, time.time))
    pinger = Pinger(clock) if ping_after_s is None else Pinger(clock, ping_after_s)
    router = Router(
        gateway=gateway_of(first, make_transport, make_source=make_source),
        journal=journal,
        counters=Counters(clock()),
        pinger=pinger,
        clock=clock,
        wall=time.time,
        address=address,
        hop=hop,
        reload={"at": timestamp_of(time.time())},
    )
    _note_start(router, first)
    server = HttpServer(app_of(router))
    prober = Prober(router)
    reloader = Reloader(router, load, make_transport, make_source, on_swap=prober.follow)
    ending = Ending()
    ending.listen(asyncio.get_running_loop(), reloader.ask)
    gc.collect()
    gc.freeze()
    try:
        async with asyncio.TaskGroup() as group:
            running = (pinger.run(), reloader.run(), prober.run(), server.keep_date())
            side = [group.create_task(one) for one in running]
            await server.open(listener)
            on_ready(address)
            await ending.asked.wait()
            await _drain(router, server, ending)
            for task in side:
                task.cancel()
    finally:
        for upstream in router.gateway.upstreams.values():
            await upstream.transport.aclose()
        await token_transport.aclose()
        journal.write("info", "stopped", stage="lifecycle")
        journal.close()
    return ending.status


async def _drain(router: Router, server: HttpServer, ending: Ending) -> None:
    seconds = router.gateway.settings.server.drain_s
    router.draining = True
    open_exchanges = router.counters.open_exchanges
    router.journal.write("info", "stopping", stage="lifecycle", open=open_exchanges or None, drainSeconds=seconds)
    broken = await server.drain(seconds, ending.at_once)
    if broken:
        router.journal.write("warn", "open requests were broken off", stage="lifecycle", requests=broken)


class Ending:
    """Signals that end the process: the first asks it to stop, a second one not to wait. `status` is the exit status."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()
        self.status = 0

    def listen(self, loop: asyncio.AbstractEventLoop, on_hangup: Callable[[], None]) -> None:
        """Takes SIGTERM and SIGINT from now on; SIGHUP is `on_hangup`."""
        loop.add_signal_handler(signal.SIGTERM, self.stop, 0)
        loop.add_signal_handler(signal.SIGINT, self.stop, INTERRUPTED)
        loop.add_signal_handler(signal.SIGHUP, on_hangup)

    def stop(self, status: int) -> None:
        """Asks the process to end with that status."""
        if self.asked.is_set():
            self.at_once.set()
        else:
            self.status = status
            self.asked.set()


def _note_start(router: Router, built: Built) -> None:
    router.journal.write(
        "info",
        "started",
        stage="lifecycle",
        address=router.address,
        version=VERSION,
        revision=built.revision,
        providers=len(built.providers),
        rules=len(built.rules.rules),
    )
    if built.diagnostics:
        router.journal.write(
            "warn",
            "the configuration has findings, see `ccr test-config`",
            stage="lifecycle",
            findings=findings_line([found.code for found in built.diagnostics]),
        )
