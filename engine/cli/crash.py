"""Keeps the traceback of a bug of ours in the log, where `ccr logs` finds it. An edge."""

from __future__ import annotations

import time
from pathlib import Path

from engine.cli.folders import default_log_folder


def record_crash(traceback_text: str) -> Path | None:
    """Appends the traceback to today's log and gives its path; None where the log cannot be written."""
    try:
        # A bug may have come from a half-installed package: what is needed only now is imported only now.
        from engine.log.journal import Journal

        folder = default_log_folder()
        journal = Journal(folder)
        journal.write("error", "the command line failed", traceback=traceback_text)
        journal.close()
    except (OSError, ImportError):
        return None
    path = folder / f"ccr-{time.strftime('%Y-%m-%d')}.log"
    return path if path.exists() else None
