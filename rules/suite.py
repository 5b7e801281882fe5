"""A small suite of routing tests made by the solver: a request for each rule, each boundary and its neighbour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from rules.analysis.budget import Budget
from rules.analysis.certify import Witness
from rules.analysis.offered import Providers, sent_to
from rules.analysis.prove import Prover
from rules.analysis.ready import prover_of
from rules.analysis.scales import Scale
from rules.bodies import Impossible, compose, envelope_of
from rules.cases import outcome_of
from rules.cost import leaves_of
from rules.evaluate import UnknownFact, decide
from rules.facts import Facts, Seen
from rules.nodes import Decision, Reject, RuleSet, Test
from rules.shorthand import BadShorthand, wanted_of_mapping


class Suggested(Struct, frozen=True):
    """A test as the section `tests` has it."""

    name: str
    request: Mapping[str, Any]
    expect: Mapping[str, Any]


def suite_of(rules: RuleSet, providers: Providers, budget: Budget | None = None) -> list[Suggested]:
    """Tests that pass, each with a request of its own; what the shorthand cannot write is left out."""
    prover = prover_of(rules, providers, budget or Budget())
    found: dict[str, Suggested] = {}
    for name, witness in _witnesses(prover):
        test = _test(name, witness, rules, providers)
        if test is not None:
            found.setdefault(repr(test.request), test)
    return list(found.values())


def _witnesses(prover: Prover) -> Iterator[tuple[str, Witness]]:
    for number, outcome in enumerate(prover.listing.outcomes):
        answer = prover.reach(number)
        if isinstance(answer, Witness):
            yield f"{outcome.name} is reached", answer
            if outcome.entry is not None and outcome.kind == "rule":
                yield from _boundaries(prover, number, outcome.name)


def _boundaries(prover: Prover, number: int, name: str) -> Iterator[tuple[str, Witness]]:
    """Where a rule's numbers begin and end: the last one in, and the first one out."""
    listing, space = prover.listing, prover.atoms.space
    outcome = listing.outcomes[number]
    assert outcome.entry is not None
    facts = dict.fromkeys(leaf.fact for leaf in leaves_of(outcome.entry.condition) if isinstance(leaf, Test))
    for fact in facts:
        axis = prover.atoms.axes.get(fact)
        if not isinstance(axis, Scale):
            continue
        for box in outcome.region:
            mask = box.get(axis.variable, space.full[axis.variable])
            for place in range(len(axis.spans) - 1):
                here, there = mask >> place & 1, mask >> place + 1 & 1
                if here == there or axis.spans[place] is None or axis.spans[place + 1] is None:
                    continue
                for edge, at in ((place, 1), (place + 1, 0)):
                    span = axis.spans[edge]
                    assert span is not None
                    piece = {**box, axis.variable: 1 << edge}
                    answer = prover.some((piece,), listing.before(number), _any_decision)
                    if isinstance(answer, Witness):
                        yield f"{name}: {fact} {span[at]}", _pinned(prover, answer, fact, span[at])


def _any_decision(_decision: Decision) -> bool:
    return True


def _pinned(prover: Prover, witness: Witness, fact: str, number: float) -> Witness:
    """The same request with a number at the edge, if there is one."""
    facts: list[tuple[str, Seen]] = [(name, number if name == fact else value) for name, value in witness.facts]
    if fact not in dict(facts):
        facts.append((fact, number))
    try:
        made = compose(wanted_of_mapping(_request(facts)))
    except BadShorthand:
        return witness
    if isinstance(made, Impossible):
        return witness
    decision = prover.certifier.decide(made.facts)
    return Witness(made.shape, decision, sent_to(decision.route, made.facts, prover.providers), tuple(facts))


def _test(name: str, witness: Witness, rules: RuleSet, providers: Providers) -> Suggested | None:
    request = _request(witness.facts)
    try:
        made = compose(wanted_of_mapping(request))
    except BadShorthand:
        return None
    if isinstance(made, Impossible):
        return None
    try:
        decision = decide(rules, Facts(envelope_of(made.shape)))
    except UnknownFact:
        return None
    if decision.rule != witness.decision.rule:
        return None
    got = outcome_of(decision, made.facts, providers)
    keys = ("rule", "reject") if isinstance(decision.route.to, Reject) else ("rule", "provider", "model")
    return Suggested(name, request, {key: got[key] for key in keys})


def _request(facts: Any) -> dict[str, Any]:
    request: dict[str, Any] = {}
    for fact, value in facts:
        if fact == "time":
            request["now"] = datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
        else:
            request[fact] = sorted(value) if isinstance(value, frozenset) else value
    return request
