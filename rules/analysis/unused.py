"""404: providers and named conditions that only rules which are never reached use."""

from __future__ import annotations

from collections.abc import Iterator

from rules.analysis.edits import Source
from rules.analysis.offered import places_of
from rules.analysis.prove import Prover
from rules.nodes import All, Any, Not, Predicate, Reference
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Severity
from schemas.document import Mapping
from schemas.wording import quoted


def unused(prover: Prover, source: Source, dead: set[int]) -> Iterator[Diagnostic]:
    """The findings; what nothing at all uses has its finding elsewhere."""
    if not dead:
        return
    live_places: set[str] = set()
    dead_places: set[str] = set()
    live_names: set[str] = set()
    dead_names: set[str] = set()
    for number, outcome in enumerate(prover.listing.outcomes):
        if outcome.kind == "explicit":
            continue
        places = {provider for provider, _ in places_of(outcome.route, prover.providers)}
        names = set(_names(outcome.entry.condition)) if outcome.entry is not None else set()
        (dead_places if number in dead else live_places).update(places)
        (dead_names if number in dead else live_names).update(names)
    explicit = prover.rules.explicit_models
    for provider in sorted(dead_places - live_places):
        offered = prover.providers.get(provider)
        if offered is not None and offered.span is not None:
            yield finding(
                "CCR404",
                f"provider {quoted(provider)} is used only by rules that are never reached",
                offered.span,
                help="only a client that asks for it by name (`provider,model`) reaches it" if explicit else None,
                severity=Severity.INFO if explicit else Severity.WARNING,
            )
    named = source.named("conditions")
    for name in sorted(dead_names - live_names):
        entry = named.entry(name) if isinstance(named, Mapping) else None
        if entry is not None:
            yield finding(
                "CCR404", f"condition {quoted(name)} is used only by rules that are never reached", entry.key.span
            )


def _names(node: Predicate) -> Iterator[str]:
    match node:
        case Reference(name, child):
            yield name
            yield from _names(child)
        case All(children) | Any(children):
            for child in children:
                yield from _names(child)
        case Not(child):
            yield from _names(child)
