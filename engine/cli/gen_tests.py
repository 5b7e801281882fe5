"""`ccr gen-tests`."""

from __future__ import annotations

import json

import click

from engine.cli import options
from engine.cli.built_from import built_from


@click.command("gen-tests")
@click.argument("file", required=False, metavar="[FILE]")
@click.option("-c", "--config", metavar="FILE", help="The same as FILE.")
@options.env_file
@options.allow_missing_env
def command(file: str | None, config: str | None, env_file: str | None, allow_missing_env: bool) -> int:
    """Print routing tests for a configuration, as its section `tests`.

    One request for each rule that can be reached, and for each boundary the last number inside and the first outside.
    All of them pass: they say what the configuration does now.
    """
    from engine.analysis import offered
    from rules.suite import suite_of

    if file and config:
        raise click.UsageError("give the configuration once, as FILE or with --config")
    built = built_from(file or config, env_file, so="there is nothing to test", allow_missing_env=allow_missing_env)
    click.echo("tests:")
    for test in suite_of(built.rules, offered(built.providers)):
        click.echo(f"  - name: {json.dumps(test.name, ensure_ascii=False)}")
        click.echo(f"    request: {json.dumps(test.request, ensure_ascii=False)}")
        click.echo(f"    expect: {json.dumps(test.expect, ensure_ascii=False)}")
    return 0
