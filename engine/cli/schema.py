"""`ccr schema`."""

from __future__ import annotations

import click

from schemas.packaged import schema_text


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the configuration.

    Editors read it: put `# yaml-language-server: $schema=FILE` on the first line of a configuration.
    """
    click.echo(schema_text(), nl=False)
