"""The end that comes in any case: what does not stop when it is told to keeps no process alive. An edge."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from engine.log.journal import Journal

ENDS_WITHIN_S = 20.0
"""How long what is not a request may take to end after the drain: more than the last writes to disk and network may take."""

SAYS_WITHIN_S = 1.0


def end_anyway(journal: Journal, status: int, running: Callable[[], list[str]]) -> None:
    """Ends the process once `ENDS_WITHIN_S` have passed, unless it has ended by then; `running` names what held it up.

    A thread of its own watches: neither a task, nor another thread, nor a loop that stands still holds it up. INVARIANT:
    nobody calls this who does not mean to end the process. The exit status is `status`, or 1 where that says all was well.
    """
    watch = threading.Timer(ENDS_WITHIN_S, _end, (journal, status, running))
    watch.daemon = True
    watch.start()


def _end(journal: Journal, status: int, running: Callable[[], list[str]]) -> None:
    saying = threading.Thread(target=_say, args=(journal, running), daemon=True)
    saying.start()
    saying.join(SAYS_WITHIN_S)  # the disk of the log may be what does not answer
    os._exit(status or 1)


def _say(journal: Journal, running: Callable[[], list[str]]) -> None:
    journal.write(
        "error", "stopped without waiting for what does not end", stage="lifecycle", running=running() or None
    )
    journal.flush()
