"""`ccr keys`. An edge: it makes keys, and reads and changes the configuration."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Literal, assert_never

import click

from engine.access.keys import RouterKey, hash_of, id_of, key_text
from engine.cli import options
from engine.cli.built_from import built_from, checked_at, show_findings, sources_at
from engine.cli.configured import UnusableConfiguration, choose, say_which
from engine.cli.rewriting import rewrite
from engine.cli.trust import included_by
from engine.cli.trust_store import is_trusted, record_trust
from providers.secret import Secret
from schemas.suggest import nearest


@click.group("keys", no_args_is_help=True)
def command() -> None:
    """Make, check and revoke the keys of the router's clients."""


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
    for key in _keys(config, "keep"):
        expired = key.expires_at is not None and key.expires_at <= time.time()
        click.echo(key.name + (" (expired)" if expired else ""))
    return 0


@command.command("revoke")
@click.argument("name")
@options.config
def revoke(name: str, config: str | None) -> int:
    """Take a key out of the configuration.

    A running router takes that over at once. Comments and all other keys stay as they are. What cannot be cut out so is
    shown, and nothing is changed; nor where the rest would have errors, such as a budget of the key.
    """
    from engine.access.key_entries import LastKey, NoSuchKey, Revoked, revoked

    chosen = choose(config, only_trusted=False)
    say_which(chosen)
    if chosen.name == "-":
        raise click.UsageError("standard input cannot be changed")
    path = Path(chosen.name)
    texts = sources_at(chosen.name).texts
    try:
        outcome = revoked(texts, name)
        match outcome:
            case NoSuchKey(names):
                near = nearest(name, names)
                hint = f"did you mean `{near}`?" if near else f"there are {', '.join(names) or 'none'}"
                click.echo(f"ccr: there is no key `{name}`; {hint}", err=True)
                return 1
            case LastKey(place):
                click.echo(
                    f"ccr: `{name}` at {place} is the only key, and without one everybody may ask;"
                    " add another first, or remove `server.apiKeys` yourself",
                    err=True,
                )
                return 1
            case Revoked(place, changed):
                if not changed:
                    click.echo(f"ccr: remove the key `{name}` at {place} yourself: more than its lines would change")
                    return 1
                before, after = (
                    checked_at(chosen, os.environ, allow_missing_env=True, texts=one) for one in ({}, changed)
                )
                if before.built is not None and after.built is None:
                    show_findings(after)
                    raise UnusableConfiguration(
                        f"nothing was changed, and the key `{name}` still lets in:"
                        " without it the configuration would have these errors; mend them first"
                    )
                trusted = is_trusted(path)
                rewrite(changed)
                if trusted:
                    record_trust(path, included_by(path))
            case _:
                assert_never(outcome)
    except OSError as problem:
        raise UnusableConfiguration(f"{problem.filename} cannot be changed: {problem.strerror}") from problem
    click.echo(f"revoked the key `{name}` (it stood at {place})")
    if after.built is None:
        click.echo(
            f"ccr: {chosen.name} had errors before, so a running router does not take it over, and still lets the key in;"
            f" `ccr test-config {chosen.name}` shows them",
            err=True,
        )
        return 1
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
    keys = _keys(config, "resolve")
    for key in keys:
        if not _is_unset(key) and _fits(key, presented):
            expired = key.expires_at is not None and key.expires_at <= time.time()
            click.echo(f"this is the key `{key.name}`" + (", which has expired" if expired else ""))
            return 1 if expired else 0
    unset = [f"`{key.name}`" for key in keys if _is_unset(key)]
    beside = f"; what {', '.join(unset)} is, is not set in this environment" if unset else ""
    click.echo(f"ccr: this is no key of this configuration{beside}", err=True)
    return 1


def _fits(key: RouterKey, presented: str) -> bool:
    if isinstance(key.stored, Secret):
        return secrets.compare_digest(key.stored.reveal().encode(), presented.encode())
    return key.stored.id == id_of(presented) and key.stored.matches(presented)


def _is_unset(key: RouterKey) -> bool:
    """Whether the key is in a variable that is not set here, and so still as written."""
    return isinstance(key.stored, Secret) and "${" in key.stored.reveal()


def _keys(config: str | None, secrets: Literal["resolve", "keep"]) -> tuple[RouterKey, ...]:
    """The keys; what else needs variables does not matter for them."""
    built = built_from(config, so="its keys are not known", secrets=secrets, allow_missing_env=True)
    return built.settings.server.access.keys or ()
