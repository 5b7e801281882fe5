"""`ccr test-config`. An edge: it reads the environment and the clock, and writes what is asked for."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli import options
from engine.cli.configured import choose, say_which
from engine.cli.variables import variables
from schemas.diagnostics import Severity
from schemas.wording import counted

if TYPE_CHECKING:
    from engine.cli.checking import Reading
    from engine.reporting.baseline import Baseline
    from engine.reporting.report import FileReport, Report

FAIL_LEVELS = (*(severity.value for severity in Severity), "never")
FORMS = ("human", "json", "github", "sarif", "junit")


@click.command("test-config")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("-c", "--config", metavar="FILE", help="The same as FILE.")
@click.option("--format", "form", type=click.Choice(FORMS), default="human", help="The form of the report.")
@click.option("--tests", metavar="FILE", help="Run the tests in FILE, too.")
@click.option("--run", metavar="REGEX", help="Run only tests with a name in which REGEX is found.")
@click.option("--coverage", is_flag=True, help="Say how much of the rules the tests reach.")
@click.option("--fail-under", type=click.IntRange(0, 100), metavar="PERCENT", help="Fail if the tests reach less.")
@click.option("--junit", metavar="FILE", help="Write the results of tests and invariants to FILE as JUnit XML.")
@click.option("--select", multiple=True, metavar="CODES", help="Report only codes that start so, such as CCR1,CCR402.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not report codes that start so.")
@click.option("--baseline", metavar="FILE", help="Do not report the findings that are listed in FILE.")
@click.option("--write-baseline", is_flag=True, help="List the present findings in the baseline's FILE.")
@click.option(
    "--fail-level",
    type=click.Choice(FAIL_LEVELS),
    default="error",
    show_default=True,
    help="From which weight on the exit status is 1.",
)
@click.option("--strict", is_flag=True, help="Fail also for tests to do and invariants that are not proven.")
@click.option("--fix", is_flag=True, help="Mend what can be mended without changing any decision.")
@click.option("--unsafe-fixes", is_flag=True, help="Mend also what may change the meaning.")
@click.option("--diff", is_flag=True, help="Show what would be mended, and write nothing.")
@click.option("--explain", metavar="CODE", help="Show the page of a code, and check nothing.")
@options.env_file
@options.allow_missing_env
def command(
    files: tuple[str, ...],
    config: str | None,
    form: str,
    tests: str | None,
    run: str | None,
    coverage: bool,
    fail_under: int | None,
    junit: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    baseline: str | None,
    write_baseline: bool,
    fail_level: str,
    strict: bool,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    explain: str | None,
    env_file: str | None,
    allow_missing_env: bool,
) -> int:
    """Check configurations and report every error at once.

    FILEs are independent configurations in one report; without any, the file that `start` would use. `-` is standard
    input. Nothing inside `authentication` is looked up. The exit status is 1 for errors, 3 for a file without a tree.
    """
    if explain is not None:
        return _explain(explain)
    started = time.monotonic()
    _refuse(write_baseline=write_baseline, baseline=baseline, fix=fix, diff=diff, form=form)
    names = [*files, *([config] if config else [])]
    if not names:
        chosen = choose(None, only_trusted=False)
        say_which(chosen)
        names = [chosen.name]
    from engine.analysis.stage import Wishes
    from engine.cli.checking import Reading
    from engine.reporting.report import Choice, Report, Status

    wishes = Wishes(tests, _pattern(run), coverage or fail_under is not None)
    known = None if baseline is None or write_baseline else _baseline(baseline)
    env = {**os.environ, **variables(env_file)}
    reading = Reading(env, allow_missing_env, Choice(_prefixes(select), _prefixes(ignore), known), wishes)
    reports, mended = [reading.report(name) for name in names], True
    if diff:
        _show_differences(reading, reports, unsafe_fixes)
    elif fix or unsafe_fixes:
        from engine.cli.mending import fixed

        reports, mended = fixed(reading, reports, unsafe=unsafe_fixes)
    report = Report(tuple(reports), time.monotonic() - started)
    if run is not None and not report.tests and any(one.built for one in reports):
        click.echo(f"ccr: no test has a name in which `{run}` is found", err=True)
    if baseline is not None and write_baseline:
        return _write_baseline(report, baseline)
    if not diff:
        click.echo(_text(report, form), nl=False)
    if junit is not None:
        _write_junit(report, junit)
    status = int(report.status(None if fail_level == "never" else Severity(fail_level), strict=strict))
    low = fail_under is not None and any(one.coverage and one.coverage.percent < fail_under for one in reports)
    return status or int(low) if mended else int(Status.NO_TREE)


def _refuse(*, write_baseline: bool, baseline: str | None, fix: bool, diff: bool, form: str) -> None:
    if write_baseline and baseline is None:
        raise click.UsageError("--write-baseline needs `--baseline FILE`, the file to write")
    if write_baseline and (fix or diff):
        raise click.UsageError("--write-baseline cannot stand beside --fix or --diff")
    if diff and fix:
        raise click.UsageError("--diff shows what --fix would write; give one of them")
    if diff and form != "human":
        raise click.UsageError(f"--diff has no form {form}")


def _explain(code: str) -> int:
    from schemas.pages import page_of, weight_of

    wanted = _spelled_out(code)
    page = page_of(wanted)
    if page is None:
        raise _no_finding(code)
    click.echo(f"{page}\nWeight: {weight_of(wanted)}.")
    return 0


def _text(report: Report, form: str) -> str:
    match form:
        case "json":
            from engine.reporting.json import as_json

            return as_json(report)
        case "sarif":
            from engine.reporting.sarif import as_sarif
            from schemas.pages import page_of

            return as_sarif(report, page_of)
        case "junit":
            from engine.reporting.junit import as_junit

            return as_junit(report)
        case "github":
            from engine.reporting.github import as_github

            _write_summary(report)
            return as_github(report)
        case _:
            from engine.reporting.text import human

            return human(report, color=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))


def _write_summary(report: Report) -> None:
    """The page that GitHub shows with the job; its runner names the file in a variable."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    from engine.reporting.github import job_summary

    try:
        with Path(name).open("a", encoding="utf-8") as page:
            page.write(job_summary(report))
    except OSError as problem:
        click.echo(f"ccr: the job's summary cannot be written: {problem.strerror}", err=True)


