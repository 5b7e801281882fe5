"""`ccr start`."""

from __future__ import annotations

import click

from engine.cli import options
from engine.cli.preparing import StartOptions, prepare
from engine.cli.starting import announce, in_background, in_foreground


@click.command("start")
@options.config
@options.port
@options.host
@options.debug
@options.log_level
@options.workers
@click.option("--detach", is_flag=True, help="Go to the background once it serves.")
@click.option("--demo", is_flag=True, help="Serve a built-in configuration that needs no key and no network.")
@click.option("--public", is_flag=True, help="Allow an address that other machines reach, though no key is checked.")
def command(detach: bool, **asked: object) -> int:
    """Start the router.

    It stays in the foreground and ends on an interrupt, after its open requests.
    """
    prepared = prepare(StartOptions(**asked))  # type: ignore[arg-type]
    if not detach:
        return in_foreground(prepared)
    status = in_background(prepared)
    if status == 0:
        announce(prepared, prepared.port)
    return status
