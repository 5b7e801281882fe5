"""403: rules that send a target, or a fallback, what it cannot serve while another target could."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from rules.analysis.budget import Spent
from rules.analysis.certify import Witness
from rules.analysis.listing import Outcome
from rules.analysis.offered import Model, Place, Providers, places_of
from rules.analysis.prove import Prover
from rules.analysis.space import TooMany, meet
from rules.analysis.wording import owner_of, shown_in
from rules.evaluate import route_of
from rules.nodes import RuleSet, Target, Test
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label, Span
from schemas.wording import listed, quoted

_NOWHERE = Span("", 1, 1, 1, 1)
_NEEDS = (
    ("tools", "tools", Test("hasTools", "eq", True, _NOWHERE)),
    ("images", "images", Test("hasImages", "eq", True, _NOWHERE)),
    ("documents", "documents", Test("hasDocuments", "eq", True, _NOWHERE)),
    ("thinking", "thinking", Test("thinking", "in", frozenset({"enabled", "adaptive"}), _NOWHERE)),
)
"""Capability, the word for it, and the requests that need it."""


class Need(Struct, frozen=True):
    """What some requests need that a place lacks, and the models that have it; `window`: tokens that are too few for them."""

    word: str
    test: Test
    able: tuple[str, ...]
    window: int | None = None


def needs_of(rules: RuleSet, providers: Providers) -> dict[Place, list[Need]]:
    """What each place that a rule or category leads to lacks and another one has."""
    places = list(dict.fromkeys(place for place, _ in _targets(rules, providers)))
    models = {place: model for place in places if (model := _model(place, providers)) is not None}
    return {place: needs for place, model in models.items() if (needs := list(_lacking(place, model, models)))}


def _targets(rules: RuleSet, providers: Providers) -> Iterator[tuple[Place, Span | None]]:
    routes = [rule.route for rule in rules.rules if rule.enabled] + [route_of(one) for one in rules.categories]
    for route in routes:
        targets = (route.to, *route.fallbacks) if isinstance(route.to, Target) else ()
        yield from zip(places_of(route, providers), (target.span for target in targets), strict=True)


def _model(place: Place, providers: Providers) -> Model | None:
    provider, name = place
    return providers[provider].model(name) if provider in providers and name is not None else None


def _lacking(place: Place, model: Model, models: dict[Place, Model]) -> Iterator[Need]:
    others = [(other, one) for other, one in models.items() if other != place]
    for capability, word, test in _NEEDS:
        if model.capabilities is not None and capability not in model.capabilities:
            able = tuple(_shown(other) for other, one in others if one.capabilities and capability in one.capabilities)
            if able:
                yield Need(f"with {word}", test, able)
    window = model.context_window
    if window is not None:
        able = tuple(_shown(other) for other, one in others if one.context_window and one.context_window > window)
        if able:
            yield Need(f"of more than {window} tokens", Test("inputTokens", "gt", window, _NOWHERE), able, window)


def _shown(place: Place) -> str:
    return f"{place[0]},{place[1]}"


def capable(prover: Prover, needs: dict[Place, list[Need]], dead: set[int]) -> Iterator[Diagnostic]:
    """One finding for each target, with the first request it cannot serve."""
    for place, lacking in needs.items():
        shown: list[tuple[Need, int, Witness]] = []
        for need in lacking:
            found = _sent(prover, place, need, dead)
            if found is not None:
                shown.append((need, *found))
        if shown:
            yield _finding(prover, place, shown)


def _sent(prover: Prover, place: Place, need: Need, dead: set[int]) -> tuple[int, Witness] | None:
    """The first outcome whose own target the place is, or else one of its fallbacks, that lets such a request through."""
    listing = prover.listing
    wanted = prover.boxes.sides_of(need.test).holds
    led = [
        number
        for number, outcome in enumerate(listing.outcomes)
        if number not in dead and outcome.kind in ("rule", "category") and place in outcome.places
    ]
    for number in sorted(led, key=lambda number: listing.outcomes[number].places[0] != place):
        outcome = listing.outcomes[number]
        if need.window is not None and _has_larger_behind(outcome, place, need.window, prover.providers):
            continue
        try:
            prover.budget.ask()
            region = meet(outcome.region, wanted, prover.budget)
        except (TooMany, Spent):
            prover.budget.unproven += 1
            continue
        answer = prover.some(region, listing.before(number), lambda decision, name=outcome.name: decision.rule == name)  # type: ignore[misc]
        if isinstance(answer, Witness):
            return number, answer
    return None


def _has_larger_behind(outcome: Outcome, place: Place, window: int, providers: Providers) -> bool:
    """Whether what is too long for a place goes on to a fallback that is known to take more."""
    behind = outcome.places[outcome.places.index(place) + 1 :]
    models = [_model(other, providers) for other in behind]
    return any(model is not None and (model.context_window or 0) > window for model in models)


def _finding(prover: Prover, place: Place, shown: Sequence[tuple[Need, int, Witness]]) -> Diagnostic:
    _, number, witness = shown[0]
    outcome = prover.listing.outcomes[number]
    entry = outcome.entry
    assert entry is not None
    at = outcome.places.index(place)
    target = (outcome.route.to, *outcome.route.fallbacks)[at]
    span = target.span or prover.providers[place[0]].span or entry.span
    sends = "may send its fallback" if at else "sends"
    words = [one.word for one, _, _ in shown]
    able = list(dict.fromkeys(name for one, _, _ in shown for name in one.able))
    said = " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
    labels = (
        (Label(entry.span, f"{outcome.kind} {quoted(outcome.name)} lets them through"),)
        if entry.span.file == span.file
        else ()
    )
    return finding(
        "CCR403",
        f"{owner_of(outcome)} {sends} {quoted(_shown(place))} requests that it cannot serve: {said}",
        span,
        help=f"{listed(able, 'or')} could serve {'them' if len(words) == 1 else 'some of them'}",
        labels=labels,
        data={"rule": outcome.name, **shown_in(witness)},
    )
