"""How many connections the system lets this process have. An edge: it raises the process's own limit."""

from __future__ import annotations

import contextlib
import resource

MANY = 131_072
KEPT_BACK = 4
"""One part in so many of the open files is for upstreams, logs and the rest."""


def connections_allowed() -> int:
    """How many connections of clients fit, after the soft limit of open files is raised towards the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY if hard == resource.RLIM_INFINITY else min(hard, MANY)
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # some systems have a ceiling besides; what is there has to do
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, soft - soft // KEPT_BACK)