def _write_junit(report: Report, name: str) -> None:
    from engine.reporting.junit import as_junit

    try:
        Path(name).write_text(as_junit(report), encoding="utf-8")
    except OSError as problem:
        raise click.UsageError(f"--junit {name} cannot be written: {problem.strerror}") from problem


def _baseline(name: str) -> Baseline:
    from engine.configuration.files import read_text
    from engine.reporting.baseline import baseline_of

    try:
        return baseline_of(read_text(name))
    except OSError as problem:
        raise click.UsageError(
            f"--baseline {name} cannot be read: {problem.strerror}; `--write-baseline` writes it"
        ) from problem
    except ValueError as problem:
        raise click.UsageError(f"--baseline {name}: {problem}") from problem


def _write_baseline(report: Report, name: str) -> int:
    from engine.reporting.baseline import baseline_text

    listed = {
        file.name: [(one.fingerprint, one.finding.code) for one in file.marked() if one.hidden is None]
        for file in report.files
    }
    try:
        Path(name).write_text(baseline_text(listed), encoding="utf-8")
    except OSError as problem:
        raise click.UsageError(f"--baseline {name} cannot be written: {problem.strerror}") from problem
    count = len(report.findings)
    click.echo(f"ccr: {counted(count, 'finding')} written to {name}", err=True)
    return int(report.status(None))


def _show_differences(reading: Reading, reports: list[FileReport], unsafe: bool) -> None:
    from engine.cli.mending import shown_difference

    shown = "".join(shown_difference(reading, one, unsafe=unsafe) for one in reports)
    click.echo(shown, nl=False)
    if not shown:
        more = not unsafe and any(one.fix is not None for report in reports for one in report.findings)
        advice = "; `--unsafe-fixes` shows what would change some" if more else ""
        click.echo(f"ccr: nothing can be mended{' without changing decisions' if more else ''}{advice}", err=True)


def _pattern(written: str | None) -> re.Pattern[str] | None:
    try:
        return None if written is None else re.compile(written)
    except re.error as problem:
        raise click.UsageError(f"--run {written}: {problem}") from problem


def _prefixes(written: tuple[str, ...]) -> list[str]:
    """The codes, or beginnings of codes, of an option. Raises click.UsageError for one with which no code begins."""
    from schemas.codes import CODES

    words = [word.strip() for part in written for word in part.split(",") if word.strip()]
    for word in words:
        if not any(code.startswith(_spelled_out(word)) for code in CODES):
            raise _no_finding(word)
    return [_spelled_out(word) for word in words]


def _spelled_out(code: str) -> str:
    """A code as findings have it; `302` is short for `CCR302`."""
    return f"CCR{code}" if code.isdigit() else code.upper()


def _no_finding(code: str) -> click.UsageError:
    from schemas.codes import CODES
    from schemas.suggest import did_you_mean

    near = did_you_mean(_spelled_out(code), CODES)
    return click.UsageError(f"there is no finding `{code}`" + (f"; {near}" if near else ""))
