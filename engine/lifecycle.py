"""The life of one server process: listen, serve, reload, drain, close. An edge."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from engine.app import entry_of
from engine.audit.log import AuditLog
from engine.built import Built, Checked
from engine.compose import gateway_of
from engine.endpoints import row_for_siblings
from engine.gateway import Gateway
from engine.http.guarded import Guard
from engine.http.listener import address_of, admit_no_more, listen
from engine.http.open_files import connections_allowed
from engine.http.pinger import Pinger
from engine.http.server import HttpServer
from engine.http.tls import server_side
from engine.live.rows import Live, recent
from engine.log.journal import Journal
from engine.process.ending import Ending, drain
from engine.process.last_resort import end_anyway
from engine.process.outgoing import close_all, source_maker, token_transport, transport_maker
from engine.process.probing import Prober
from engine.process.reload import Reloader
from engine.process.renewal import keep_renewed
from engine.process.siblings import Siblings
from engine.process.workers import READY, DrainTime, Seat, supervise
from engine.router import Router, random_id
from engine.saving.saver import Saver
from engine.status import findings_line
from engine.telemetry.counters import Counters
from engine.timestamp import timestamp_of
from engine.usage.leftovers import Leftovers
from engine.usage.writer import UsageWriter
from engine.version import VERSION

if TYPE_CHECKING:  # loaded where a configuration wants them
    from engine.process.redis_state import RedisState
    from engine.telemetry.exporter import Telemetry


YOUNG = 10_000
"""Objects beyond those freed at which Python looks for cycles: a request makes a thousand, and leaves no cycle behind."""


class MissingPackage(Exception):  # noqa: N818 - says what is so
    """The configuration needs a package that is not installed; blame: the user's installation."""


class Job(Struct, frozen=True):
    """What a server process does. `load` builds the configuration again for a reload (it runs in a thread).

    `hop` marks the requests that this router sends, whichever of its workers it is. `log_level` None: as the
    configuration says, after a reload too.
    """

    load: Callable[[], Checked]
    first: Built
    log_folder: Path | None
    log_level: str | None
    ping_after_s: float | None = None
    hop: str = field(default_factory=random_id)


def serve(
    load: Callable[[], Checked],
    first: Built,
    *,
    host: str,
    port: int,
    log_folder: Path | None,
    log_level: str | None,
    on_ready: Callable[[str], None],
    workers: int = 1,
    ping_after_s: float | None = None,
    leave: Callable[[], None] = lambda: None,
) -> int:
    """Serves `first` until a signal; returns the exit code. Raises `PortTaken` or `MissingPackage` before anything happens.

    `on_ready` gets `http://host:port` once requests are answered. `port` 0 takes a free one. With several `workers`
    this process only watches over them, and `leave` is called in each: it closes what belongs to this process alone.
    """
    if first.settings.state is not None and importlib.util.find_spec("redis") is None:
        raise MissingPackage("`state` needs the package `redis`: install `ccr-router[redis]`")
    if first.settings.telemetry is not None and importlib.util.find_spec("opentelemetry") is None:
        raise MissingPackage("`telemetry` needs the package `opentelemetry`: install `ccr-router[otel]`")
    if first.settings.usage is not None:
        from engine.usage.drivers import MissingDriver
        from engine.usage.store import store_of

        try:
            store_of(first.settings.usage.store)
        except MissingDriver as missing:
            raise MissingPackage(str(missing)) from None
    listener = listen(host, port)
    address = address_of(listener, "http" if first.settings.server.tls is None else "https")
    job = Job(load, first, log_folder, log_level, ping_after_s)
    if workers == 1:
        return _run(job, listener, address, partial(on_ready, address), None)

    def work(seat: Seat) -> int:
        mine = job if not seat.replaces else replace(job, first=_built_now(load) or first)
        return _run(mine, listener, address, partial(seat.line.send, READY), seat)

    drain = DrainTime(first.settings.server.drain_s)
    return supervise(workers, work, listener, _journal_of(job), partial(on_ready, address), drain, leave)


def _built_now(load: Callable[[], Checked]) -> Built | None:
    try:
        return load().built
    except OSError:  # gone, or no longer trusted: the one that runs goes on
        return None


def _run(job: Job, listener: socket.socket, address: str, on_ready: Callable[[], object], seat: Seat | None) -> int:
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(_serve(job, listener, address, on_ready, seat))


def _journal_of(job: Job) -> Journal:
    terminal = sys.stderr if sys.stderr.isatty() else None
    colour = terminal is not None and not os.environ.get("NO_COLOR")
    level = job.log_level or job.first.settings.debug.log_level
    journal = Journal(job.log_folder, level, terminal, colour)
    debug = job.first.settings.debug
    journal.set_limits(debug.log_max_bytes, debug.log_keep_days)
    return journal


