"""How the tests and invariants of a configuration came out, as every form of the report shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from schemas.diagnostics import Span

Passing = Literal["passed", "failed", "todo"]
Holding = Literal["proved", "refuted", "not-proven"]


class TestOutcome(Struct, frozen=True):
    """One case. `message` says why it failed (its finding, CCR701, says the same with a place)."""

    __test__ = False  # not a class of tests, whatever pytest thinks of its name

    name: str
    status: Passing
    span: Span
    message: str | None = None
    seconds: float = 0.0


class InvariantOutcome(Struct, frozen=True):
    """One invariant. `message` says what refutes it, or why nothing was proved; `witness` is the refuting request."""

    name: str
    status: Holding
    span: Span
    message: str | None = None
    witness: Mapping[str, object] | None = None
