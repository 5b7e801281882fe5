"""`ccr code`."""

from __future__ import annotations

import os
import shutil
import sys
from urllib.parse import urlsplit

import click

from engine.cli import client_credentials, options
from engine.cli.ask import LOOPBACK, ask, asks_for_key, router_answers, trust_of
from engine.cli.preparing import Prepared, StartOptions, client_host, prepare
from engine.cli.starting import in_background
from engine.client_environment import Credentials, brings_key, client_environment, url_at

NOT_RUNNABLE = 126
NOT_FOUND = 127


@click.command("code", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--config", metavar="FILE", help="The configuration file (else CCR_CONFIG_PATH).")
@click.option(
    "--port",
    cls=options.Named,
    type=click.IntRange(1, 65535),
    envvar="CCR_PORT",
    help="The router's port (else CCR_PORT).",
)
@client_credentials.option
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def command(config: str | None, port: int | None, credentials: Credentials | None, args: tuple[str, ...]) -> int:
    """Run Claude Code through the router.

    Starts the router in the background if none runs yet, then the program `claude` (or CLAUDE_PATH) with ARGS, and
    gives its exit status. `ccr code -- --help` passes --help on.
    """
    program = os.environ.get("CLAUDE_PATH") or "claude"
    found = shutil.which(os.path.expanduser(program))
    if found is None:
        click.echo(f"ccr: `{program}` is not found; install Claude Code or set CLAUDE_PATH", err=True)
        return NOT_FOUND
    url = _running_url(config, port)
    place = _place_of(url)
    whose = client_credentials.credentials_at(*place, credentials)
    keyless = not brings_key(os.environ) if whose == "own" else not os.environ.get("ANTHROPIC_AUTH_TOKEN")
    if keyless and asks_for_key(*place):
        click.echo("ccr: this router needs a key of its own: put yours into CCR_KEY", err=True)
        return 1
    environment = client_environment(url, os.environ, whose, trust_of(place[1])).over(os.environ)
    sys.stdout.flush()
    # The client takes this process's place: its terminal, its signals and its exit status are ours without a copy.
    try:
        os.execve(found, [found, *args], environment)  # noqa: S606 - an argument list, no shell
    except OSError as problem:
        click.echo(f"ccr: `{found}` cannot be run: {problem.strerror}", err=True)
        return NOT_RUNNABLE


def _running_url(config: str | None, port: int | None) -> str:
    """Where the router answers, started first if needed. Raises click.exceptions.Exit where it does not start."""
    if config is None:
        known = options.router_port_of(port)
        host = options.router_host_of(None, known)
        if router_answers(host, known):
            return _used(host, known)
    prepared = prepare(StartOptions(config=config, port=port))
    for host in dict.fromkeys((options.router_host_of(None, prepared.port), client_host(prepared.host))):
        if router_answers(host, prepared.port):
            url = _used(host, prepared.port)
            _say_whether_another(prepared, host)
            return url
    status = in_background(prepared)
    if status != 0:
        raise click.exceptions.Exit(status)
    click.echo(f"ccr: started the router on port {prepared.port}; `ccr stop` ends it", err=True)
    return prepared.url_at(prepared.port)


def _place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or LOOPBACK, parts.port or 80


def _say_whether_another(prepared: Prepared, host: str) -> None:
    """A line where the router that runs does not run the configuration that was asked for."""
    answer = ask(host, prepared.port, "/status")
    if answer is not None and answer.body.get("revision") != prepared.first.revision:
        click.echo(
            f"ccr: it runs another configuration; `ccr restart --port {prepared.port} --config FILE` changes that, and"
            " another `--port` starts one beside it",
            err=True,
        )


def _used(host: str, port: int) -> str:
    click.echo(f"ccr: using the router that runs on port {port}", err=True)
    return url_at(host, port, tls=trust_of(port) is not None)
