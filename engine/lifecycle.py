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

import uvicorn

from engine.app import app_of
from engine.built import Built, Checked
from engine.compose import gateway_of
from engine.counters import Counters
from engine.journal import Journal
from engine.pinger import Pinger
from engine.probing import Prober
from engine.reload import Reloader
from engine.router import Router, random_id
from engine.status import findings_line
from engine.version import VERSION
from providers.aws_tokens import token_files_of
from providers.credentials import credential_source
from providers.spec import ConnectionPool, ProviderSpec
from providers.static_upstream import StaticTransport
from providers.transport import HttpTransport
from providers.upstream import Transport

DRAIN_S = 30.0
KEEP_ALIVE_S = 75
BACKLOG = 2048


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
    drain_s: float = DRAIN_S,
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
        runner.run(_serve(load, first, listener, address, log_folder, log_level, on_ready, drain_s, ping_after_s))
    return 0


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
    drain_s: float,
    ping_after_s: float | None,
) -> None:
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
    )
    _note_start(router, first)
    server = uvicorn.Server(_uvicorn_config(router, drain_s))
    prober = Prober(router)
    reloader = Reloader(router, load, make_transport, make_source, on_swap=prober.follow)
    gc.collect()
    gc.freeze()
    try:
        async with asyncio.TaskGroup() as group:
            loop = asyncio.get_running_loop()
            if hasattr(signal, "SIGHUP"):
                loop.add_signal_handler(signal.SIGHUP, reloader.ask)
            side = [group.create_task(task) for task in (pinger.run(), reloader.run(), prober.run())]
            side.append(group.create_task(_announce(server, address, on_ready)))
            await server.serve(sockets=[listener])
            for task in side:
                task.cancel()
    finally:
        for upstream in router.gateway.upstreams.values():
            await upstream.transport.aclose()
        await token_transport.aclose()
        journal.write("info", "stopped", stage="lifecycle")
        journal.close()


def _uvicorn_config(router: Router, drain_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        app_of(router),
        http="httptools",
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(drain_s),
        backlog=BACKLOG,
        h11_max_incomplete_event_size=65_536,
    )


async def _announce(server: uvicorn.Server, address: str, on_ready: Callable[[str], None]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag, no event
        await asyncio.sleep(0.005)
    on_ready(address)


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