def _chain_of(listener: socket.socket, seat: Seat | None) -> str:
    """The name of this process's part of the audit log."""
    port = listener.getsockname()[1]
    return str(port) if seat is None or seat.index == 0 else f"{port}w{seat.index + 1}"


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


async def _serve(
    job: Job, listener: socket.socket, address: str, on_ready: Callable[[], object], seat: Seat | None
) -> int:
    journal = _journal_of(job)
    make_transport, for_tokens = transport_maker(job.hop), token_transport()
    make_source = source_maker(for_tokens)
    shared = _shared_state(job.first, journal)
    workers = seat.count if seat else 1
    gateway = gateway_of(job.first, make_transport, make_source=make_source, workers=workers)
    router = _router_of(job, gateway, journal, address, seat)
    _note_start(router, job.first)
    files = job.first.settings.server.tls
    tls = None if files is None else server_side(files)
    server = _server_of(router, tls)
    prober = Prober(router)
    usage = UsageWriter(router, leftovers=Leftovers())
    router.usage = usage.standing
    telemetry = _telemetry(router, job.first)
    saver = Saver(router, job.log_folder)
    audit = AuditLog(router, _chain_of(listener, seat))
    router.audit_log = audit.standing
    for writer in (usage, saver, audit):
        writer.follow()
    router.audit("start", revision=router.gateway.revision, address=address, version=VERSION, pid=os.getpid())

    def on_swap() -> None:
        for follower in (prober, usage, saver, audit):
            follower.follow()
        debug = router.gateway.settings.debug
        journal.set_limits(debug.log_max_bytes, debug.log_keep_days)
        if job.log_level is None:
            journal.set_level(debug.log_level)
        if seat is not None:
            seat.drain.tell(router.gateway.settings.server.drain_s)

    reloader = Reloader(router, job.load, make_transport, make_source, on_swap=on_swap, workers=workers)
    ending = Ending(reloader.ask)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(journal.of_loop)
    ending.listen(loop, seat.line if seat else None)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
    try:
        async with asyncio.TaskGroup() as group:
            await usage.start()
            running = [one.run() for one in (router.pinger, reloader, prober, usage, saver, audit)]
            running.append(server.keep_time())
            if tls is not None:
                running.append(keep_renewed(router, tls))
            if router.siblings is not None:
                running.append(router.siblings.answer(partial(row_for_siblings, router), partial(recent, router.live)))
            if shared is not None:
                router.gateway.registry.share(shared)
                router.state = shared.standing
                running.append(shared.run(router))
            side = [group.create_task(one, name=getattr(one, "__qualname__", None)) for one in running]
            await server.open(listener)
            on_ready()
            await ending.asked.wait()
            if seat is None:  # else the other workers may go on
                admit_no_more(listener)
            await drain(router, server, ending)
            end_anyway(journal, ending.status, lambda: [task.get_name() for task in side if not task.done()])
            router.audit("stop", revision=router.gateway.revision, status=ending.status)
            for task in side:
                task.cancel()
    finally:
        await close_all(router.gateway, for_tokens)
        if telemetry is not None:
            await telemetry.close()
        journal.write("info", "stopped", stage="lifecycle")
        journal.close()
    return ending.status


def _router_of(job: Job, gateway: Gateway, journal: Journal, address: str, seat: Seat | None) -> Router:
    clock = time.monotonic
    return Router(
        gateway=gateway,
        journal=journal,
        counters=Counters(clock()),
        pinger=Pinger(clock) if job.ping_after_s is None else Pinger(clock, job.ping_after_s),
        clock=clock,
        wall=time.time,
        address=address,
        hop=job.hop,
        siblings=Siblings(seat.index, seat.count, seat.folder) if seat else None,
        reload={"at": timestamp_of(time.time())},
        live=Live(seat.index + 1 if seat else 1),
    )


def _server_of(router: Router, tls: ssl.SSLContext | None) -> HttpServer:
    guard = Guard(
        lambda: router.gateway.settings.server.connections,
        lambda: router.gateway.revision,
        random_id,
        connections_allowed(),
    )
    server = HttpServer(entry_of(router), guard, tls)
    router.connections = server.connections
    return server


def _shared_state(first: Built, journal: Journal) -> RedisState | None:
    if first.settings.state is None:
        return None
    from engine.process.redis_state import RedisState

    return RedisState(first.settings.state, journal, time.monotonic, time.time)


def _telemetry(router: Router, first: Built) -> Telemetry | None:
    if first.settings.telemetry is None:
        return None
    from engine.telemetry.exporter import Telemetry

    return Telemetry(router, first.settings.telemetry)


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
