"""Whether the client's own credentials must reach the router: as it is asked for, else as the router says. An edge."""

from __future__ import annotations

import os

import click

from engine.cli.ask import LOOPBACK, Answer, ask
from engine.cli.configured import UnusableConfiguration, choose, reader_of
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
        data = reader_of(chosen)() if chosen.name != "-" else b""
    except (UnusableConfiguration, OSError):
        return "router"
    from engine.build import build
    from engine.files import read_file
    from engine.forwarding import forwards_credentials

    checked = build(data, chosen.name, read_file=read_file, env=os.environ, secrets="keep", allow_missing_env=True)
    built = checked.built
    return "own" if built is not None and forwards_credentials(built.rules, built.providers) else "router"
