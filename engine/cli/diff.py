"""`ccr diff`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from engine.cli import options
from engine.cli.built_from import built_from
from engine.cli.configured import Chosen, UnreadableConfiguration
from engine.cli.request_files import requests_at

if TYPE_CHECKING:
    from rules.facts import Facts


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--requests", metavar="DIR", help="Replay the requests in DIR (or in a file of JSON lines), too.")
@click.option(
    "--format", "form", type=click.Choice(["human", "json", "md"]), default="human", help="The form of the report."
)
@click.option(
    "--fail-on",
    type=click.Choice(["any", "unproven", "never"]),
    default="never",
    show_default=True,
    help="The exit status is 1 for any change; or also when not all could be proved.",
)
@options.env_file
@options.allow_missing_env
def command(
    old: str,
    new: str,
    requests: str | None,
    form: str,
    fail_on: str,
    env_file: str | None,
    allow_missing_env: bool,
) -> int:
    """Show which requests go elsewhere under another configuration.

    Every class of requests whose target changes, each with a request, or the proof that there is none. One of OLD, NEW
    and DIR may be `-`, standard input.
    """
    if [old, new, requests].count("-") > 1:
        raise click.UsageError("only one of OLD, NEW and --requests can be standard input")
    from engine.analysis.diff import as_markdown, as_object, as_text, compared

    unread: list[str] = []
    before, after = (
        built_from(
            Chosen(name, "the command line's"),
            env_file,
            so="there is nothing to compare",
            allow_missing_env=allow_missing_env,
        )
        for name in (old, new)
    )
    result = compared(before, after, None if requests is None else _recorded(requests, unread))
    match form:
        case "json":
            click.echo(json.dumps(as_object(result), indent=2, ensure_ascii=False))
        case "md":
            click.echo(as_markdown(result), nl=False)
        case _:
            click.echo(as_text(result), nl=False)
    if unread:
        return UnreadableConfiguration.exit_code
    doubtful = fail_on == "unproven" and not result.proved
    return int(fail_on != "never" and (result.differs or doubtful))


def _recorded(folder: str, unread: list[str]) -> Iterator[Facts]:
    """The facts of all requests there are; the names of those that cannot be read are added to `unread`."""
    from rules.facts import Facts

    for found in requests_at(folder):
        if found.asked is not None:
            yield Facts(found.asked.envelope)
            continue
        if not found.refused:
            unread.append(found.name)
        click.echo(f"ccr: {found.name} is left out: {found.problem}", err=True)
