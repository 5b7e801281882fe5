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

    One request for each rule that can be reached, for each boundary the last number inside and the first outside, and for
    each fact of a condition one that differs in it alone and is decided otherwise. All of them pass: they say what the
    configuration does now. Rules without a test are named on standard error.
    """
    from engine.analysis.stage import offered
    from rules.testing.suite import suite_of

    if file and config:
        raise click.UsageError("give the configuration once, as FILE or with --config")
    built = built_from(file or config, env_file, so="there is nothing to test", allow_missing_env=allow_missing_env)
    suite = suite_of(built.rules, offered(built.providers))
    click.echo("tests:" if suite.tests else "tests: []")
    for test in suite.tests:
        click.echo(f"  - name: {_written(test.name)}")
        click.echo(f"    request: {_written(test.request)}")
        click.echo(f"    expect: {_written(test.expect)}")
    for name, why in suite.without.items():
        click.echo(f"ccr: there is no test for `{name}`: {why}", err=True)
    return 0


def _written(value: object) -> str:
    """A value in one line of YAML, with escapes only where it has what YAML does not take as it is."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
