"""How long a decision takes, in this process, for rule sets of several sizes."""

from __future__ import annotations


def decision_s(rules: int) -> float:
    """Median seconds of one decision whose rules all fail but the last, facts of tier 0 and 1 computed anew each time."""
    raise NotImplementedError
