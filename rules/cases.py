"""Routing tests of a configuration: what they want, the requests they are written in, and how they come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, Literal

from msgspec import Struct, field

from rules.analysis.offered import Providers, places_of
from rules.bodies import Composed, Impossible, Shape, compose
from rules.facts import Facts
from rules.filters import decision_of, filtered
from rules.nodes import Decision, Reject, RuleSet
from rules.shorthand import BadShorthand, wanted_of_mapping
from rules.suppose import cases_of as decisions_of
from rules.whynot import why_not
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Entry, JSONValue, Node, Scalar, Sequence, plain
from schemas.document import Mapping as MappingNode
from schemas.request import BadRequest
from schemas.wording import quoted

ReadEnvelope = Callable[[str], Facts]
"""The facts of a saved request, by its path as written. Raises `OSError` and `ValueError`."""

EXPECTED = ("rule", "category", "provider", "model", "reject", "blocked", "filters")


class Case(Struct, frozen=True):
    """One request with what is expected of it; `problem` says why there is none. `todo`: a test still to be written."""

    name: str
    span: Span
    expect: Mapping[str, JSONValue] = field(default_factory=dict)
    facts: Facts | None = None
    shape: Shape | None = None
    problem: str | None = None
    todo: bool = False


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


def run_case(case: Case, rules: RuleSet, providers: Providers) -> Result:
    """Runs a case through the production evaluator; every decision that facts not given may lead to must be as expected."""
    if case.todo:
        return Result(case, "todo")
    if case.facts is None:
        return Result(
            case,
            "failed",
            finding(
                "CCR701",
                f"test {quoted(case.name)} has no such request: {case.problem}",
                case.span,
                data={"test": case.name},
            ),
        )
    behind = filtered(rules.filters, case.facts.envelope)
    facts = case.facts if behind.envelope is case.facts.envelope else Facts(behind.envelope)
    decisions = [supposed.decision for supposed in decisions_of(rules, facts).cases]
    if behind.blocked is not None:
        decisions = [decision_of(behind.blocked)]
    for decision in decisions:
        got = outcome_of(decision, facts, providers) | {
            "blocked": behind.blocked.name if behind.blocked is not None else None,
            "filters": [one.filter for one in behind.found],
        }
        wrong = [key for key, value in case.expect.items() if got.get(key) != value]
        if wrong:
            return Result(case, "failed", _failed(case, rules, decision, got, wrong[0]))
    return Result(case, "passed")


def outcome_of(decision: Decision, facts: Facts, providers: Providers) -> dict[str, JSONValue]:
    """A decision in the words of `expect`."""
    reject = isinstance(decision.route.to, Reject)
    provider, model = places_of(decision.route, providers)[0] if not reject else (None, None)
    if not reject and model is None:
        own = facts.get("model")
        model = own if isinstance(own, str) else None
    return {
        "rule": decision.rule,
        "category": decision.category,
        "provider": provider,
        "model": model,
        "reject": reject,
    }


def _failed(case: Case, rules: RuleSet, decision: Decision, got: Mapping[str, JSONValue], key: str) -> Diagnostic:
    wanted = case.expect[key]
    assert case.facts is not None
    hint = why_not(rules, str(wanted), case.facts) if key in ("rule", "category") else None
    return finding(
        "CCR701",
        f"test {quoted(case.name)} fails: expected {key} {_said(wanted)}, got {_said(got.get(key))}",
        case.span,
        help=hint or f"rule {quoted(decision.rule)} decides",
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
    request, expect = item.get("request"), item.get("expect")
    if expect is None:
        yield Case(name, span, problem="it expects nothing")
        return
    base = plain(request) if isinstance(request, MappingNode) else {}
    combinations = list(_matrix(item.get("matrix")))
    expected = (
        [plain(one) for one in expect.items] if isinstance(expect, Sequence) else [plain(expect)] * len(combinations)
    )
    if len(expected) != len(combinations):
        yield Case(
            name, expect.span, problem=f"`expect` has {len(expected)} items for {len(combinations)} combinations"
        )
        return
    places = [one.span for one in expect.items] if isinstance(expect, Sequence) else [expect.span] * len(combinations)
    assert isinstance(base, dict)
    for combination, wanted, place in zip(combinations, expected, places, strict=True):
        one = (
            name if not combination else f"{name} ({', '.join(f'{key}={value}' for key, value in combination.items())})"
        )
        wish = wanted if isinstance(wanted, dict) else {}
        yield _made(one, span if not combination else place, {**base, **combination}, wish, read_envelope)


def _matrix(node: Node | None) -> Iterator[dict[str, JSONValue]]:
    """Every combination, the last key fastest."""
    entries: tuple[Entry, ...] = node.entries if isinstance(node, MappingNode) else ()
    columns = [
        [plain(item) for item in entry.value.items] if isinstance(entry.value, Sequence) else [] for entry in entries
    ]
    for values in product(*columns):
        yield {str(entry.key.value): value for entry, value in zip(entries, values, strict=True)}


def _made(
    name: str, span: Span, request: dict[str, JSONValue], expect: Mapping[str, JSONValue], read_envelope: ReadEnvelope
) -> Case:
    if isinstance(request.get("file"), str):
        try:
            return Case(name, span, expect, read_envelope(str(request["file"])))
        except (OSError, ValueError) as problem:
            return Case(name, span, expect, problem=getattr(problem, "strerror", None) or str(problem))
    try:
        made = request_of(request)
    except (BadShorthand, BadRequest) as problem:
        return Case(name, span, expect, problem=str(problem))
    return Case(name, span, expect, made.facts, made.shape)


def request_of(request: Mapping[str, Any]) -> Composed:
    """The request that a shorthand stands for. Raises `BadShorthand` where it is wrong or impossible."""
    made = compose(wanted_of_mapping(request))
    if isinstance(made, Impossible):
        raise BadShorthand(f"{_conflict(request)} cannot be had together")
    return made


def _conflict(request: Mapping[str, Any]) -> str:
    """The smallest part of a shorthand that is impossible already."""
    kept = dict(request)
    for key in list(request):
        rest = {name: value for name, value in kept.items() if name != key}
        if rest and isinstance(compose(wanted_of_mapping(rest)), Impossible):
            kept = rest
    return " and ".join(quoted(key) for key in kept)
