"""Small changes of a rule set, such as slips make: tests that notice none of them test little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeAlias

from msgspec import Struct, structs

from rules.analysis.behind import server_of
from rules.analysis.budget import Budget
from rules.analysis.certify import Witness
from rules.analysis.diff import difference
from rules.analysis.offered import Providers
from rules.cases import Case, outcome_of, run_case
from rules.facts import Facts, spec_of
from rules.fast import decider_of
from rules.moments import MINUTES_A_DAY, Share, Window
from rules.nodes import All, Any, Not, Predicate, Reference, Route, Rule, RuleSet, Target, Test
from rules.patterns.compiled import Glob, Pattern, glob_of, pattern_of
from rules.patterns.regex import PatternError
from rules.requests.bodies import envelope_of
from rules.suppose import cases_of as decisions_of
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.wording import quoted

Change: TypeAlias = Callable[[Predicate], Predicate | None]


PROOFS = 60_000
"""So many rules are gone through to tell which mutants that no test notices decide as before; the rest is not proven."""


class Mutant(Struct, frozen=True):
    """`says` is what was done to rule `rule`. INVARIANT: rules differ from the original at `place` and the one behind it only."""

    rule: str
    says: str
    rules: RuleSet
    place: int


class Survivor(Struct, frozen=True):
    """A mutant that no test noticed, and a request whose decision it changes; no witness: not proven to change any."""

    mutant: Mutant
    witness: Witness | None


def mutants_of(rules: RuleSet) -> Iterator[Mutant]:
    """Every mutant, one change each: drop, negate, swap neighbours, shift a bound, widen a pattern, change a target."""
    for place, rule in enumerate(rules.rules):
        if not rule.enabled:
            continue
        rest = (*rules.rules[:place], *rules.rules[place + 1 :])
        yield Mutant(rule.name, "dropped", structs.replace(rules, rules=rest), place)
        yield _with(rules, place, _conditioned(rule, Not(rule.condition, rule.span)), "its condition negated")
        after = rules.rules[place + 1 : place + 2]
        if after and after[0].enabled:
            swapped = (*rules.rules[:place], after[0], rule, *rules.rules[place + 2 :])
            says = f"swapped with {quoted(after[0].name)}"
            yield Mutant(rule.name, says, structs.replace(rules, rules=swapped), place)
        for says, condition in _conditions(rule.condition):
            yield _with(rules, place, _conditioned(rule, condition), says)
        route = _elsewhere(rule.route, rules)
        if route is not None:
            yield _with(rules, place, structs.replace(rule, route=route), "its target changed")


def survivors_of(
    rules: RuleSet, providers: Providers, cases: Sequence[Case], budget: Budget | None = None
) -> list[Survivor]:
    """The mutants that no case notices, without those that are proved to decide as before.

    A case that fails already notices nothing.
    """
    budget = budget or Budget()
    passing = Passing(rules, providers, cases)
    survivors: list[Survivor] = []
    proofs = 0
    for mutant in mutants_of(rules):
        if passing.notice(mutant):
            continue
        proofs += len(rules.rules)
        if proofs > PROOFS:
            budget.unproven += 1
            continue
        change = difference((rules, providers), (mutant.rules, providers), budget, most=1)
        if change.changes:
            survivors.append(Survivor(mutant, change.changes[0].witness))
        elif not change.proved:
            budget.unproven += 1
            survivors.append(Survivor(mutant, None))
    return survivors


class Passing:
    """The cases that pass, with the places of the rules that decide about each."""

    def __init__(self, rules: RuleSet, providers: Providers, cases: Sequence[Case]) -> None:
        self._providers = providers
        self._places = {rule.name: place for place, rule in enumerate(rules.rules)}
        decider = decider_of(rules)
        passing = [case for case in cases if run_case(case, rules, providers, decider).status == "passed"]
        self._cases = [(self._deciding(case, rules), case) for case in passing]

    def notice(self, mutant: Mutant) -> bool:
        """Whether one fails under the mutant; those that the changed rules decide about are asked first."""
        changed = {mutant.place, mutant.place + 1}
        near = structs.replace(mutant.rules, rules=mutant.rules.rules[mutant.place : mutant.place + 2])
        theirs = [case for places, case in self._cases if places & changed]
        later = (case for places, case in self._cases if not places & changed and max(places) > mutant.place)
        asked = chain(theirs, (case for case in later if self._reaches(case, near)))
        return any(run_case(case, mutant.rules, self._providers).status == "failed" for case in asked)

    def _deciding(self, case: Case, rules: RuleSet) -> set[int]:
        """Rules behind the last of them have no part in the case; where no rule decides, all have."""
        behind = len(self._places)
        if case.facts is None or rules.filters:
            return {behind}
        return {self._places.get(one.decision.rule, behind) for one in decisions_of(rules, case.facts).cases} or {
            behind
        }

    def _reaches(self, case: Case, near: RuleSet) -> bool:
        """Whether a case that later rules decide about may be taken by one of these."""
        if case.facts is None or near.filters:
            return True
        names = {rule.name for rule in near.rules}
        found = [one.decision for one in decisions_of(near, case.facts).cases]
        return any(one.rule in names or one.skipped for one in found)


def surviving(
    rules: RuleSet, providers: Providers, cases: Sequence[Case], budget: Budget | None = None
) -> Iterator[Diagnostic]:
    """704: one finding for each rule, with the test that would notice. `budget` counts the mutants of which nothing is proven."""
    by_rule: dict[str, list[Survivor]] = {}
    for survivor in survivors_of(rules, providers, cases, budget):
        by_rule.setdefault(survivor.mutant.rule, []).append(survivor)
    spans = {rule.name: rule.span for rule in rules.rules}
    served = server_of(rules)
    for name, survivors in by_rule.items():
        shown = next((one for one in survivors if one.witness is not None), None)
        if shown is None or shown.witness is None:
            continue
        facts = Facts(envelope_of(shown.witness.shape))
        expect = outcome_of(served(facts), facts, providers)
        said = ", ".join(dict.fromkeys(one.mutant.says for one in survivors if one.witness is not None))
        yield finding(
            "CCR704",
            f"no test notices rule {quoted(name)} with {said}",
            spans[name],
            help=f"add a test with {shown.witness.line}",
            data={
                "rule": name,
                "witness": shown.witness.data,
                "expect": {key: expect[key] for key in ("rule", "provider", "model")},
            },
        )


def _with(rules: RuleSet, place: int, rule: Rule, says: str) -> Mutant:
    changed = (*rules.rules[:place], rule, *rules.rules[place + 1 :])
    return Mutant(rule.name, says, structs.replace(rules, rules=changed), place)


def _conditioned(rule: Rule, condition: Predicate) -> Rule:
    return structs.replace(rule, condition=condition)


def _conditions(node: Predicate) -> Iterator[tuple[str, Predicate]]:
    """A condition with one change somewhere in it."""
    match node:
        case All(children, span) | Any(children, span):
            kind = type(node)
            for place, child in enumerate(children):
                rest = (*children[:place], *children[place + 1 :])
                if len(children) > 1:
                    yield "a predicate dropped", kind(rest, span)
                for says, changed in _conditions(child):
                    yield says, kind((*children[:place], changed, *children[place + 1 :]), span)
        case Not(child, span):
            for says, changed in _conditions(child):
                yield says, Not(changed, span)
        case Reference(name, child, span):
            for says, changed in _conditions(child):
                yield says, Reference(name, changed, span)
        case Test():
            yield from _tests(node)


_BOUNDS = {"gt": "gte", "gte": "gt", "lt": "lte", "lte": "lt"}


def _tests(test: Test) -> Iterator[tuple[str, Test]]:
    operand = test.operand
    if test.operator in _BOUNDS:
        yield "a bound shifted", structs.replace(test, operator=_BOUNDS[test.operator])
    if test.operator == "eq" and isinstance(operand, bool):
        yield "a value flipped", structs.replace(test, operand=not operand)
    if test.operator == "eq" and isinstance(operand, int) and not isinstance(operand, bool):
        yield "a bound shifted", structs.replace(test, operand=operand + 1)
    if test.operator in ("prefix", "suffix", "contains") and isinstance(operand, str) and len(operand) > 1:
        shorter = operand[1:] if test.operator == "suffix" else operand[:-1]
        yield "a pattern widened", structs.replace(test, operand=shorter)
    if test.operator == "eq" and isinstance(operand, str) and operand and not _is_word(test):
        yield "a pattern widened", structs.replace(test, operator="glob", operand=glob_of(f"{operand}*"))
    if isinstance(operand, frozenset) and len(operand) > 1:
        yield "a value dropped", structs.replace(test, operand=operand - {min(operand, key=str)})
    if (
        test.operator in ("hasAny", "hasAll", "hasNone", "keywords", "cidr")
        and isinstance(operand, tuple)
        and len(operand) > 1
    ):
        yield "a value dropped", structs.replace(test, operand=operand[1:])
    if test.operator == "between" and isinstance(operand, tuple):
        low, high = operand
        yield "a bound shifted", structs.replace(test, operand=(low + 1, high))
        yield "a bound shifted", structs.replace(test, operand=(low, high + 1))
    if isinstance(operand, Share):
        more = operand.percent + (1 if operand.percent <= 99 else -1)
        yield "a bound shifted", structs.replace(test, operand=Share(more, operand.salt))
    if isinstance(operand, Window):
        yield from ((says, structs.replace(test, operand=window)) for says, window in _windows(operand))
    if isinstance(operand, Pattern):
        yield from ((says, structs.replace(test, operand=pattern)) for says, pattern in _patterns(operand))
    if test.operator == "cidr" and isinstance(operand, tuple) and operand[0].prefixlen:
        yield "a network widened", structs.replace(test, operand=(operand[0].supernet(), *operand[1:]))
    if isinstance(operand, Glob):
        wider = f"*{operand.source}" if operand.source.endswith("*") else f"{operand.source}*"
        yield "a pattern widened", structs.replace(test, operand=glob_of(wider, operand.ignore_case))
    if test.operator == "size" and isinstance(operand, Test):
        yield from ((says, structs.replace(test, operand=size)) for says, size in _tests(operand))


def _windows(window: Window) -> Iterator[tuple[str, Window]]:
    """Half an hour more at the end and at the beginning, where the day has it; one day less."""
    if window.start < window.end or window.end + _HALF_HOUR <= window.start:
        if window.end + _HALF_HOUR <= MINUTES_A_DAY:
            yield "a bound shifted", replace(window, end=window.end + _HALF_HOUR)
        if window.start >= _HALF_HOUR:
            yield "a bound shifted", replace(window, start=window.start - _HALF_HOUR)
    if len(window.days) > 1:
        yield "a value dropped", replace(window, days=window.days - {max(window.days)})


_HALF_HOUR = 30


def _patterns(pattern: Pattern) -> Iterator[tuple[str, Pattern]]:
    """Without the anchor at either end; without any, with one at the beginning."""
    source = pattern.source
    changed = [("a pattern widened", source[1:])] if source.startswith("^") else []
    if source.endswith("$") and not source.endswith("\\$"):
        changed.append(("a pattern widened", source[:-1]))
    for says, other in changed or [("a pattern narrowed", f"^({source})")]:
        try:
            yield says, pattern_of(other, pattern.ignore_case)
        except PatternError:
            continue  # what is left is no pattern, or one that costs too much


def _is_word(test: Test) -> bool:
    spec = spec_of(test.fact)
    return spec is None or spec.type not in ("string", "text")


def _elsewhere(route: Route, rules: RuleSet) -> Route | None:
    """Another route of the file."""
    others = [rule.route for rule in rules.rules if rule.enabled]
    others += [category.route for category in rules.categories if category.route is not None]
    return next((other for other in others if _bare(other) != _bare(route)), None)


def _bare(route: Route) -> object:
    to = route.to
    return (to.provider, to.model) if isinstance(to, Target) else ("refused", to.status)
