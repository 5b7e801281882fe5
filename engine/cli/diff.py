"""`ccr diff`. An edge: it reads files and the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from engine.cli.configured import UnreadableConfiguration, UnusableConfiguration
from engine.cli.request_files import requests_at

if TYPE_CHECKING:
    from engine.built import Built
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
def command(old: str, new: str, requests: str | None, form: str, fail_on: str) -> int:
    """Show which requests go elsewhere under another configuration.

    Every class of requests whose target changes, each with a request, or the proof that there is none.
    """
    from engine.diff import as_markdown, as_object, as_text, compared

    unread: list[str] = []
    result = compared(_built(old), _built(new), None if requests is None else _recorded(requests, unread))
    match form:
        case "json":
            click.echo(json.dumps(as_object(result), indent=2, ensure_ascii=False))
        case "md":
            click.echo(as_markdown(result), nl=False)
        case _:
            click.echo(as_text(result), nl=False)
    if unread:
        return UnreadableConfiguration.exit_code
    doubtful = fail_on == "unproven" and not result.difference.proved
    return int(fail_on != "never" and (result.differs or doubtful))


def _built(name: str) -> Built:
    from engine.build import build
    from engine.files import read_file
    from engine.render import findings_of_start
    from engine.report import file_report

    try:
        data = read_file(name)
    except OSError as problem:
        raise UnreadableConfiguration(
            f"{name} cannot be read: {(problem.strerror or 'no such file').lower()}"
        ) from problem
    checked = build(data, name, read_file=read_file, env=os.environ, secrets="keep", allow_missing_env=True)
    if checked.built is None:
        click.echo(findings_of_start(file_report(checked), color=False), err=True)
        raise UnusableConfiguration(f"{name} cannot be used")
    return checked.built


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
