"""Whether the client's own credentials must reach the router: as it is asked for, else as the router says. An edge."""

from __future__ import annotations

import os

import click

from engine.cli.ask import LOOPBACK, Answer, ask
from engine.cli.built_from import checked_at
from engine.cli.configured import UnusableConfiguration, choose
from engine.client_environment import Credentials

option = click.option(
    "--credentials",
    type=click.Choice(["own", "router"]),
    help="Whether the client keeps its own, or gets CCR_KEY in their place (else: as the configuration forwards them).",
)


def credentials_at(host: str, port: int, asked: Credentials | None) -> Credentials:
    """What the flag says, else the router that answers there, else the configuration that a start would use."""
    if asked is not None:
        return asked
    answer = ask(host, port, "/status", 2.0)
    if answer is not None and answer.status == 200:
        return "own" if _forwards(answer) else "router"
    return _as_configured() if host == LOOPBACK else "router"


def _forwards(answer: Answer) -> bool:
    routing = answer.body.get("routing")
    return isinstance(routing, dict) and routing.get("forwardsCredentials") is True


def _as_configured() -> Credentials:
    try:
        chosen = choose(None, only_trusted=True)
        built = checked_at(chosen, os.environ, allow_missing_env=True).built if chosen.name != "-" else None
    except UnusableConfiguration:
        return "router"
    from engine.forwarding import forwards_credentials

    return "own" if built is not None and forwards_credentials(built.rules, built.providers) else "router"
