"""`--fix` and `--diff` of `ccr test-config`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from engine.analysis.mend import Mended, difference, mended
from engine.analysis.unchanged import unchanged
from engine.cli.checking import Reading
from engine.cli.rewriting import rewrite
from engine.reporting.report import FileReport


def fixed(reading: Reading, reports: Sequence[FileReport], *, unsafe: bool) -> tuple[list[FileReport], bool]:
    """Mends the files, and those they include, where they lie.

    Gives what is found afterwards, and whether all that was to be written could be; what could not is said.
    """
    if any(one.checked.file == "-" for one in reports):
        raise click.UsageError("standard input cannot be fixed; `--diff` shows what would be")
    after, whole, written = list[FileReport](), True, False
    for report in reports:
        # two configurations may include the same file
        done = _mended(reading, reading.report(report.checked.file) if written else report, unsafe)
        try:
            rewrite(done.texts)
        except OSError as problem:
            why = (problem.strerror or type(problem).__name__).lower()
            click.echo(f"ccr: {problem.filename} cannot be written: {why}", err=True)
            after.append(reading.report(report.checked.file))
            whole = False
            continue
        if done.fixes:
            files = ", ".join(done.texts)
            click.echo(f"ccr: {done.fixes} fix{'es' if done.fixes > 1 else ''} made in {files}", err=True)
            written = True
        after.append(done.report)
    return after, whole


def shown_difference(reading: Reading, report: FileReport, *, unsafe: bool) -> str:
    """What `--fix` would change, as a unified diff."""
    done = _mended(reading, report, unsafe)
    return difference(report.checked, done.report.checked)


def _mended(reading: Reading, report: FileReport, unsafe: bool) -> Mended:
    return mended(report, lambda texts: reading.report(report.checked.file, texts), unchanged, unsafe=unsafe)
