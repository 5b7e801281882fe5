"""Invariants of a configuration: what must be true of every target that some requests may be sent to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from msgspec import Struct

from rules.analysis.acceptors import acceptor_of, alphabet_for
from rules.analysis.budget import Budget, Spent
from rules.analysis.certify import Witness
from rules.analysis.listing import Outcome
from rules.analysis.offered import Place, Providers, places_of
from rules.analysis.prove import Prover, Unproven
from rules.analysis.space import EVERYTHING, Region, TooMany, meet
from rules.analysis.walks import walk
from rules.analysis.wording import shown_in
from rules.compile import conditions_in
from rules.conditions import Conditions
from rules.cost import leaves_of
from rules.evaluate import holds
from rules.facts import MISSING, FactSpec, Seen
from rules.matchers import Matchers
from rules.nodes import Constant, Decision, Predicate, Reject, RuleSet, Test
from rules.patterns.compiled import pattern_of
from rules.written import Refused, Written
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Mapping as MappingNode
from schemas.document import Node, Scalar, Sequence
from schemas.suggest import nearest
from schemas.wording import quoted

LOOK = 4
"""Operations that it takes to look whether an outcome may break an invariant."""

_TEXT = FactSpec("string", 0, "")
_KEYS = ("provider", "model", "reject")
_NAME = r"^\S$|^\S(.|\n)*\S$"
"""A model that a client can choose: blanks around it do not count."""


class Wish(Struct, frozen=True):
    """`provider` and `model` are predicates on the names of those; `reject` whether the request is refused."""

    provider: Predicate | None
    model: Predicate | None
    reject: bool | None


class Invariant(Struct, frozen=True):
    """Of all requests that meet `when`, every target is as `then` says, and none as `never` does."""

    name: str
    span: Span
    when: Predicate
    then: Wish | None
    never: Wish | None

    @property
    def conditions(self) -> Iterator[Predicate]:
        """The conditions on requests that it needs: `when`, and those on a model that is the client's own."""
        yield self.when
        for wish in self.wishes:
            if wish.model is not None:
                yield wish.model

    @property
    def wishes(self) -> Iterator[Wish]:
        """What it has of `then` and `never`."""
        yield from (wish for wish in (self.then, self.never) if wish is not None)


class Verdict(Struct, frozen=True):
    """What is known of an invariant; `diagnostic` where it is refuted."""

    name: str
    status: Literal["proved", "refuted", "not-proven"]
    witness: Witness | None = None
    diagnostic: Diagnostic | None = None
    reason: str | None = None


KEYS = ("name", "when", "then", "never")


def invariants_in(root: MappingNode, providers: Collection[str]) -> tuple[list[Invariant], list[Diagnostic]]:
    """The section `invariants`, and what is wrong in it."""
    section = root.get("invariants")
    conditions = conditions_in(root, providers)
    written = Written({}, conditions.diagnostics)
    found = [
        invariant
        for number, item in enumerate(section.items if isinstance(section, Sequence) else ())
        if isinstance(item, MappingNode)
        for invariant in _invariants(item, number, conditions, written)
    ]
    return found, conditions.diagnostics


def _invariants(item: MappingNode, number: int, conditions: Conditions, written: Written) -> Iterator[Invariant]:
    name, when, then, never = (item.get(key) for key in KEYS)
    title = str(name.value) if isinstance(name, Scalar) else f"invariants[{number}]"
    span = name.span if isinstance(name, Scalar) else item.span
    before = len(conditions.diagnostics)
    scope = conditions.condition(when) if when is not None else Constant(True, span)
    wishes = [_wish(node, written) for node in (then, never)]
    if then is None and never is None:
        if any(entry.key.value not in KEYS for entry in item):
            return  # a misspelt key has a finding, and may be one of them
        written.refused("CCR102", f"invariant {quoted(title)} has neither `then` nor `never`", span)
    if len(conditions.diagnostics) == before:
        yield Invariant(title, span, scope, *wishes)


def _wish(node: Node | None, written: Written) -> Wish | None:
    if not isinstance(node, MappingNode):
        return None
    if not node.entries:
        written.refused("CCR102", "nothing is said of the target", node.span, f"there are {', '.join(_KEYS)}")
    found: dict[str, Predicate] = {}
    reject: bool | None = None
    for entry in node:
        key = str(entry.key.value)
        try:
            if key == "reject":
                reject = written.boolean(key, entry.value)
            elif key in ("provider", "model"):
                found[key] = Matchers(written).matcher(key, _TEXT, entry.value)
            else:
                near = nearest(key, _KEYS)
                hint = f"did you mean `{near}`?" if near else "there are provider, model, reject"
                written.refused("CCR101", f"a target has no {quoted(key)}", entry.key.span, hint)
        except Refused:
            continue
    return Wish(found.get("provider"), found.get("model"), reject)


