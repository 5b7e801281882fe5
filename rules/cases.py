"""Routing tests of a configuration: what they want, the requests they are written in, and how they come out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceType
from itertools import product
from math import prod
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from rules.analysis.offered import Providers, sent_to
from rules.facts import Facts, FactSource, Seen
from rules.filters import decision_of, filtered
from rules.nodes import Decision, RuleSet
from rules.requests.bodies import Composed, compose
from rules.requests.shapes import Shape
from rules.requests.shorthand import BadShorthand, wanted_of_mapping
from rules.requests.wanted import Impossible
from rules.suppose import Supposed
from rules.suppose import cases_of as decisions_of
from rules.whynot import no_such, shown_fact, why_not
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Entry, JSONValue, Node, Scalar, Sequence, plain
from schemas.document import Mapping as MappingNode
from schemas.request import BadRequest
from schemas.wording import counted, listed, quoted

ReadEnvelope = Callable[[str], Facts]
"""The facts of a saved request, by its path as written. Raises `OSError` and `ValueError`."""

MAX_COMBINATIONS = 1_000
"""So many requests one matrix may stand for."""

KEYS = ("name", "todo", "request", "matrix", "expect")
EXPECTED = ("rule", "category", "provider", "model", "reject", "blocked", "filters")


class Case(Struct, frozen=True):
    """One request with what is expected of it; `problem` says why there is none. `todo`: a test still to be written.

    `span` is the test's place, `at` that of the problem where it is another one.
    """

    name: str
    span: Span
    expect: Mapping[str, JSONValue] = field(default_factory=dict)
    facts: Facts | None = None
    shape: Shape | None = None
    problem: str | None = None
    todo: bool = False
    at: Span | None = None


class Result(Struct, frozen=True):
    """How a case came out; `diagnostic` where it failed."""

    case: Case
    status: Literal["passed", "failed", "todo"]
    diagnostic: Diagnostic | None = None


def cases_in(tests: Node | None, read_envelope: ReadEnvelope) -> list[Case]:
    """The cases of the section `tests`, matrices written out."""
    items = tests.items if isinstance(tests, Sequence) else ()
    return [
        case
        for number, item in enumerate(items)
        if isinstance(item, MappingNode)
        for case in _cases(item, number, read_envelope)
    ]


def run_case(
    case: Case, rules: RuleSet, providers: Providers, decider: Callable[[FactSource], Decision] | None = None
) -> Result:
    """Runs a case through the production evaluator; every decision that facts not given may lead to must be as expected.

    `decider` is that of `rules`, made once for many cases.
    """
    if case.todo:
        return Result(case, "todo")
    problem = problem_of(case)
    if problem is not None or case.facts is None:
        return Result(case, "failed", problem)
    behind = filtered(rules.filters, case.facts.envelope)
    facts = case.facts if behind.envelope is case.facts.envelope else Facts(behind.envelope)
    decisions = [(one.decision, one.supposed) for one in decisions_of(rules, facts, decider=decider).cases]
    if behind.blocked is not None:
        decisions = [(decision_of(behind.blocked), {})]
    for decision, supposed in decisions:
        got = outcome_of(decision, facts, providers) | {
            "blocked": behind.blocked.name if behind.blocked is not None else None,
            "filters": [one.filter for one in behind.found],
        }
        wrong = [key for key, value in case.expect.items() if got.get(key) != value]
        if wrong:
            return Result(case, "failed", _failed(case, rules, providers, decision, got, wrong[0], supposed))
    return Result(case, "passed")


def problem_of(case: Case) -> Diagnostic | None:
    """What is wrong with a case as it is written, whatever the rules are."""
    if case.problem is None:
        return None
    message = f"test {quoted(case.name)} cannot be run: {case.problem}"
    return finding("CCR701", message, case.at or case.span, data={"test": case.name})


def outcome_of(decision: Decision, facts: Facts, providers: Providers) -> dict[str, JSONValue]:
    """A decision in the words of `expect`."""
    place = sent_to(decision.route, facts, providers)
    provider, model = place or (None, None)
    return {
        "rule": decision.rule,
        "category": decision.category,
        "provider": provider,
        "model": model,
        "reject": place is None,
    }


def _failed(
    case: Case,
    rules: RuleSet,
    providers: Providers,
    decision: Decision,
    got: Mapping[str, JSONValue],
    key: str,
    supposed: Mapping[str, Seen],
) -> Diagnostic:
    wanted = case.expect[key]
    assert case.facts is not None
    seen = Supposed(case.facts, supposed)
    hint = why_not(rules, str(wanted), seen, key) if key in ("rule", "category") else None
    if key == "provider" and isinstance(wanted, str) and wanted not in providers:
        hint = no_such("provider", wanted, providers)
    hints, when = [hint or f"rule {quoted(decision.rule)} decides"], ""
    if supposed:
        said = [f"{quoted(fact)} is {quoted(shown_fact(fact, value))}" for fact, value in supposed.items()]
        when = f" when {' and '.join(said)}"
        given = listed(["now" if fact == "time" else fact for fact in supposed], "and")
        hints.append(f"without {given} in its request it must hold for every value")
    return finding(
        "CCR701",
        f"test {quoted(case.name)} fails: expected {key} {_said(wanted)}, got {_said(got.get(key))}{when}",
        case.span,
        help="; ".join(hints),
        data={"test": case.name, "expected": dict(case.expect), "got": {name: got.get(name) for name in case.expect}},
    )


def _said(value: JSONValue) -> str:
    return quoted(value) if isinstance(value, str) else "none" if value is None else str(value).lower()


def _cases(item: MappingNode, number: int, read_envelope: ReadEnvelope) -> Iterator[Case]:
    todo, named = item.get("todo"), item.get("name")
    shown = named if isinstance(named, Scalar) else todo if isinstance(todo, Scalar) else None
    name = str(shown.value) if shown is not None else f"tests[{number}]"
    span = shown.span if shown is not None else item.span
    if isinstance(todo, Scalar):
        yield Case(name, span, todo=True)
        return
    request, expect, matrix = item.get("request"), item.get("expect"), item.get("matrix")
    written = request.entries if isinstance(request, MappingNode) else ()
    columns = matrix.entries if isinstance(matrix, MappingNode) else ()
    wrong = next(_misfits(written, columns), None)
    if wrong is not None:
        yield Case(name, span, problem=wrong[0], at=wrong[1])
        return
    if expect is None and any(entry.key.value not in KEYS for entry in item):
        return  # a misspelt key has a finding, and may be what it expects
    combinations = list(product(*map(_cells, columns)))
    wishes = expect.items if isinstance(expect, Sequence) else [expect] * len(combinations)
    if len(wishes) != len(combinations):
        said = f"`expect` has {counted(len(wishes), 'item')} for {len(combinations)} combinations"
        yield Case(name, span, problem=said, at=None if expect is None else expect.span)
        return
    for combination, wish in zip(combinations, wishes, strict=True):
        one = f"{name} ({', '.join(map(_cell_said, combination))})" if combination else name
        place = span if wish is None or not combination else wish.span
        if not isinstance(wish, MappingNode) or not wish.entries:
            yield Case(one, span, problem="it expects nothing", at=None if wish is None else wish.span)
            continue
        expected = {str(entry.key.value): plain(entry.value) for entry in wish}
        yield _made(Case(one, place, expected), (*written, *combination), read_envelope)


def _misfits(written: Iterable[Entry], columns: SequenceType[Entry]) -> Iterator[tuple[str, Span]]:
    """What in a request and its matrix cannot stand together, each with its place."""
    keys = {str(entry.key.value) for entry in written}
    for entry in columns:
        key = str(entry.key.value)
        if key in keys:
            yield f"{quoted(key)} is in `request` and in `matrix`", entry.key.span
        if isinstance(entry.value, Sequence) and not entry.value.items:
            yield f"{quoted(key)} has no value in `matrix`", entry.value.span
    count = prod(len(entry.value.items) for entry in columns if isinstance(entry.value, Sequence))
    if count > MAX_COMBINATIONS:
        yield f"`matrix` has {count} combinations, more than {MAX_COMBINATIONS}", columns[0].key.span
    others = [entry for entry in (*written, *columns) if entry.key.value != "file"]
    if others and "file" in keys:
        yield f"{quoted(str(others[0].key.value))} cannot stand beside `file`", others[0].key.span


def _cells(column: Entry) -> list[Entry]:
    return [Entry(column.key, item) for item in column.value.items] if isinstance(column.value, Sequence) else []


def _cell_said(cell: Entry) -> str:
    value = plain(cell.value)
    return f"{cell.key.value}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _made(case: Case, request: SequenceType[Entry], read_envelope: ReadEnvelope) -> Case:
    """The case with its request, or with what is wrong about that."""
    entries = {str(entry.key.value): entry for entry in request}
    file = entries.get("file")
    if file is not None:
        path = str(plain(file.value))
        try:
            return replace(case, facts=read_envelope(path))
        except OSError as problem:
            why = f"cannot be read: {(problem.strerror or 'no such file').lower()}"
        except ValueError as problem:
            why = f"holds no request: {problem}"
        return replace(case, problem=f"{quoted(path)} {why}", at=file.value.span)
    try:
        made = request_of({key: plain(entry.value) for key, entry in entries.items()})
    except BadShorthand as problem:
        blamed = entries[problem.key]
        return replace(case, problem=str(problem), at=blamed.key.span if problem.unknown else blamed.value.span)
    except BadRequest as problem:
        return replace(case, problem=str(problem))
    return replace(case, facts=made.facts, shape=made.shape)


def request_of(request: Mapping[str, Any]) -> Composed:
    """The request that a shorthand stands for. Raises `BadShorthand` where it is wrong or impossible."""
    made = compose(wanted_of_mapping(request))
    if isinstance(made, Impossible):
        keys = _conflict(request)
        if len(keys) == 1:
            raise BadShorthand(f"{quoted(keys[0])} is never {quoted(str(request[keys[0]]))}", keys[0])
        raise BadShorthand(f"{listed(keys, 'and')} cannot be had together", keys[-1])
    return made


def _conflict(request: Mapping[str, Any]) -> list[str]:
    """The smallest part of a shorthand that is impossible already."""
    kept = dict(request)
    for key in list(request):
        rest = {name: value for name, value in kept.items() if name != key}
        if rest and isinstance(compose(wanted_of_mapping(rest)), Impossible):
            kept = rest
    return list(kept)
