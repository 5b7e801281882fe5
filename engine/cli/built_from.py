"""The configuration that a command asks about: read and built, or refused with what is wrong. An edge: environment, terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import click

from engine.cli.configured import (
    Chosen,
    UnreadableConfiguration,
    UnusableConfiguration,
    choose,
    reader_of,
    say_which,
    unreadable,
)

if TYPE_CHECKING:
    from engine.built import Built, Checked
    from engine.configuration.sources import Sources


def built_from(
    config: str | Chosen | None,
    env_file: str | None = None,
    *,
    so: str,
    secrets: Literal["resolve", "keep"] = "keep",
    allow_missing_env: bool = False,
) -> Built:
    """The configuration by the usual order, or the one that is chosen already. `so`: what does not happen without it.

    Where it cannot be used its findings are printed, and UnusableConfiguration or UnreadableConfiguration is raised.
    """
    from engine.cli.variables import variables

    if isinstance(config, Chosen):
        chosen = config
    else:
        chosen = choose(config, only_trusted=False)
        say_which(chosen)
    env = {**os.environ, **variables(env_file)}
    return usable(checked_at(chosen, env, secrets=secrets, allow_missing_env=allow_missing_env), so)


def checked_at(
    chosen: Chosen,
    env: Mapping[str, str],
    *,
    secrets: Literal["resolve", "keep"] = "keep",
    allow_missing_env: bool = False,
    texts: Mapping[str, str] | None = None,
) -> Checked:
    """What the file says, for a command that lets nobody in: its address may be public. Raises UnreadableConfiguration.

    `texts` stand in place of the files of their names.
    """
    from engine.build import build
    from engine.configuration.files import read_file
    from engine.configuration.secret_keys import decrypting

    known = texts or {}
    try:
        data = known[chosen.name].encode() if chosen.name in known else reader_of(chosen)()
    except OSError as problem:
        raise unreadable(chosen.name, problem) from problem
    return build(
        data,
        chosen.name,
        read_file=lambda path: known[path].encode() if path in known else read_file(path),
        env=env,
        secrets=secrets,
        allow_missing_env=allow_missing_env,
        public=True,
        decrypt=decrypting(env) if secrets == "resolve" else None,
    )


def sources_at(name: str) -> Sources:
    """The files of a configuration as they are written. Raises UnreadableConfiguration unless each of them has a tree."""
    from engine.configuration.files import read_file
    from engine.configuration.sources import read_sources

    try:
        sources = read_sources(read_file(name), name, read_file)
    except OSError as problem:
        raise unreadable(name, problem) from problem
    why = f"`ccr test-config {name}` says why"
    if sources.document is None:
        raise UnreadableConfiguration(f"{name} has no readable tree; {why}")
    if sources.unread:
        raise UnreadableConfiguration(f"{sources.unread[0]}, which {name} includes, cannot be used; {why}")
    return sources


def usable(checked: Checked, so: str) -> Built:
    """The built configuration; else its findings are printed, and the error is raised that ends the command."""
    if checked.built is not None:
        return checked.built
    show_findings(checked)
    failure = UnusableConfiguration if checked.is_whole else UnreadableConfiguration
    raise failure(f"{checked.file} has errors, so {so}")


def show_findings(checked: Checked) -> None:
    """Prints what is wrong, on standard error."""
    from engine.reporting.report import file_report
    from engine.reporting.text import findings_of_start

    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    click.echo(findings_of_start(file_report(checked), color=colour) + "\n", err=True)
