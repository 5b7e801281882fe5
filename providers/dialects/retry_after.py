"""How long an upstream asks to wait, in whichever header it says so."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_DURATION = re.compile(r"(?:([0-9.]+)d)?(?:([0-9.]+)h)?(?:([0-9.]+)m(?!s))?(?:([0-9.]+)s)?(?:([0-9.]+)ms)?")
_UNITS_S = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_EPOCH_S = 1_000_000_000.0
_MOST_S = 86_400.0


def retry_after_of(headers: Mapping[str, str], limited: bool = True) -> float | None:
    """Seconds to wait: `retry-after-ms`, else `retry-after`, else, if it is a limit that was met, `x-ratelimit-reset*`.

    Of several resets the longest of those used up counts. None where nothing is said. A date is counted from the
    answer's own `date` header, so no clock is read. Nonsense counts as unsaid; never above a day.
    """
    found = _number(headers.get("retry-after-ms"))
    if found is not None and found >= 0:
        return _bounded(found / 1000)
    if (after := headers.get("retry-after")) is not None:
        seconds = _number(after)
        if seconds is None:
            return _bounded(_until(after, headers))
        return _bounded(seconds) if seconds >= 0 else None
    if not limited:
        return None
    waits = [wait for name, value in headers.items() if (wait := _reset(name, value, headers)) is not None]
    return _bounded(max(waits)) if waits else None


def _reset(name: str, value: str, headers: Mapping[str, str]) -> float | None:
    """The wait in a header like `x-ratelimit-reset-tokens: 1m30.5s`, unless what it resets is not used up."""
    if not name.startswith("x-ratelimit-reset"):
        return None
    remaining = _number(headers.get(name.replace("reset", "remaining")))
    if remaining is not None and remaining > 0:
        return None
    number = _number(value)
    if number is None:
        matched = _DURATION.fullmatch(value.strip())
        if not matched or not any(matched.groups()):
            return None
        counts = [_number(group) or 0.0 for group in matched.groups()]
        return sum(count * unit for count, unit in zip(counts, _UNITS_S, strict=True))
    if number < _EPOCH_S:
        return number
    epoch_s = number / 1000 if number > _EPOCH_S * 1000 else number
    now_s = _date_s(headers.get("date"))
    return None if now_s is None else epoch_s - now_s


def _until(date: str, headers: Mapping[str, str]) -> float | None:
    then_s, now_s = _date_s(date), _date_s(headers.get("date"))
    return None if then_s is None or now_s is None else then_s - now_s


def _date_s(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(seconds, 0.0), _MOST_S)
