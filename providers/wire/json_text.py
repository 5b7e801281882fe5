"""JSON text of upstreams as values, as tolerant as can be without guessing."""

from __future__ import annotations

import json
from typing import Any

from providers.messages.json_scan import JsonScan, Verdict


def value_of(data: bytes) -> Any:
    """Any JSON, as the standard library reads it (lone surrogates, NaN and all). Raises ValueError."""
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error


def is_cut(body: bytes) -> bool:
    """Whether `body` is the beginning of a JSON object or list."""
    scan = JsonScan()
    return body[:1] in b"{[" and scan.feed(body.decode("utf-8", "replace")) is Verdict.OPEN
