"""`ccr env`."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import get_args

import click

from engine.cli import client_credentials, options
from engine.cli.ask import trust_of
from engine.client_environment import HTTPS, Credentials, Shell, client_environment, shell_lines, url_at


@click.command("env")
@options.router_port
@options.router_host
@click.option("--shell", type=click.Choice(get_args(Shell)), help="The shell to write for (else the one of SHELL).")
@client_credentials.option
def command(port: int | None, host: str | None, shell: Shell | None, credentials: Credentials | None) -> None:
    """Print the lines that point Claude Code at the router.

    For sh, bash and zsh: `eval "$(ccr env)"`; for fish: `ccr env | source`;
    for PowerShell: `ccr env --shell powershell | Invoke-Expression`.
    """
    asked, known = options.router_place(host, port)
    whose = client_credentials.credentials_at(asked, known, credentials)
    trust = None if asked.startswith(HTTPS) else trust_of(known)
    environment = client_environment(url_at(asked, known, tls=trust is not None), os.environ, whose, trust)
    for line in shell_lines(environment, shell or _own_shell()):
        click.echo(line)


def _own_shell() -> Shell:
    name = PurePath(os.environ.get("SHELL", "")).name
    return "fish" if name == "fish" else "sh"
