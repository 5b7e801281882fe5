"""The one way in: everything that is proved, tested and found about a rule set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from rules.analysis.budget import HARD, HARD_FOR_EACH, Budget
from rules.analysis.capable import needs_of
from rules.analysis.edits import Source
from rules.analysis.filters import unreached_filters
from rules.analysis.findings import findings_of
from rules.analysis.offered import Providers
from rules.analysis.ready import prover_of
from rules.cases import Case, Result, run_case
from rules.fast import decider_of
from rules.invariants import Invariant, Verdict, names_for, prove
from rules.nodes import RuleSet
from rules.vacuous import vacuous
from schemas.diagnostics import Diagnostic
from schemas.document import Node


class Analysis(Struct, frozen=True):
    """What is known of a rule set. `unproven` questions were given up, `unreplayed` proofs had a request that did not replay."""

    findings: tuple[Diagnostic, ...]
    tests: tuple[Result, ...] = ()
    invariants: tuple[Verdict, ...] = ()
    unproven: int = 0
    unreplayed: int = 0
    steps: int = 0

    def counted(self, status: str) -> int:
        """How many tests came out so: `passed`, `failed`, `todo`."""
        return sum(result.status == status for result in self.tests)


class Subject(Struct, frozen=True):
    """What is analysed: the rules, what their providers offer, the file's tests and invariants, its tree and texts for fixes."""

    rules: RuleSet
    providers: Providers
    tests: Sequence[Case] = ()
    invariants: Sequence[Invariant] = ()
    root: Node | None = None
    texts: Mapping[str, str] = field(default_factory=dict)


def analyse(subject: Subject, budget: Budget | None = None, *, with_overlaps: bool = False) -> Analysis:
    """Everything about a rule set. Deterministic: the budget counts steps."""
    budget = budget or Budget()
    budget.hard = HARD + HARD_FOR_EACH * len(subject.rules.rules)
    needs = needs_of(subject.rules, subject.providers)
    asked = [need.test for lacking in needs.values() for need in lacking]
    asked_of = [condition for invariant in subject.invariants for condition in invariant.conditions]
    names = names_for(subject.invariants, subject.rules)
    prover = prover_of(subject.rules, subject.providers, budget, [*asked, *asked_of], names.choices)
    # what is asked for comes before what nobody asked for
    verdicts = [prove(invariant, prover, names) for invariant in subject.invariants]
    source = Source(subject.root, subject.texts)
    found = findings_of(prover, source, needs, with_overlaps=with_overlaps)
    found += vacuous(subject.invariants, prover)
    found += unreached_filters(subject.rules, subject.providers, budget)
    decider = decider_of(subject.rules) if subject.tests else None
    results = [run_case(case, subject.rules, subject.providers, decider) for case in subject.tests]
    found += [result.diagnostic for result in results if result.diagnostic is not None]
    found += [verdict.diagnostic for verdict in verdicts if verdict.diagnostic is not None]
    return Analysis(
        tuple(sorted(found, key=lambda one: one.sort_key)),
        tuple(results),
        tuple(verdicts),
        budget.unproven,
        prover.certifier.unreplayed,
        budget.used,
    )
