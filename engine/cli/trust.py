"""`ccr trust`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from engine.cli.configured import PROJECT_FILE, unreadable
from engine.cli.trust_store import forget_trust, record_trust


@click.command("trust")
@click.argument("file", required=False, default=PROJECT_FILE, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--forget", is_flag=True, help="Take the trust back.")
def command(file: Path, forget: bool) -> int:
    """Let `start`, `restart` and `code` use this folder's ccr.yaml.

    A project's configuration decides where a session goes, so a cloned one is not used until you have read it and said
    so. Trust ends when the file, or one that it includes, changes.
    """
    if forget:
        click.echo(f"{file} is no longer trusted" if forget_trust(file) else f"{file} was not trusted")
        return 0
    try:
        files = included_by(file)
        record_trust(file, files)
    except OSError as problem:
        raise unreadable(problem.filename, problem) from problem
    with_others = f" with {len(files)} included" if files else ""
    click.echo(f"trusted {file.resolve()}{with_others}, as it is now")
    return 0


def included_by(file: Path) -> list[Path]:
    """The files that `file` includes. Nothing of it is resolved or used here.

    Raises UnreadableConfiguration, also for an included one: what is not there cannot be trusted.
    """
    # Reading YAML is not needed to take trust back, so it is imported where it is.
    from engine.cli.built_from import sources_at

    return [Path(os.path.expanduser(name)).resolve() for name in sources_at(str(file)).texts if name != str(file)]
