"""The finding for a key written twice; both readers make it, once for each repetition."""

from __future__ import annotations

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label
from schemas.document import Scalar
from schemas.wording import quoted


def duplicate_key(again: Scalar, first: Scalar) -> Diagnostic:
    """`again` repeats `first`, a key of the same mapping."""
    return finding(
        "CCR005",
        f"key {quoted(str(again.value))} is written twice",
        again.span,
        help="the first one counts here; remove one of them",
        labels=(Label(first.span, "first written here"),),
    )
