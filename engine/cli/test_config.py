"""`ccr test-config`. An edge: it reads the files, the environment and the clock."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.configured import choose, say_which
from schemas.diagnostics import Diagnostic, Severity, Span

if TYPE_CHECKING:
    from engine.built import Checked

FAIL_LEVELS = (*(severity.value for severity in Severity), "never")


@click.command("test-config")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("-c", "--config", metavar="FILE", help="The same as FILE.")
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", help="The form of the report.")
@click.option("--select", multiple=True, metavar="CODES", help="Report only codes that start so, such as CCR1,CCR402.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not report codes that start so.")
@click.option(
    "--fail-level",
    type=click.Choice(FAIL_LEVELS),
    default="error",
    show_default=True,
    help="From which weight on the exit status is 1.",
)
@click.option("--env-file", metavar="FILE", help="Read variables for ${NAME} from NAME=value lines.")
@click.option("--allow-missing-env", is_flag=True, help="Do not report a ${NAME} that is not set.")
def command(
    files: tuple[str, ...],
    config: str | None,
    form: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_level: str,
    env_file: str | None,
    allow_missing_env: bool,
) -> int:
    """Check configurations and report every error at once.

    FILEs are independent configurations in one report; without any, the file that `start` would use. `-` is standard
    input. Nothing inside `authentication` is looked up. The exit status is 1 for errors, 3 for a file without a tree.
    """
    from engine.report import Report, file_report

    started = time.monotonic()
    names = [*files, *([config] if config else [])]
    if not names:
        chosen = choose(None, only_trusted=False)
        say_which(chosen)
        names = [chosen.name]
    env = {**os.environ, **_variables(env_file)}
    reports = []
    for name in names:
        checked = _checked(name, env, allow_missing_env)
        reports.append(file_report(checked, _prefixes(select), _prefixes(ignore)))
    report = Report(tuple(reports), time.monotonic() - started)
    if form == "json":
        from engine.render_json import as_json

        text = as_json(report)
    else:
        from engine.render import human

        text = human(report, color=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    click.echo(text, nl=False)
    return int(report.status(None if fail_level == "never" else Severity(fail_level)))


def _checked(name: str, env: dict[str, str], allow_missing_env: bool) -> Checked:
    from engine.build import build
    from engine.built import Checked
    from engine.files import read_by_others, read_file
    from schemas.codes import finding

    try:
        data = sys.stdin.buffer.read() if name == "-" else read_file(name)
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or "no such file"
        return Checked(
            name,
            None,
            None,
            (finding("CCR001", f"the file cannot be read: {why.lower()}", Span(name, 1, 1, 1, 1)),),
            {},
        )
    checked = build(data, name, read_file=read_file, env=env, secrets="keep", allow_missing_env=allow_missing_env)
    exposed = [found for found in checked.diagnostics if found.code == "CCR801" and read_by_others(found.span.file)]
    return replace(checked, diagnostics=(*checked.diagnostics, *_exposed(exposed))) if exposed else checked


def _exposed(secrets: Sequence[Diagnostic]) -> list[Diagnostic]:
    """One finding for each file that holds a secret and that other users may read."""
    from schemas.codes import finding

    return [
        finding(
            "CCR803",
            "the file holds a secret and others on this machine may read it",
            Span(file, 1, 1, 1, 1),
            help=f"`chmod 600 {file}`",
        )
        for file in dict.fromkeys(found.span.file for found in secrets)
    ]


def _prefixes(written: tuple[str, ...]) -> list[str]:
    return [code.strip().upper() for part in written for code in part.split(",") if code.strip()]


def _variables(env_file: str | None) -> dict[str, str]:
    if env_file is None:
        return {}
    from schemas.env_file import read_env_file

    try:
        return read_env_file(Path(env_file).expanduser().read_text(encoding="utf-8"))
    except OSError as problem:
        raise click.UsageError(f"--env-file {env_file} cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise click.UsageError(f"--env-file {env_file}: {problem}") from problem
