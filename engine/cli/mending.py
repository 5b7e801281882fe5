"""`--fix` and `--diff` of `ccr test-config`. An edge: it writes files."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from engine.cli.checking import Reading
from engine.mend import Mended, difference, mended
from engine.report import FileReport
from engine.unchanged import unchanged

_BOM = b"\xef\xbb\xbf"


def fixed(reading: Reading, report: FileReport, *, unsafe: bool) -> FileReport:
    """Mends the file, and those it includes, where they lie; gives what is found afterwards."""
    name = report.checked.file
    if name == "-":
        raise click.UsageError("standard input cannot be fixed; `--diff` shows what would be")
    done = _mended(reading, report, unsafe)
    _write(done.texts)
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


def _write(texts: Mapping[str, str]) -> None:
    """Each file whole or not at all, with the mode and the byte order mark it had; a link stays one."""
    for file, text in texts.items():
        path = Path(file).expanduser().resolve()
        before = path.read_bytes()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write((_BOM if before.startswith(_BOM) else b"") + text.encode())
            Path(name).chmod(stat.S_IMODE(path.stat().st_mode))
            Path(name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