def prove(invariant: Invariant, prover: Prover, names: Names) -> Verdict:
    """Whether an invariant holds for all requests; refuted with one for which it does not.

    `names` are those for which the prover was made ready.
    """
    listing = prover.listing
    scope = prover.boxes.sides_of(invariant.when).holds
    reason: str | None = None
    try:
        prover.budget.ask()
        prover.budget.work(LOOK * len(listing.outcomes))
    except Spent:
        return Verdict(invariant.name, "not-proven", reason="the budget is spent")
    if not names.whole and any(wish.model is not None for wish in invariant.wishes):
        reason = "the models that a client may choose are too many to tell apart"
    for number, outcome in enumerate(listing.outcomes):
        wrong = _wrong_in(invariant, outcome, prover)
        if not wrong:
            continue
        try:
            prover.budget.ask()
            region = meet(meet(scope, wrong, prover.budget), outcome.region, prover.budget)
        except TooMany:
            reason = "the conditions are too intricate"
            continue
        except Spent:
            reason = "the budget is spent"
            continue
        if not region:
            continue
        answer = prover.some(
            region, listing.before(number), lambda decision: _is_broken(invariant, decision, prover.providers)
        )
        if isinstance(answer, Witness):
            return Verdict(invariant.name, "refuted", answer, _refuted(invariant, answer, prover.providers))
        if isinstance(answer, Unproven):
            reason = answer.reason
    return Verdict(invariant.name, "not-proven" if reason else "proved", reason=reason)


def _wrong_in(invariant: Invariant, outcome: Outcome, prover: Prover) -> Region:
    """Where, of the requests that get an outcome, the invariant is broken; a model may be the client's own."""
    places = places_of(outcome.route, prover.providers)
    if any(_breaks(invariant, outcome.route.to, place) for place in places or (None,)):
        return EVERYTHING
    own = [place for place in places if place[1] is None]
    wrong: Region = ()
    for place in own:
        for wish, negated in ((invariant.then, True), (invariant.never, False)):
            if (
                wish is not None
                and wish.model is not None
                and (negated or wish.provider is None or names_fit(wish.provider, "provider", place[0]))
            ):
                sides = prover.boxes.sides_of(wish.model)
                wrong = (*wrong, *(sides.fails_to_hold if negated else sides.holds))
    return wrong


def _is_broken(invariant: Invariant, decision: Decision, providers: Providers) -> bool:
    places = places_of(decision.route, providers)
    return any(place[1] is None or _breaks(invariant, decision.route.to, place) for place in places) or (
        not places and _breaks(invariant, decision.route.to, None)
    )


def _breaks(invariant: Invariant, to: object, place: Place | None) -> bool:
    """Whether going to a place (None: being refused) is against the invariant, whatever the client's own model is."""
    refused = isinstance(to, Reject)
    then, never = invariant.then, invariant.never
    if then is not None:
        if then.reject is not None and then.reject is not refused:
            return True
        if place is not None and not _all_fit(then, place, unknown=True):
            return True
    if never is not None:
        if never.reject is not None and never.reject is not refused:
            return False
        if place is None:
            return never.reject is True and never.provider is None and never.model is None
        return _all_fit(never, place, unknown=False)
    return False


def _all_fit(wish: Wish, place: Place, unknown: bool) -> bool:
    provider, model = place
    if wish.provider is not None and not names_fit(wish.provider, "provider", provider):
        return False
    if wish.model is None:
        return True
    return unknown if model is None else names_fit(wish.model, "model", model)


def names_fit(predicate: Predicate, fact: str, name: str) -> bool:
    """Whether a predicate on `fact`, `provider` or `model`, holds for a name."""
    return holds(predicate, _Name(fact, name))


class _Name(Struct, frozen=True):
    """A source of one fact."""

    fact: str
    name: str

    def get(self, fact: str) -> Seen:
        """The name."""
        return self.name if fact == self.fact else MISSING

    def token_bounds(self) -> Iterable[tuple[int, int]]:
        """None."""
        return ()

    def choices(self) -> tuple[str, ...]:
        """None."""
        return ()


def _refuted(invariant: Invariant, witness: Witness, providers: Providers) -> Diagnostic:
    decision = witness.decision
    places = places_of(decision.route, providers)
    wrong = next(
        (place for place in places if _breaks(invariant, decision.route.to, place)), places[0] if places else None
    )
    where = "is refused" if wrong is None else f"may go to {quoted(f'{wrong[0]},{wrong[1]}' if wrong[1] else wrong[0])}"
    return finding(
        "CCR702",
        f"invariant {quoted(invariant.name)} does not hold: a request {where}",
        invariant.span,
        help=f"{quoted(decision.rule)} decides about it",
        data={"invariant": invariant.name, "rule": decision.rule, **shown_in(witness)},
    )


class Names(Struct, frozen=True):
    """Explicit choices, provider and model, that stand for all; `whole` says whether none was lost."""

    choices: tuple[tuple[str, str], ...] = ()
    whole: bool = True


def names_for(invariants: Iterable[Invariant], rules: RuleSet) -> Names:
    """Explicit choices of providers that offer any model, one for each way in which invariants judge its name."""
    open_providers = [provider for provider, models in rules.offers.items() if models is None]
    if not rules.explicit_models or not open_providers:
        return Names()
    tests = [
        leaf
        for invariant in invariants
        for wish in invariant.wishes
        if wish.model is not None
        for leaf in leaves_of(wish.model)
        if isinstance(leaf, Test) and leaf.operator != "exists"
    ]
    if not tests:
        return Names()
    # only a text that can be chosen counts: of an empty one a walk would never come to a longer one with its verdicts
    tests.append(Test("model", "regex", pattern_of(_NAME), tests[0].span))
    alphabet = alphabet_for(tests)
    budget = Budget()
    try:
        budget.ask()
        acceptors = [acceptor_of(test, alphabet, budget) for test in tests]
        walked = list(walk(acceptors, alphabet, budget))
    except Spent:
        return Names(whole=False)
    names = [name for verdicts, name in walked if len(tests) - 1 in verdicts]
    clean = [name for name in names if name == name.strip()]
    return Names(tuple((provider, name) for provider in open_providers for name in clean), len(clean) == len(names))
