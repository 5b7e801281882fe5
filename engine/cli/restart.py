"""`ccr restart`."""

from __future__ import annotations

import click

from engine.cli import options
from engine.cli.configured import UnusableConfiguration
from engine.cli.pid_file import running
from engine.cli.preparing import StartOptions, prepare
from engine.cli.start import command as start
from engine.cli.starting import announce, in_background
from engine.cli.stop import stopped


@click.command("restart")
@options.config
@options.router_port
@options.host
@options.debug
@options.log_level
@click.option("--demo", is_flag=True, help="Serve the built-in configuration.")
@click.option("--public", is_flag=True, help="Allow an address that other machines reach.")
def command(port: int | None, **asked: object) -> int:
    """Stop the router and start it again in the background.

    Without options it starts as it was started before. A configuration that must not run leaves the old router running.
    """
    chosen = options.router_port_of(port)
    wanted = StartOptions(port=chosen, **asked)  # type: ignore[arg-type]
    router = running(chosen)
    if router is not None and not any(asked.values()):
        before = start.make_context("start", [*router.arguments]).params
        before.pop("detach")
        wanted = StartOptions(**before)
    try:
        prepared = prepare(wanted)
    except UnusableConfiguration as problem:
        if router is None:
            raise
        raise type(problem)(f"{problem.message}; the one that runs goes on") from None
    if router is not None and not stopped(router):
        return 1
    status = in_background(prepared)
    if status == 0:
        announce(prepared, prepared.port)
    return status
