"""`ccr schema`."""

from __future__ import annotations

import click

from engine.cli.packaged import configuration_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the configuration.

    Editors read it: put `# yaml-language-server: $schema=FILE` on the first line of a configuration.
    """
    click.echo(configuration_schema(), nl=False)
