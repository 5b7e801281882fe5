"""`ccr reload`."""

from __future__ import annotations

import os
import signal
import time

import click

from engine.cli import options
from engine.cli.ask import ask
from engine.cli.pid_file import running
from engine.timestamp import timestamp_of

WAIT_S = 30.0


@click.command("reload")
@options.router_port
@options.router_host
def command(port: int | None, host: str | None) -> int:
    """Make a running router read its configuration again.

    It does so by itself when a file changes; this waits for it and says what came of it. A configuration with errors
    is refused, the old one goes on, and the exit status is 1.
    """
    chosen = options.router_port_of(port)
    router = running(chosen)
    if router is None:
        click.echo(f"no router of this user runs on port {chosen}", err=True)
        return 1
    place = (router.host, chosen) if host is None else options.router_place(host, chosen)
    asked_at = timestamp_of(time.time())
    try:
        os.kill(router.pid, signal.SIGHUP)
    except (ProcessLookupError, PermissionError) as problem:
        click.echo(f"the router on port {chosen} cannot be told: {problem.strerror}", err=True)
        return 1
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        answer = ask(*place, "/status")
        if answer and answer.status == 401:
            click.echo("the router was told; what came of it is shown with a router key in CCR_KEY", err=True)
            return 1
        reload = answer.body.get("reload") if answer else None
        if answer and isinstance(reload, dict) and str(reload.get("at", "")) >= asked_at:
            return _say(reload, answer.body.get("revision"))
        time.sleep(0.02)
    click.echo(f"the router on port {chosen} did not say within {WAIT_S:.0f} s that it has", err=True)
    return 1


def _say(reload: dict[str, object], revision: object) -> int:
    if reload.get("ok") is False:
        findings = reload.get("findings")
        for finding in findings if isinstance(findings, list) else ():
            click.echo(finding, err=True)
        click.echo(f"refused; revision {revision} goes on", err=True)
        return 1
    if reload.get("changed"):
        click.echo(f"reloaded: revision {reload.get('from')} -> {revision}")
    else:
        click.echo(f"nothing changed: revision {revision} is served already")
    restart = reload.get("needsRestart")
    if isinstance(restart, list) and restart:
        click.echo(f"only `ccr restart` takes over {', '.join(map(str, restart))}", err=True)
    return 0
