"""The stage that proves and tests: only `test-config` runs it, on a configuration that may start.

Checked -> Subject -> analyse -> findings, outcomes of tests and invariants
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from engine.built import Built, Checked
from engine.outcomes import InvariantOutcome, TestOutcome
from engine.read_envelope import BadEnvelope, read_envelope
from engine.sources import beside
from providers.spec import ProviderSpec
from rules.analysis.analyse import Subject, analyse
from rules.analysis.offered import Model, Offered
from rules.cases import Case, Result, cases_in
from rules.facts import Facts
from rules.invariants import Verdict, invariants_in
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Mapping as MappingNode
from schemas.document import Node, Scalar
from schemas.read import read

if TYPE_CHECKING:
    from rules.coverage import Coverage

ReadFile = Callable[[str], bytes]


class Proved(Struct, frozen=True):
    """What the stage adds to a report.

    `unproven` questions were given up, `unreplayed` requests did not show what they should; `steps` is the work done.
    `unread` are files of tests that could not be read, or have no tree.
    """

    findings: tuple[Diagnostic, ...] = ()
    tests: tuple[TestOutcome, ...] = ()
    invariants: tuple[InvariantOutcome, ...] = ()
    unproven: int = 0
    unreplayed: int = 0
    coverage: Coverage | None = None
    steps: int = 0
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
    """Everything proved and tested about a configuration; nothing where something in it blocks.

    Files that the configuration names are beside it.
    """
    wishes = wishes or Wishes()
    built = checked.built
    if built is None or not isinstance(built.document.root, MappingNode):
        return Proved()
    cases, found, unread = _cases(built, checked.file, read_file, wishes.tests)
    if wishes.run is not None:
        cases = [case for case in cases if wishes.run.search(case.name)]
    threshold = {"longContextThreshold": built.settings.routing.long_context_threshold}
    invariants, wrong = invariants_in(built.document.root, built.providers.keys(), threshold)
    subject = Subject(built.rules, offered(built.providers), cases, invariants, built.document.root, checked.texts)
    analysis = analyse(subject, with_overlaps=wishes.overlaps)
    reached = None
    if wishes.coverage:
        from rules.coverage import coverage_of, uncovered

        reached = coverage_of(subject.rules, subject.providers, cases)
        found += uncovered(reached)
    if wishes.mutants:
        from rules.mutate import surviving

        found += surviving(subject.rules, subject.providers, cases)
    spans = {invariant.name: invariant.span for invariant in invariants}
    return Proved(
        (*found, *wrong, *analysis.findings),
        tuple(map(_test, analysis.tests)),
        tuple(_invariant(verdict, spans[verdict.name]) for verdict in analysis.invariants),
        analysis.unproven,
        analysis.unreplayed,
        reached,
        analysis.steps,
        unread,
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


def _cases(
    built: Built, file: str, read_file: ReadFile, tests: str | None
) -> tuple[list[Case], list[Diagnostic], tuple[str, ...]]:
    """The tests, what is wrong with them, and their files that are not there or have no tree."""
    root = built.document.root
    assert isinstance(root, MappingNode)
    found: list[Diagnostic] = []
    cases: list[Case] = []
    unread: list[str] = []
    section = root.get("tests")
    named = section.get("file") if isinstance(section, MappingNode) else None
    sources: list[tuple[Node | None, str]] = [(None if isinstance(named, Scalar) else section, file)]
    if isinstance(named, Scalar):
        sources = [_tests_file(beside(file, str(named.value)), named.span, read_file, found, unread)]
    if tests is not None:
        sources.append(_tests_file(tests, Span(tests, 1, 1, 1, 1), read_file, found, unread))
    for node, name in sources:
        cases += cases_in(node, partial(_facts_in, name, read_file))
    return cases, found, tuple(unread)


def _tests_file(
    name: str, span: Span, read_file: ReadFile, found: list[Diagnostic], unread: list[str]
) -> tuple[Node | None, str]:
    """The list of tests in a file; a mapping with the key `tests` will do. What is wrong goes to `found` and `unread`."""
    try:
        data = read_file(name)
    except OSError as problem:
        found.append(
            finding("CCR019", f"the tests cannot be read: {(problem.strerror or 'no such file').lower()}", span)
        )
        unread.append(name)
        return None, name
    document, wrong = read(data, name)
    found += wrong
    if document is None:
        unread.append(name)
        return None, name
    root = document.root
    return (root.get("tests") if isinstance(root, MappingNode) else root), name


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
