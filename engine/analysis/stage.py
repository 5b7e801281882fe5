"""The stage that proves and tests: only `test-config` runs it, on a configuration that may start.

Checked -> Subject -> analyse -> findings, outcomes of tests and invariants
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from engine.build import any_within, without_echoes
from engine.built import Checked
from engine.configuration.sources import beside, text_in
from engine.read_envelope import BadEnvelope, read_envelope
from engine.reporting.outcomes import InvariantOutcome, TestOutcome
from providers.read_spec import read_providers
from providers.spec import ProviderSpec
from rules.analysis.analyse import Subject, analyse
from rules.analysis.offered import Model, Offered
from rules.cases import Case, Result, cases_in, problem_of
from rules.facts import Facts
from rules.invariants import Verdict, invariants_in
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Severity, Span
from schemas.document import Entry, Node, Scalar, Sequence
from schemas.document import Mapping as MappingNode
from schemas.read import read
from schemas.shape import shape

if TYPE_CHECKING:
    from rules.testing.coverage import Coverage

ReadFile = Callable[[str], bytes]


class Proved(Struct, frozen=True):
    """What the stage adds to a report.

    `unproven` questions were given up, `unreplayed` requests did not show what they should; `steps` is the work done.
    `unread` are files of tests that could not be read, or have no tree.
    `texts` are files of tests that could be read.
    """

    findings: tuple[Diagnostic, ...] = ()
    tests: tuple[TestOutcome, ...] = ()
    invariants: tuple[InvariantOutcome, ...] = ()
    unproven: int = 0
    unreplayed: int = 0
    coverage: Coverage | None = None
    steps: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


class Wishes(Struct, frozen=True):
    """What is asked for beyond the usual.

    `tests` is a further file of tests, as given on the command line; `run` keeps the tests with names that a pattern is
    in. `coverage` says what tests reach, `mutants` whether they notice changes, `overlaps` lists rules that overlap.
    """

    tests: str | None = None
    run: re.Pattern[str] | None = None
    coverage: bool = False
    mutants: bool = False
    overlaps: bool = False


def proved(checked: Checked, read_file: ReadFile, wishes: Wishes | None = None) -> Proved:
    """Everything proved and tested about a configuration.

    Where something blocks in what decides about requests, only what is wrong in tests and invariants as they are
    written; where it blocks elsewhere, tests and invariants with errors are left out. Files that the configuration names
    are beside it.
    """
    wishes = wishes or Wishes()
    root = None if checked.document is None else checked.document.root
    if not isinstance(root, MappingNode) or checked.is_incomplete:
        return Proved()
    tests = _tests_of(root, checked.file, read_file, wishes)
    found, cases, routing = tests.findings, tests.cases, checked.routing
    providers = read_providers(root)[0] if routing is None else routing.providers
    invariants, wrong = invariants_in(root, providers)
    if routing is None or checked.built is None:
        problems = [problem for case in cases if (problem := problem_of(case)) is not None]
        found = without_echoes(checked.diagnostics, [*found, *wrong, *problems])
        wrong = []
        if routing is None:
            return Proved(tuple(found), texts=tests.texts, unread=tuple(tests.unread))
        sound = _sound(root, checked.diagnostics)
        cases, invariants = _tests_of(sound, checked.file, read_file, wishes).cases, invariants_in(sound, providers)[0]
    subject = Subject(routing.rules, offered(providers), cases, invariants, root, checked.texts)
    analysis = analyse(subject, with_overlaps=wishes.overlaps)
    reached, unproven = None, analysis.unproven
    if wishes.coverage:
        from rules.testing.coverage import coverage_of, uncovered

        reached = coverage_of(subject.rules, subject.providers, cases)
        found += uncovered(reached)
    if wishes.mutants:
        from rules.analysis.budget import Budget
        from rules.testing.mutate import surviving

        budget = Budget()
        found += surviving(subject.rules, subject.providers, cases, budget)
        unproven += budget.unproven
    known = {(one.code, one.span) for one in found}
    return Proved(
        (*found, *wrong, *(one for one in analysis.findings if (one.code, one.span) not in known)),
        tuple(map(_test, analysis.tests)),
        tuple(_invariant(verdict, one.span) for verdict, one in zip(analysis.invariants, invariants, strict=True)),
        unproven,
        analysis.unreplayed,
        reached,
        analysis.steps,
        tests.texts,
        tuple(tests.unread),
    )


def offered(providers: Mapping[str, ProviderSpec]) -> dict[str, Offered]:
    """What the analysis must know of providers."""
    return {
        name: Offered(
            tuple(Model(model.name, model.context_window, model.capabilities) for model in spec.models),
            spec.default_model,
            spec.span,
        )
        for name, spec in providers.items()
    }


class _Tests(Struct):
    """The tests of a configuration; `findings` are what is wrong with files of tests, `texts` what these hold.

    `unread` are those that are not there or have no tree.
    """

    cases: list[Case] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def file(self, name: str, span: Span, read_file: ReadFile) -> Node | None:
        """The list of tests in a file; a mapping with the key `tests` will do."""
        try:
            data = read_file(name)
        except OSError as problem:
            why = (problem.strerror or "no such file").lower()
            self.findings.append(finding("CCR019", f"the tests cannot be read: {why}", span))
            self.unread.append(name)
            return None
        self.texts[name] = text_in(data)
        document, wrong = read(data, name)
        self.findings += wrong
        if document is None:
            self.unread.append(name)
            return None
        root = document.root
        tests = root.get("tests") if isinstance(root, MappingNode) else root
        if not isinstance(tests, Sequence):
            place = root.span if tests is None else tests.span
            self.findings.append(finding("CCR103", "a file of tests is a list, or has one under `tests`", place))
            return None
        whole = MappingNode((Entry(Scalar("tests", tests.span), tests),), tests.span)
        self.findings += shape(replace(document, root=whole))[1]
        return tests


def _sound(root: MappingNode, found: Iterable[Diagnostic]) -> MappingNode:
    """The configuration without the tests and invariants that have an error in them."""
    errors = sorted(one.span for one in found if one.severity is Severity.ERROR)

    def kept(entry: Entry) -> Entry:
        if entry.key.value not in ("tests", "invariants") or not isinstance(entry.value, Sequence):
            return entry
        items = [Scalar(None, item.span) if any_within(errors, item.span) else item for item in entry.value]
        return Entry(entry.key, Sequence(tuple(items), entry.value.span))

    return MappingNode(tuple(kept(entry) for entry in root), root.span)


def _tests_of(root: MappingNode, file: str, read_file: ReadFile, wishes: Wishes) -> _Tests:
    tests = _Tests()
    section = root.get("tests")
    named = section.get("file") if isinstance(section, MappingNode) else None
    sources, further = list[tuple[Node | None, str]]([(section, file)]), wishes.tests
    if isinstance(named, Scalar):
        name = beside(file, str(named.value))
        sources = [(tests.file(name, named.span, read_file), name)]
    if further is not None:
        sources.append((tests.file(further, Span(further, 1, 1, 1, 1), read_file), further))
    for node, name in sources:
        tests.cases += cases_in(node, partial(_facts_in, name, read_file))
    if wishes.run is not None:
        tests.cases = [case for case in tests.cases if wishes.run.search(case.name)]
    return tests


def _facts_in(file: str, read_file: ReadFile, path: str) -> Facts:
    """The facts of a request saved beside the file of its test. Raises `OSError` and `ValueError`."""
    try:
        return Facts(read_envelope(read_file(beside(file, path))))
    except BadEnvelope as problem:
        raise ValueError(str(problem)) from None


def _test(result: Result) -> TestOutcome:
    found = result.diagnostic
    message = None if found is None else f"{found.message}{f'; {found.help}' if found.help else ''}"
    return TestOutcome(result.case.name, result.status, result.case.span, message)


def _invariant(verdict: Verdict, span: Span) -> InvariantOutcome:
    found = verdict.diagnostic
    return InvariantOutcome(
        verdict.name,
        verdict.status,
        span,
        verdict.reason if found is None else found.message,
        None if verdict.witness is None else verdict.witness.data,
    )
