"""Invariants that hold of nothing: of names that nobody has, or of requests that nobody sends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from rules.analysis.offered import ANY_MODEL
from rules.analysis.prove import Prover
from rules.analysis.unreached import conflict_of
from rules.analysis.wording import clash_of
from rules.cost import leaves_of
from rules.invariants import Invariant, names_fit
from rules.nodes import Predicate, Test
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label, Severity, Span
from schemas.suggest import did_you_mean
from schemas.wording import quoted


class _Known(Struct, frozen=True):
    """The names of providers, and those of models; None where a client may bring a model of its own."""

    provider: tuple[str, ...]
    model: tuple[str, ...] | None


def vacuous(invariants: Iterable[Invariant], prover: Prover) -> Iterator[Diagnostic]:
    """401 for names that do not exist, 301 for conditions that no request meets.

    That a model reaches nobody is worth saying of one that was there once: in `never` it is a remark.
    """
    known = _known_to(prover)
    for one in invariants:
        if prover.is_empty(prover.boxes.sides_of(one.when).holds):
            core = conflict_of(prover, one.when)
            yield finding(
                "CCR301",
                f"invariant {quoted(one.name)} speaks of no request: {clash_of(core)}",
                one.span,
                labels=tuple(Label(part.span, "and this" if place else "this") for place, part in enumerate(core)),
                help="it holds of nothing; correct its `when`",
                data={"invariant": one.name},
            )
        for wish in one.wishes:
            never = wish is one.never
            yield from _names(one, "provider", wish.provider, known.provider, never=never)
            if known.model is not None:
                yield from _names(one, "model", wish.model, known.model, never=never)


def _names(
    one: Invariant, fact: str, wish: Predicate | None, known: tuple[str, ...], *, never: bool
) -> Iterator[Diagnostic]:
    if wish is None:
        return
    old = Severity.INFO if never and fact == "model" else None
    exact = [leaf for leaf in leaves_of(wish) if isinstance(leaf, Test) and leaf.operator in ("eq", "in")]
    missing = [(name, leaf.span) for leaf in exact for name in _written(leaf) if not _is_known(leaf, fact, name, known)]
    for name, span in missing:
        yield _unknown(one, f"{fact} {quoted(name)}, which does not exist", span, did_you_mean(name, known), old)
    if never and not exact and not any(names_fit(wish, fact, name) for name in known):
        span = next((leaf.span for leaf in leaves_of(wish)), one.span)
        yield _unknown(one, f"a {fact} such as there is none", span, did_you_mean("", known), Severity.INFO)


def _unknown(one: Invariant, said: str, span: Span, hint: str | None, severity: Severity | None) -> Diagnostic:
    message = f"invariant {quoted(one.name)} names {said}"
    return finding("CCR401", message, span, help=hint, severity=severity, data={"invariant": one.name})


def _written(leaf: Test) -> list[str]:
    return [leaf.operand] if isinstance(leaf.operand, str) else sorted(map(str, _members(leaf.operand)))


def _members(operand: object) -> Iterable[object]:
    assert isinstance(operand, frozenset)
    return operand


def _is_known(leaf: Test, fact: str, name: str, known: tuple[str, ...]) -> bool:
    alone = Test(leaf.fact, "eq", name, leaf.span, leaf.ignore_case)
    return any(names_fit(alone, fact, one) for one in known)


def _known_to(prover: Prover) -> _Known:
    offered = prover.providers
    led_to = {place for outcome in prover.listing.outcomes for place in outcome.places if place[1] != ANY_MODEL}
    chosen = prover.rules.explicit_models and any(models is None for models in prover.rules.offers.values())
    if chosen or any(model is None for _, model in led_to):
        return _Known(tuple(offered), None)
    listed = [model.name for one in offered.values() for model in one.models]
    return _Known(tuple(offered), tuple(dict.fromkeys([*listed, *sorted(str(model) for _, model in led_to)])))
