"""`ccr stop`."""

from __future__ import annotations

import os
import signal
import time

import click

from engine.cli import options
from engine.cli.ask import LOOPBACK, ask, router_answers
from engine.cli.pid_file import Running, running

DRAIN_S = 30.0
BEYOND_DRAIN_S = 30.0
"""What the router may take beyond the time its open requests have: for their last words, and to end what is not a request.

More than `workers.BEYOND_DRAIN_S`, after which the last of its processes is killed.
"""

FORCED_WITHIN_S = 5.0
"""How long a parent may take to kill its workers; then it is killed itself."""


@click.command("stop")
@options.router_port
@click.option("--force", is_flag=True, help="Do not wait for open requests.")
def command(port: int | None, force: bool) -> int:
    """Stop a running router.

    It finishes its open requests first. When none runs, this says so and succeeds.
    """
    chosen = options.router_port_of(port)
    router = running(chosen)
    if router is not None:
        return 0 if stopped(router, force) else 1
    if router_answers(LOOPBACK, chosen):
        click.echo(
            f"the router on port {chosen} was not started by this user here; stop it where it was started", err=True
        )
        return 1
    click.echo(f"no router runs on port {chosen}")
    return 0


def stopped(router: Running, force: bool = False) -> bool:
    """Ends the router and waits until it is gone; False, with a line, when it still finishes its requests."""
    if force:
        from engine.process.workers import FORCE  # only now: what serves takes its time to import

        steps = [((FORCE, signal.SIGCONT), FORCED_WITHIN_S), ((signal.SIGKILL,), BEYOND_DRAIN_S)]
    else:
        steps = [((signal.SIGTERM,), _drain_s_of(router) + BEYOND_DRAIN_S)]
    for signals, wait_s in steps:
        if not all(_signal(router, number) for number in signals):
            return False
        if _gone_within(router, wait_s):
            click.echo(f"stopped the router on port {router.port}")
            return True
    click.echo(
        f"the router on port {router.port} still finishes open requests; `ccr stop --force` does not wait", err=True
    )
    return False


def _gone_within(router: Running, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = running(router.port)
        if now is None or now.pid != router.pid:
            return True
        time.sleep(0.02)
    return False


def _drain_s_of(router: Running) -> float:
    """How long the router lets open requests end (`server.drainSeconds`), as it says itself."""
    answer = ask(router.host, router.port, "/status", timeout_s=2.0)
    server = answer.body.get("server") if answer else None
    said = server.get("drainSeconds") if isinstance(server, dict) else None
    return float(said) if isinstance(said, int | float) else DRAIN_S


def _signal(router: Running, number: signal.Signals) -> bool:
    try:
        os.kill(router.pid, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        click.echo(f"the router on port {router.port} (process {router.pid}) belongs to another user", err=True)
        return False
    return True
