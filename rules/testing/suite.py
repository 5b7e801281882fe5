"""A small suite of routing tests made by the solver.

A request for each rule that can be reached, the last number inside of each boundary and the first outside, and for each
fact of a condition a pair: the request of its rule, and the same with that one fact changed so that it is decided
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from rules.analysis.budget import Budget
from rules.analysis.certify import Witness
from rules.analysis.members import Members
from rules.analysis.offered import Providers
from rules.analysis.prove import Prover, Unproven
from rules.analysis.ready import prover_of
from rules.analysis.scales import Scale, Words
from rules.analysis.texts import Texts
from rules.cases import Case, outcome_of, run_case
from rules.cost import facts_of, leaves_of
from rules.evaluate import UnknownFact
from rules.facts import MISSING, UNKNOWN, Facts, Seen
from rules.fast import decider_of
from rules.filters import filtered
from rules.nodes import Decision, Reject, RuleSet, Test
from rules.requests.bodies import Composed, compose, envelope_of
from rules.requests.shorthand import BadShorthand, wanted_of_mapping
from rules.requests.wanted import Impossible
from schemas.diagnostics import Span

MAX_OTHERS = 8
"""Values of a fact that are tried for one with which a request is decided otherwise."""

Request = dict[str, Any]
"""A request in the shorthand of tests."""


class Suggested(Struct, frozen=True):
    """A test as the section `tests` has it."""

    name: str
    request: Mapping[str, Any]
    expect: Mapping[str, Any]


class Suite(Struct, frozen=True):
    """Tests that pass, each with a request of its own. `without` are rules and categories that have none, and why."""

    tests: tuple[Suggested, ...]
    without: Mapping[str, str]


def suite_of(rules: RuleSet, providers: Providers, budget: Budget | None = None) -> Suite:
    """The suite of a rule set; rules that are proved to be out of reach are not in it at all."""
    prover = prover_of(rules, providers, budget or Budget())
    maker = _Maker(prover)
    found: dict[str, Suggested] = {}
    without: dict[str, str] = {}
    reached: dict[int, tuple[Request, Suggested]] = {}
    for number, outcome in enumerate(prover.listing.outcomes):
        answer = prover.reach(number)
        if isinstance(answer, Unproven):
            without[outcome.name] = f"whether a request reaches it is not proven: {answer.reason}"
        if not isinstance(answer, Witness):
            continue
        request = maker.written(answer)
        chosen = (
            f" with {','.join(filter(None, outcome.places[0]))}" if outcome.entry is None and outcome.places else ""
        )
        test = None if request is None else maker.test(f"{outcome.name} is reached{chosen}", request)
        if request is None or test is None:
            without.setdefault(outcome.name, "no test can be written with a request that reaches it")
            continue
        found.setdefault(repr(test.request), test)
        reached[number] = (request, test)
    for number, (request, test) in reached.items():
        if prover.listing.outcomes[number].kind == "rule":
            for more in (*maker.boundaries(number), *maker.pairs(number, request, test)):
                found.setdefault(repr(more.request), more)
    taken = {test.expect.get("rule") for test in found.values()}
    return Suite(tuple(found.values()), {name: why for name, why in without.items() if name not in taken})


class _Maker:
    """Makes tests of requests; what the shorthand cannot write, or what does not come out as decided, makes none."""

    def __init__(self, prover: Prover) -> None:
        self.prover, self.rules = prover, prover.rules
        self._decider = decider_of(prover.rules)
        self._known: dict[str, Composed | None] = {}

    def written(self, witness: Witness) -> Request | None:
        """A witness in the shorthand, decided as it is; facts of expressions are given where it is not without."""
        there = Facts(envelope_of(witness.shape))
        read = {fact for leaf, _ in self.prover.atoms.unknowns.values() for fact in leaf.facts}
        for more in ({}, _shorthand((fact, there.get(fact)) for fact in sorted(read))):
            settled = self._settled(_shorthand(witness.facts) | more, there)
            if settled is not None and settled[2].rule == witness.decision.rule:
                return settled[0]
        return None

    def test(self, name: str, request: Request) -> Suggested | None:
        """A request with what is decided about it, as a test that passes."""
        settled = self._settled(request)
        if settled is None:
            return None
        request, made, decision = settled
        got = outcome_of(decision, made.facts, self.prover.providers)
        blocked = filtered(self.rules.filters, made.facts.envelope).blocked
        keys = ("rule", "reject") if isinstance(decision.route.to, Reject) else ("rule", "provider", "model")
        expect = {key: got[key] for key in keys} if blocked is None else {"blocked": blocked.name}
        case = Case(name, Span("", 1, 1, 1, 1), expect, made.facts, made.shape)
        passes = run_case(case, self.rules, self.prover.providers, self._decider).status == "passed"
        return Suggested(name, request, expect) if passes else None

    def boundaries(self, number: int) -> Iterator[Suggested]:
        """Where a rule's numbers begin and end: the last one in, and the first one out."""
        listing, space = self.prover.listing, self.prover.atoms.space
        outcome = listing.outcomes[number]
        assert outcome.entry is not None
        for fact in _asked(outcome.entry.condition, Test):
            axis = self.prover.atoms.axes.get(fact)
            if not isinstance(axis, Scale):
                continue
            for box in outcome.region:
                mask = box.get(axis.variable, space.full[axis.variable])
                for place in range(len(axis.spans) - 1):
                    if (mask >> place & 1) == (mask >> place + 1 & 1):
                        continue
                    for edge, at in ((place, 1), (place + 1, 0)):
                        span = axis.spans[edge]
                        if span is not None:
                            piece = {**box, axis.variable: 1 << edge}
                            yield from self._at(number, piece, fact, span[at], outcome.name)

    def _at(self, number: int, box: Mapping[int, int], fact: str, edge: float, name: str) -> Iterator[Suggested]:
        """A request in a box with a number at its edge."""
        answer = self.prover.some((dict(box),), self.prover.listing.before(number), lambda _decision: True)
        request = self.written(answer) if isinstance(answer, Witness) else None
        if request is not None:
            exact = int(edge) if edge == int(edge) else edge
            test = self.test(f"{name}: {fact} {exact}", request | _shorthand([(fact, exact)]))
            if test is not None:
                yield test

    def pairs(self, number: int, request: Request, test: Suggested) -> Iterator[Suggested]:
        """For each fact of a rule's condition, the request with that fact changed and decided otherwise."""
        outcome, made = self.prover.listing.outcomes[number], self._made(request)
        assert outcome.entry is not None
        assert made is not None
        for fact in _asked(outcome.entry.condition):
            for value in self._others(fact, made.facts.get(fact)):
                changed = _changed(request, fact, value)
                other = self.test(f"{outcome.name}: but {_said(fact, value)}", changed)
                if other is not None and other.expect != test.expect:
                    yield other
                    break

    def _others(self, fact: str, seen: Seen) -> list[Seen]:
        """Values of a fact that predicates tell from the one it has, the likeliest first."""
        axis = self.prover.atoms.axes.get(fact)
        values: Iterable[Seen] = ()
        if fact in ("hasTools", "stream"):
            values = (not seen,)
        elif fact == "contentKeywords":
            values = (MISSING,)
        elif isinstance(axis, Texts):
            values = (MISSING if piece.text is None else piece.text for piece in axis.pieces)
        elif isinstance(axis, Words):
            values = axis.values
        elif isinstance(axis, Members) and isinstance(seen, frozenset):
            literal = [one for one, _ in axis.asked.values() if isinstance(one, str)]
            values = (frozenset(), *(seen ^ {one} for one in literal))
        elif isinstance(axis, Scale):
            values = _numbers(axis, seen)
        return [value for value in dict.fromkeys(values) if value != seen][:MAX_OTHERS]

    def _settled(self, request: Request, there: Facts | None = None) -> tuple[Request, Composed, Decision] | None:
        """A request with the moment and the states that its decision needs: those of another one, else everyday ones."""
        while (made := self._made(request)) is not None:
            try:
                return request, made, self.prover.certifier.decide(made.facts)
            except UnknownFact as unknown:
                value = UNKNOWN if there is None else there.get(unknown.fact)
                if value is UNKNOWN:
                    value = self._everyday(unknown.fact)
                request = request | _shorthand([(unknown.fact, value)])
        return None

    def _made(self, request: Request) -> Composed | None:
        """The request that a shorthand stands for, made once."""
        known = repr(request)
        if known not in self._known:
            self._known[known] = _made(request)
        return self._known[known]

    def _everyday(self, fact: str) -> Seen:
        axis = self.prover.atoms.axes.get(fact)
        return axis.values[self.prover.atoms.space.usual[axis.variable]] if isinstance(axis, Words) else 0


