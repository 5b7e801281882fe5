"""`ccr trust`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from engine.cli.configured import PROJECT_FILE, UnreadableConfiguration
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
        raise UnreadableConfiguration(f"{problem.filename} cannot be read: {problem.strerror}") from problem
    with_others = f" with {len(files)} included" if files else ""
    click.echo(f"trusted {file.resolve()}{with_others}, as it is now")
    return 0


def included_by(file: Path) -> list[Path]:
    """The files that `file` includes. Nothing of it is resolved or used here. Raises OSError."""
    # Reading YAML is not needed to take trust back, so it is imported where it is.
    from engine.files import read_file
    from engine.sources import read_sources

    sources = read_sources(read_file(str(file)), str(file), read_file)
    if sources.document is None:
        raise UnreadableConfiguration(f"{file} has no readable tree; `ccr test-config {file}` says why")
    return [Path(os.path.expanduser(name)).resolve() for name in sources.texts if name != str(file)]
