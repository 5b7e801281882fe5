"""The program `ccr`: its outermost frame. Each command is a file of its own, imported only when it is called."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import PurePath

import click

from engine.cli.commands import ccr
from engine.cli.crash import record_crash

__all__ = ["ccr", "main"]

YOUNG = 50_000
"""Objects beyond those freed at which Python looks for cycles; a router at work looks sooner. Configurations hold none."""

BUG = 70
INTERRUPTED = 130
USAGE = 2
UNWRITABLE = 3


def main() -> int:
    """Runs the command line and gives the exit status: the command's own, 2 for usage, 3 where the output cannot be written,
    130 for an interrupt, 70 for our bug.
    """
    _open_what_is_closed()
    gc.set_threshold(YOUNG)
    try:
        status = ccr.main(prog_name=_program_name(), standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except Exception as bug:  # noqa: BLE001 - the outermost frame: whatever else comes is a bug of ours
        lost = _why_output_is_lost(bug)
        if lost is not None:
            click.echo(f"ccr: the output cannot be written: {lost}", err=True)
            return UNWRITABLE
        return _report(bug)
    return status if isinstance(status, int) else 0


def _open_what_is_closed() -> None:
    """Standard streams that whoever starts us has closed lead nowhere; else the next file opened would be one of them."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - as long as the process
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _why_output_is_lost(bug: Exception) -> str | None:
    """Why standard output takes nothing more; None where it does, or nobody failed to write. What it has not taken is given up."""
    if not isinstance(bug, OSError):
        return None
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except OSError as problem:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return (problem.strerror or type(problem).__name__).lower()
    return None


def _program_name() -> str:
    """The name it was called by: both are this program, and completion asks by name."""
    called = PurePath(sys.argv[0]).stem
    return called if called == "claude-code-router" else "ccr"


def _report(bug: Exception) -> int:
    import traceback

    text = "".join(traceback.format_exception(bug))
    if "--debug" in sys.argv:
        sys.stderr.write(text)
    where = record_crash(text)
    cause = " ".join(f"{type(bug).__name__}: {bug}".split())
    kept = f"the traceback is in {where}" if where else "`--debug` shows the traceback"
    sys.stderr.write(f"ccr: this is a bug of ccr: {cause} ({kept})\n")
    return BUG
