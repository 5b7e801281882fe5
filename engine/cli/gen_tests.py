"""`ccr gen-tests`. An edge: it reads files and the environment."""

from __future__ import annotations

import json
import os

import click

from engine.cli.configured import UnreadableConfiguration, UnusableConfiguration, choose, say_which


@click.command("gen-tests")
@click.argument("file", required=False, metavar="[FILE]")
@click.option("-c", "--config", metavar="FILE", help="The same as FILE.")
def command(file: str | None, config: str | None) -> int:
    """Print routing tests for a configuration, as its section `tests`.

    One request for each rule that can be reached, and for each boundary the last number inside and the first outside.
    All of them pass: they say what the configuration does now.
    """
    from engine.analysis import offered
    from engine.build import build
    from engine.files import read_file
    from engine.render import findings_of_start
    from engine.report import file_report
    from rules.suite import suite_of

    chosen = choose(file or config, only_trusted=False)
    say_which(chosen)
    try:
        data = read_file(chosen.name)
    except OSError as problem:
        raise UnreadableConfiguration(f"{chosen.name} cannot be read") from problem
    checked = build(data, chosen.name, read_file=read_file, env=os.environ, secrets="keep", allow_missing_env=True)
    if checked.built is None:
        click.echo(findings_of_start(file_report(checked), color=False), err=True)
        raise UnusableConfiguration(f"{chosen.name} cannot be used")
    click.echo("tests:")
    for test in suite_of(checked.built.rules, offered(checked.built.providers)):
        click.echo(f"  - name: {json.dumps(test.name, ensure_ascii=False)}")
        click.echo(f"    request: {json.dumps(test.request, ensure_ascii=False)}")
        click.echo(f"    expect: {json.dumps(test.expect, ensure_ascii=False)}")
    return 0
