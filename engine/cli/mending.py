"""`--fix` and `--diff` of `ccr test-config`."""

from __future__ import annotations

import click

from engine.analysis.mend import Mended, difference, mended
from engine.analysis.unchanged import unchanged
from engine.cli.checking import Reading
from engine.cli.rewriting import rewrite
from engine.reporting.report import FileReport


def fixed(reading: Reading, report: FileReport, *, unsafe: bool) -> FileReport:
    """Mends the file, and those it includes, where they lie; gives what is found afterwards."""
    name = report.checked.file
    if name == "-":
        raise click.UsageError("standard input cannot be fixed; `--diff` shows what would be")
    done = _mended(reading, report, unsafe)
    rewrite(done.texts)
    if done.fixes:
        files = ", ".join(done.texts)
        click.echo(f"ccr: {done.fixes} fix{'es' if done.fixes > 1 else ''} made in {files}", err=True)
    return done.report


def shown_difference(reading: Reading, report: FileReport, *, unsafe: bool) -> str:
    """What `--fix` would change, as a unified diff."""
    done = _mended(reading, report, unsafe)
    return difference(report.checked, done.report.checked)


def _mended(reading: Reading, report: FileReport, unsafe: bool) -> Mended:
    return mended(report, lambda texts: reading.report(report.checked.file, texts), unchanged, unsafe=unsafe)
