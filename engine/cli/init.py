"""`ccr init`."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.folders import made_private, state_folder
from engine.cli.packaged import starter_configuration
from schemas.packaged import SCHEMA_FILE, schema_text


@click.command("init")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace a file that is already there.")
def command(file: Path | None, force: bool) -> int:
    """Write a commented starter configuration.

    Writes FILE, or ~/.claude-code-router/config.yaml, and beside it the schema that editors check it with.
    """
    path = file.expanduser() if file else state_folder() / "config.yaml"
    if path.suffix.lower() == ".json":
        raise click.UsageError(f"the starter is YAML, which `{path.name}` says it is not; choose a name with `.yaml`")
    if path.exists() and not force:
        click.echo(f"{path} is already there; `--force` replaces it", err=True)
        return 1
    try:
        if file is None:
            made_private(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(starter_configuration(), encoding="utf-8")
        (path.parent / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    except OSError as problem:
        click.echo(f"{problem.filename} cannot be written: {problem.strerror}", err=True)
        return 1
    click.echo(f"wrote {path} and, for editors, {SCHEMA_FILE} beside it")
    click.echo(
        f"next: `export OPENAI_API_KEY=...` or write another upstream into it, `ccr test-config {path}`,"
        f" then `ccr start{f' --config {path}' if file else ''}`"
    )
    return 0
