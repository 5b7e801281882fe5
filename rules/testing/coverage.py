"""What the tests of a configuration reach: rules, and each predicate both ways; what cannot be reached is proved so and left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from rules.analysis.budget import Budget, Spent
from rules.analysis.offered import Providers
from rules.analysis.prove import Never, Prover
from rules.analysis.ready import prover_of
from rules.analysis.wording import said_of
from rules.cases import Case
from rules.cost import leaves_of
from rules.evaluate import Leaf
from rules.facts import Facts
from rules.filters import filtered
from rules.nodes import Constant, Rule, RuleSet
from rules.suppose import cases_of
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.wording import quoted


class Coverage(Struct, frozen=True):
    """Counts; `missed` are the rules that no test gets, `one_sided` predicates with the verdict that none gives."""

    rules: int
    rules_hit: int
    verdicts: int
    verdicts_hit: int
    missed: tuple[Rule, ...] = ()
    one_sided: tuple[tuple[Rule, str, bool], ...] = ()

    @property
    def percent(self) -> int:
        """Of rules and verdicts together, floored."""
        whole = self.rules + self.verdicts
        return 100 if not whole else (self.rules_hit + self.verdicts_hit) * 100 // whole


class _Heard(Struct):
    taken: set[str] = field(default_factory=set)
    verdicts: set[tuple[int, bool]] = field(default_factory=set)

    def begin(self, name: str) -> None:
        pass

    def leaf(self, node: Leaf, result: bool | None) -> None:
        if result is not None:
            self.verdicts.add((id(node), result))

    def end(self, name: str, result: bool | None) -> None:
        pass


def coverage_of(rules: RuleSet, providers: Providers, cases: Sequence[Case], budget: Budget | None = None) -> Coverage:
    """How much of the custom rules the cases reach."""
    budget = budget or Budget()
    prover = prover_of(rules, providers, budget)
    heard = _Heard()
    for case in cases:
        if case.facts is not None:
            behind = filtered(rules.filters, case.facts.envelope)
            if behind.blocked is None:
                found = cases_of(rules, Facts(behind.envelope), heard)
                heard.taken |= {supposed.decision.rule for supposed in found.cases}
    missed: list[Rule] = []
    one_sided: list[tuple[Rule, str, bool]] = []
    counts = [0, 0, 0, 0]
    for number, outcome in enumerate(prover.listing.outcomes):
        rule = outcome.entry
        if outcome.kind != "rule" or not isinstance(rule, Rule) or isinstance(prover.is_reached(number), Never):
            continue
        counts[0] += 1
        if rule.name in heard.taken:
            counts[1] += 1
        else:
            missed.append(rule)
        for leaf, verdict in _feasible(prover, number, rule):
            counts[2] += 1
            if (id(leaf), verdict) in heard.verdicts:
                counts[3] += 1
            else:
                one_sided.append((rule, said_of(leaf), verdict))
    rules_seen, rules_hit, verdicts, verdicts_hit = counts
    return Coverage(rules_seen, rules_hit, verdicts, verdicts_hit, tuple(missed), tuple(one_sided))


def _feasible(prover: Prover, number: int, rule: Rule) -> Iterator[tuple[Leaf, bool]]:
    """The predicates of a rule with each verdict that some request gives that gets as far as the rule."""
    listing = prover.listing
    for leaf in leaves_of(rule.condition):
        if isinstance(leaf, Constant):
            continue
        sides = prover.boxes.sides_of(leaf)
        for verdict, region in ((True, sides.holds), (False, sides.fails_to_hold)):
            try:
                proved_never = listing.first_in(region, listing.before(number)) is None
            except Spent:
                proved_never = False
            if not proved_never:
                yield leaf, verdict


def uncovered(coverage: Coverage) -> Iterator[Diagnostic]:
    """703: the rules that no test gets."""
    for rule in coverage.missed:
        yield finding(
            "CCR703",
            f"no test reaches rule {quoted(rule.name)}",
            rule.span,
            help="`ccr gen-tests` writes one",
            data={"rule": rule.name},
        )
