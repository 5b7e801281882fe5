"""`ccr keys`. An edge: it makes keys, and reads the configuration."""

from __future__ import annotations

import os
import secrets
import time

import click

from engine.cli import options
from engine.cli.configured import UnusableConfiguration, choose, reader_of, say_which
from engine.keys import RouterKey, hash_of, id_of, key_text
from providers.secret import Secret


@click.group("keys", no_args_is_help=True)
def command() -> None:
    """Make and check the keys of the router's clients."""


@command.command("add")
@click.argument("name")
def add(name: str) -> int:
    """Make a key: it is shown once, its hash is for `server.apiKeys`.

    The line of YAML goes to standard output, the key to standard error; the configuration is not changed.
    """
    if not name.isprintable() or '"' in name or "\\" in name:
        raise click.UsageError("a name has no quotes, backslashes or control characters")
    key = key_text(secrets.token_hex(4), secrets.token_urlsafe(32))
    click.echo(f"ccr: the key of `{name}`, shown only now: {key}", err=True)
    click.echo("ccr: this line goes into the configuration, under `server.apiKeys`:", err=True)
    click.echo(f'- {{name: "{name}", hash: "{hash_of(key, secrets.token_bytes(16)).written()}"}}')
    return 0


@command.command("list")
@options.config
def list_(config: str | None) -> int:
    """Show the names of the keys, and which have expired."""
    for key in _keys(config):
        expired = key.expires_at is not None and key.expires_at <= time.time()
        click.echo(key.name + (" (expired)" if expired else ""))
    return 0


@command.command("check")
@options.config
def check(config: str | None) -> int:
    """Say whose key CCR_KEY holds.

    Exit status 1 when it is nobody's, or expired.
    """
    presented = os.environ.get("CCR_KEY")
    if not presented:
        raise click.UsageError("put the key into CCR_KEY")
    for key in _keys(config):
        if _fits(key, presented):
            expired = key.expires_at is not None and key.expires_at <= time.time()
            click.echo(f"this is the key `{key.name}`" + (", which has expired" if expired else ""))
            return 1 if expired else 0
    click.echo("ccr: this is no key of this configuration", err=True)
    return 1


def _fits(key: RouterKey, presented: str) -> bool:
    if isinstance(key.stored, Secret):
        return secrets.compare_digest(key.stored.reveal().encode(), presented.encode())
    return key.stored.id == id_of(presented) and key.stored.matches(presented)


def _keys(config: str | None) -> tuple[RouterKey, ...]:
    from engine.build import build
    from engine.files import read_file

    chosen = choose(config, only_trusted=False)
    say_which(chosen)
    checked = build(
        reader_of(chosen)(), chosen.name, read_file=read_file, env=os.environ, secrets="resolve", public=True
    )
    if checked.built is None:
        raise UnusableConfiguration("this configuration cannot run; `ccr test-config` says why")
    return checked.built.settings.server.access.keys or ()