def _made(request: Request) -> Composed | None:
    """The request that a shorthand stands for; None where it stands for none."""
    try:
        made = compose(wanted_of_mapping(request))
    except BadShorthand:
        return None
    return None if isinstance(made, Impossible) else made


def _asked(condition: Any, kind: type | tuple[type, ...] = object) -> list[str]:
    """The facts of the predicates of a condition, in order."""
    leaves = (leaf for leaf in leaves_of(condition) if isinstance(leaf, kind))
    return list(dict.fromkeys(fact for leaf in leaves for fact in sorted(facts_of(leaf))))


def _numbers(axis: Scale, seen: Seen) -> list[Seen]:
    """The edges of a number's pieces, the nearest first, and what is beside the number."""
    edges = [edge for span in axis.spans if span is not None for edge in span if abs(edge) < 2**53]
    own = seen if isinstance(seen, int | float) else 0
    exact = [int(edge) if edge == int(edge) else edge for edge in (*edges, own + 1, own - 1)]
    missing: list[Seen] = [MISSING] if None in axis.spans else []
    return [*sorted(exact, key=lambda edge: (abs(edge - own), edge)), *missing]


def _changed(request: Request, fact: str, value: Seen) -> Request:
    if fact == "contentKeywords":
        return {key: there for key, there in request.items() if key != fact}
    if fact == "hasTools":
        return {**request, "toolCount": int(bool(value))}
    if fact == "stream" and request.get("path") == "count_tokens":
        return {**request, "path": "messages", "stream": bool(value)}
    return request | _shorthand([(fact, value)])


def _said(fact: str, value: Seen) -> str:
    (key, said), *_ = _shorthand([(fact, value)]).items()
    match said:
        case None:
            return f"no {key}"
        case list():
            return f"{key} [{', '.join(said)}]"
        case bool():
            return f"{key} {str(said).lower()}"
        case _:
            return f"{key} {said}"


def _shorthand(facts: Iterable[tuple[str, Seen]]) -> Request:
    request: Request = {}
    for fact, value in facts:
        if fact == "time" and isinstance(value, int | float):
            request["now"] = datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
        elif value is MISSING:
            request[fact] = None
        else:
            request[fact] = sorted(value) if isinstance(value, frozenset) else value
    return request
