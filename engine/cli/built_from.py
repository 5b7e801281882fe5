"""The configuration that a command asks about, built. An edge: it reads files and the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import click

from engine.cli.configured import UnreadableConfiguration, UnusableConfiguration, choose, reader_of, say_which

if TYPE_CHECKING:
    from engine.built import Built


def built_from(
    config: str | None,
    env_file: str | None,
    *,
    allow_missing_env: bool,
    secrets: Literal["resolve", "keep"] = "keep",
) -> Built:
    """The configuration by the usual order, with its findings said where it cannot be used, and then an error raised."""
    from engine.build import build
    from engine.cli.variables import variables
    from engine.files import read_file

    chosen = choose(config, only_trusted=secrets == "resolve")
    say_which(chosen)
    try:
        data = reader_of(chosen)()
    except OSError as problem:
        raise UnreadableConfiguration(f"{chosen.name} cannot be read: {problem.strerror}") from problem
    env = {**os.environ, **variables(env_file)}
    checked = build(
        data, chosen.name, read_file=read_file, env=env, secrets=secrets, allow_missing_env=allow_missing_env
    )
    if checked.built is None:
        from engine.render import findings_of_start
        from engine.report import file_report

        click.echo(findings_of_start(file_report(checked), color=False), err=True)
        failure = UnusableConfiguration if checked.document is not None else UnreadableConfiguration
        raise failure(f"{chosen.name} has errors")
    return checked.built
