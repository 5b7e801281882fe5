"""314: filters that no request gets to, because of their own condition or of those before them that block everything."""

from __future__ import annotations

from collections.abc import Iterator

from rules.analysis.budget import Budget
from rules.analysis.offered import Providers
from rules.analysis.ready import prover_of
from rules.nodes import Constant, Filter, Reject, Route, Rule, RuleSet
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label
from schemas.wording import quoted


def unreached_filters(rules: RuleSet, providers: Providers, budget: Budget) -> Iterator[Diagnostic]:
    """A finding for each. Filters that let requests pass do not hide those behind them."""
    if not rules.filters:
        return
    listed = tuple(_rule(one, number) for number, one in enumerate(rules.filters))
    as_rules = RuleSet(listed, rules.categories, rules.offers, explicit_models=False, filters=rules.filters)
    prover = prover_of(as_rules, providers, budget, behind=True)
    taken = prover.listing.impossible
    first: Filter | None = None
    for number, (one, rule) in enumerate(zip(rules.filters, listed, strict=True)):
        holds = prover.boxes.sides_of(rule.condition).holds
        if prover.is_empty(holds):
            yield finding("CCR314", f"the condition of filter {quoted(one.name)} holds for no request", one.span)
            continue
        if first is not None and prover.is_taken(holds, taken):
            yield finding(
                "CCR314",
                f"filter {quoted(one.name)} sees no request: all of them are blocked before",
                one.span,
                help=f"move it above filter {quoted(first.name)}",
                labels=(Label(first.span, "blocks requests"),),
            )
            continue
        if one.action == "block" and not one.patterns:
            first = first or one
            taken |= prover.listing.bits(number)


def _rule(one: Filter, number: int) -> Rule:
    condition = one.condition if one.condition is not None else Constant(True, one.span)
    return Rule(one.name, number, condition, Route(Reject(400, one.name)), one.span)
