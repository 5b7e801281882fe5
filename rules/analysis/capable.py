"""403: rules that send a target, or a fallback, what it cannot serve while another target could."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

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

TOLD = 8
"""Models that are named of those that could serve."""


class Need(Struct, frozen=True):
    """What some requests need that a place lacks, and models that have it, of many as many as are told and one more.

    `window`: tokens that are too few for them.
    """

    word: str
    test: Test
    able: tuple[str, ...]
    window: int | None = None


def needs_of(rules: RuleSet, providers: Providers) -> dict[Place, list[Need]]:
    """What each place that a rule or category leads to lacks and another one has."""
    listed: dict[Place, Model] = {}
    for provider, offered in providers.items():
        for one in offered.models:
            listed.setdefault((provider, one.name), one)
    places = dict.fromkeys(place for place, _ in _targets(rules, providers))
    models = {place: listed[place] for place in places if place in listed}
    able = {
        capability: [_shown(place) for place, one in models.items() if capability in (one.capabilities or ())]
        for capability, _, _ in _NEEDS
    }
    windows = sorted((-(one.context_window or 0), number) for number, one in enumerate(models.values()))
    names = list(map(_shown, models))

    def wider(window: int) -> tuple[str, ...]:
        """Of those that take more tokens the first ones; of too many to tell, the widest."""
        widest = windows[: min(bisect_left(windows, (-window, 0)), TOLD + 1)]
        return tuple(names[number] for number in sorted(number for _, number in widest))

    lacking = {place: list(_lacking(model, able, wider)) for place, model in models.items()}
    return {place: needs for place, needs in lacking.items() if needs}


def _targets(rules: RuleSet, providers: Providers) -> Iterator[tuple[Place, Span | None]]:
    routes = [rule.route for rule in rules.rules if rule.enabled] + [route_of(one) for one in rules.categories]
    for route in routes:
        targets = (route.to, *route.fallbacks) if isinstance(route.to, Target) else ()
        yield from zip(places_of(route, providers), (target.span for target in targets), strict=True)


def _model(place: Place, providers: Providers) -> Model | None:
    provider, name = place
    return providers[provider].model(name) if provider in providers and name is not None else None


def _lacking(model: Model, able: Mapping[str, list[str]], wider: Callable[[int], tuple[str, ...]]) -> Iterator[Need]:
    for capability, word, test in _NEEDS:
        if model.capabilities is not None and capability not in model.capabilities and able[capability]:
            yield Need(f"with {word}", test, tuple(able[capability][: TOLD + 1]))
    window = model.context_window
    if window is not None and (larger := wider(window)):
        yield Need(f"of more than {window} tokens", Test("inputTokens", "gt", window, _NOWHERE), larger, window)


def _shown(place: Place) -> str:
    return f"{place[0]},{place[1]}"


def capable(prover: Prover, needs: dict[Place, list[Need]], dead: set[int]) -> Iterator[Diagnostic]:
    """One finding for each target, with the first request it cannot serve."""
    led: dict[Place, list[int]] = {}
    for number, outcome in enumerate(prover.listing.outcomes):
        if number not in dead and outcome.kind in ("rule", "category"):
            for place in dict.fromkeys(outcome.places):
                led.setdefault(place, []).append(number)
    for place, lacking in needs.items():
        shown: list[tuple[Need, int, Witness]] = []
        for need in lacking:
            found = _sent(prover, place, need, led.get(place, []))
            if found is not None:
                shown.append((need, *found))
        if shown:
            yield _finding(prover, place, shown)


def _sent(prover: Prover, place: Place, need: Need, led: Sequence[int]) -> tuple[int, Witness] | None:
    """The first outcome whose own target the place is, or else one of its fallbacks, that lets such a request through."""
    listing = prover.listing
    wanted = prover.boxes.sides_of(need.test).holds
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
    others = listed(able, "or") if len(able) <= TOLD else f"{', '.join(map(quoted, able[:TOLD]))} or others"
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
        help=f"{others} could serve {'them' if len(words) == 1 else 'some of them'}",
        labels=labels,
        data={"rule": outcome.name, **shown_in(witness)},
    )
