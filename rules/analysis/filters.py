"""314: filters that no request gets to, because of their own condition or of those before them that block everything."""

from __future__ import annotations

from collections.abc import Iterator

from rules.analysis.budget import Budget
from rules.analysis.offered import Providers
from rules.analysis.prove import Never
from rules.analysis.ready import prover_of
from rules.nodes import Constant, Filter, Reject, Route, Rule, RuleSet
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label
from schemas.wording import quoted


def unreached_filters(rules: RuleSet, providers: Providers, budget: Budget) -> Iterator[Diagnostic]:
    """A finding for each. Filters that let requests pass do not hide those behind them."""
    if not rules.filters:
        return
    before: list[Rule] = []
    for number, one in enumerate(rules.filters):
        own = _rule(one, number)
        alone = prover_of(
            RuleSet((own,), rules.categories, rules.offers, explicit_models=False, filters=rules.filters),
            providers,
            budget,
            behind=True,
        )
        if alone.is_empty(alone.boxes.sides_of(own.condition).holds):
            yield finding("CCR314", f"the condition of filter {quoted(one.name)} holds for no request", one.span)
            continue
        if before:
            listed = RuleSet(
                (*before, own), rules.categories, rules.offers, explicit_models=False, filters=rules.filters
            )
            prover = prover_of(listed, providers, budget, behind=True)
            places = [place for place, outcome in enumerate(prover.listing.outcomes) if outcome.name == own.name]
            if places and all(isinstance(prover.is_reached(place), Never) for place in places):
                yield finding(
                    "CCR314",
                    f"filter {quoted(one.name)} sees no request: all of them are blocked before",
                    one.span,
                    help=f"move it above filter {quoted(before[0].name)}",
                    labels=(Label(before[0].span, "blocks requests"),),
                )
                continue
        if one.action == "block" and not one.patterns:
            before.append(own)


def _rule(one: Filter, number: int) -> Rule:
    condition = one.condition if one.condition is not None else Constant(True, one.span)
    return Rule(one.name, number, condition, Route(Reject(400, one.name)), one.span)
