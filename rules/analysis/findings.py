"""All findings about what rules do together, in the order in which one makes another needless."""

from __future__ import annotations

from collections.abc import Iterator

from rules.analysis.capable import Need, capable
from rules.analysis.constants import constants
from rules.analysis.edits import Source
from rules.analysis.gaps import gaps
from rules.analysis.offered import Place
from rules.analysis.overlaps import overlaps
from rules.analysis.prove import Prover
from rules.analysis.redundant import redundant
from rules.analysis.unreached import Unreached
from rules.analysis.unused import unused
from schemas.diagnostics import Diagnostic


def findings_of(
    prover: Prover, source: Source, needs: dict[Place, list[Need]], *, with_overlaps: bool = False
) -> list[Diagnostic]:
    """Every finding, each once, by place."""
    found = {(one.code, one.span, one.message): one for one in _all(prover, source, needs, with_overlaps)}
    return sorted(found.values(), key=lambda one: one.sort_key)


def _all(prover: Prover, source: Source, needs: dict[Place, list[Need]], with_overlaps: bool) -> Iterator[Diagnostic]:
    constant: set[int] = set()
    reach = Unreached(prover, source)
    yield from reach.findings()
    yield from constants(prover, reach.dead, constant)
    yield from redundant(prover, source, reach, constant)
    yield from gaps(prover, reach.dead)
    yield from capable(prover, needs, reach.dead)
    yield from unused(prover, source, reach.dead)
    if with_overlaps:
        yield from overlaps(prover, reach.dead)
    # requests that only make a proof clearer come after all that needs proving
    yield from reach.shadows()
    reach.settle()
