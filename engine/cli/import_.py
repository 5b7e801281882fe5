"""`ccr import`. An edge: it reads the file and writes the new one."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.configured import unreadable
from engine.configuration.files import read_file, read_input


@click.command("import")
@click.argument("file", metavar="FILE")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the new file here, and the schema for editors beside it.",
)
@click.option("--force", is_flag=True, help="Replace OUT if it is already there.")
def command(file: str, output: Path | None, force: bool) -> int:
    """Turn another router's configuration into one of ccr.

    FILE is a configuration of musistudio/claude-code-router (version 1 or 2) or of the original router's later versions;
    `-` is standard input. The result goes to standard output, or to OUT. What has no equivalent is listed on standard
    error and in comments. Keys are never copied: a comment names the variable to put each into.
    """
    from engine.importing.convert import NotImportable, imported
    from providers.dialects.table import TYPES

    if output is not None and output.expanduser().exists() and not force:
        click.echo(f"{output} is already there; `--force` replaces it", err=True)
        return 1
    try:
        data = read_input() if file == "-" else read_file(file)
        name = "standard input" if file == "-" else Path(file).name
        made = imported(data, name, TYPES)
    except OSError as problem:
        raise unreadable(file, problem) from None
    except NotImportable as problem:
        click.echo(str(problem), err=True)
        return 1 if problem.has_tree else 3
    if output is None:
        click.echo(made.text, nl=False)
    elif not _wrote(output.expanduser(), made.text):
        return 1
    for note in made.notes:
        click.echo(f"{note.place}: {note.text}", err=True)
    for variable in made.variables:
        click.echo(f"set {variable}: its key was written in the imported file and is not copied", err=True)
    if output is not None:
        click.echo(f"wrote {output}; next: `ccr test-config {output}`", err=True)
    return 0


def _wrote(path: Path, text: str) -> bool:
    from schemas.packaged import SCHEMA_FILE, schema_text

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        (path.parent / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    except OSError as problem:
        click.echo(f"{problem.filename} cannot be written: {problem.strerror}", err=True)
        return False
    return True
