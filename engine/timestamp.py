"""Moments as text."""

from __future__ import annotations

import time


def timestamp_of(wall: float) -> str:
    """Seconds since the epoch as an ISO 8601 time in UTC with milliseconds: such texts sort by time."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wall)) + f".{int(wall % 1 * 1000):03d}Z"
