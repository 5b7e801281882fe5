"""Rule sets made ready for questions: one space for all that is to be compared in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial

from rules.analysis.atoms import atoms_of
from rules.analysis.behind import blocking, conditions_before, given_tags, server_of, tag_boxes
from rules.analysis.boxes import Boxes
from rules.analysis.budget import BOXED, CUT, Budget
from rules.analysis.certify import Certifier
from rules.analysis.constraints import add_constraints
from rules.analysis.listing import Listing, outcomes_of
from rules.analysis.offered import Providers, explicit_choices
from rules.analysis.plain import Plain
from rules.analysis.prove import Prover
from rules.facts import Facts
from rules.fast import decider_of
from rules.filters import tags_of
from rules.nodes import Decision, Predicate, RuleSet


def prover_of(
    rules: RuleSet,
    providers: Providers,
    budget: Budget,
    also: Iterable[Predicate] = (),
    choices: Iterable[tuple[str, str]] = (),
    *,
    behind: bool = False,
) -> Prover:
    """A rule set made ready. `also` are further conditions and `choices` further explicit choices to be asked about.

    `behind`: requests are those behind the filters, of which nothing is asked.
    """
    return provers_of([(rules, providers)], budget, also, choices, behind=behind)[0]


def provers_of(
    sets: Sequence[tuple[RuleSet, Providers]],
    budget: Budget,
    also: Iterable[Predicate] = (),
    choices: Iterable[tuple[str, str]] = (),
    *,
    behind: bool = False,
) -> list[Prover]:
    """Several rule sets made ready in one space."""
    further = list(also)
    if not behind:
        further += (condition for rules, _ in sets for condition in conditions_before(rules))
    conditions = [condition for rules, _ in sets for condition in conditions_of(rules)]
    chosen = list(dict.fromkeys([*(choice for rules, _ in sets for choice in explicit_choices(rules)), *choices]))
    budget.allow(len(conditions))
    before = budget.part(CUT)
    atoms = atoms_of([*conditions, *further], chosen, before)
    offers = {name: models for rules, _ in sets for name, models in rules.offers.items()}
    add_constraints(atoms, offers, frozenset(tag for rules, _ in sets for tag in tags_of(rules.filters)), before)
    budget.add(before)
    boxes = Boxes(atoms, budget.part(BOXED))
    for condition in further:
        boxes.sides_of(condition)
    outcomes = [outcomes_of(rules, boxes, providers, () if behind else blocking(rules)) for rules, providers in sets]
    if not behind:
        tagged = [tag_boxes(rules, boxes) for rules, _ in sets]
        # where filters differ, a request may have other tags by one than by the other
        atoms.space.impossible += tagged[0] if all(boxes == tagged[0] for boxes in tagged) else ()
    budget.add(boxes.budget)
    # every variable is in the space only now
    plain = Plain(atoms, budget)
    return [
        Prover(
            rules,
            providers,
            atoms,
            boxes,
            Listing(atoms, listed, budget),
            Certifier(atoms, _when_asked(decider_of, rules), providers, budget)
            if behind
            else Certifier(
                atoms, _when_asked(server_of, rules), providers, budget, given_tags(rules), len(rules.filters)
            ),
            plain,
            budget,
        )
        for (rules, providers), listed in zip(sets, outcomes, strict=True)
    ]


def _when_asked(
    made_of: Callable[[RuleSet], Callable[[Facts], Decision]], rules: RuleSet
) -> Callable[[Facts], Decision]:
    """What decides about a request, made for the first one: where nothing is shown, none is decided."""
    made = cache(partial(made_of, rules))
    return lambda facts: made()(facts)


def conditions_of(rules: RuleSet) -> list[Predicate]:
    """The conditions of all that decides."""
    conditions: list[Predicate] = [rule.condition for rule in rules.rules if rule.enabled]
    return conditions + [category.condition for category in rules.categories]
