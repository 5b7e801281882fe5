"""The path of an exchange as a header: which instances were asked, in order, and what came of it. Pure.

x-ccr-path: up/10.0.0.1:8080;model=m1;error=overloaded, up/10.0.0.2:8080;model=m1
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.http.quoting import quoted
from providers.errors import ProviderError
from providers.plan import Try

_PLAIN = "/:.@#+!~*'[]()"


def path_header(failures: Sequence[tuple[Try, ProviderError]], answered_by: Try | None) -> tuple[str, str]:
    """`x-ccr-path`: one item for each attempt, names percent-encoded as UTF-8; the one that answered has no `error`."""
    steps = [f"{_asked(attempt)};error={error.kind.name}" for attempt, error in failures]
    if answered_by is not None:
        steps.append(_asked(answered_by))
    return "x-ccr-path", ", ".join(steps)


def _asked(attempt: Try) -> str:
    return f"{quoted(attempt.pick.instance.id, _PLAIN)};model={quoted(attempt.target.model, _PLAIN)}"
