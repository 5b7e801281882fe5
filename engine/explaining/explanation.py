"""`explain`: what would happen to a request, and why, as one JSON object.

The evaluator decides and is listened to; nothing here matches anything by itself. The object:

    revision
    api          messages, count_tokens or chat/completions: where the request is posted to
    decision     {rule, category, provider, model, instance, skipped} (+ `reject`), null where it varies
    decisions    [{when, decision}], only where it varies with facts that are not given
    rules        [{name, index, kind, file, line, column, status, wouldMatch, predicates}]
    plan         [{provider, model, instance}] in the order of trying
    pool         {strategy, instances, resting, candidates} of the decided provider
    lost         [{field, count, why}], what translation to the decided target drops or changes
    notes        sentences on what was chosen for the decided target by itself (defaults of its host), and on the request
    nearest, counterfactuals  what `engine/explaining/why_not.py` says of the rules that did not decide
    unknownFacts facts that are needed and not given
    stats        {predicates, evaluated, tokensCounted}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from engine.access.allowance import admitted, check_states
from engine.explaining.question import Question
from engine.explaining.shown import shown_case, shown_seen
from engine.explaining.surroundings import Step
from engine.replies import Refused
from providers.plan import PlannedTarget
from rules.cost import facts_of
from rules.evaluate import EXPLICIT, Leaf, UnknownFact, explicit_target, holds
from rules.explicit import without_tag
from rules.expressions.compute import ExpressionFailed
from rules.facts import Facts, FactSource, tokens_counted
from rules.filters import decision_of
from rules.leaves import Placed, placed_leaves
from rules.nodes import Category, Constant, Decision, Filter, Predicate, Reject, Rule, Test
from rules.operators import wanted_of
from rules.suppose import Case, cases_of
from schemas.diagnostics import Span


class _Heard(Struct):
    """What the evaluator said while it decided: outcomes by name, and the predicates it looked at."""

    outcomes: dict[str, set[bool | None]] = field(default_factory=dict)
    leaves: set[int] = field(default_factory=set)

    def begin(self, name: str) -> None:
        self.outcomes.setdefault(name, set())

    def leaf(self, node: Leaf, result: bool | None) -> None:  # noqa: ARG002 - the seam's signature
        self.leaves.add(id(node))

    def end(self, name: str, result: bool | None) -> None:
        self.outcomes[name].add(result)


def explain(question: Question) -> dict[str, Any]:
    """The explanation. Deterministic: the same bytes for the same question."""
    if question.blocked is not None:
        return _blocked(question, question.blocked)
    facts = Facts(question.envelope)
    heard = _Heard()
    found = cases_of(question.rules, facts, heard)
    cases = found.cases
    counted = tokens_counted(facts)
    decisions = [shown_decision(question, facts, case.decision) for case in cases]
    one = decisions[0] if decisions and all(other == decisions[0] for other in decisions) else None
    steps = _steps(question, facts, cases[0].decision) if one is not None and "reject" not in one else ()
    entries = _entries(question, facts, heard)
    explanation: dict[str, Any] = {"revision": question.revision, "api": question.api, "decision": one}
    if one is None:
        explanation["decisions"] = _varying(cases, decisions)
    if not found.complete:
        explanation["notProven"] = "there are too many combinations of facts that are not given"
    if question.rules.filters:
        explanation["filters"] = _found(question)
    unknown = sorted(found.unknown)
    predicates = [predicate for entry in entries for predicate in entry["predicates"]]
    return explanation | {
        "rules": entries,
        "plan": [{"provider": step.provider, "model": step.model, "instance": step.instance} for step in steps],
        "pool": _pool(steps[0]) if steps else None,
        "lost": [
            {"field": lost.field, "count": lost.count, "why": lost.why}
            for lost in (*question.lost_before, *(steps[0].lost if steps else ()))
        ],
        "notes": [*question.notes, *(steps[0].notes if steps else ())],
        "unknownFacts": unknown,
        "stats": {
            "predicates": len(predicates),
            "evaluated": sum(predicate["evaluated"] for predicate in predicates),
            "tokensCounted": counted,
        },
    }


def _found(question: Question) -> list[dict[str, Any]]:
    return [{"name": one.filter, "action": one.action, "count": one.count} for one in question.found]


def _blocked(question: Question, one: Filter) -> dict[str, Any]:
    """The explanation of a request that a filter blocks: no rule ever sees it."""
    facts, unheard = Facts(question.envelope), _Heard()
    leaves = placed_leaves(one.condition) if one.condition is not None else ()
    entry = {
        "name": one.name,
        "index": 0,
        "kind": "filter",
        **_place(one.span),
        "status": "matched",
        "wouldMatch": True,
        "predicates": [_predicate(question, facts, unheard, placed) for placed in leaves],
    }
    return {
        "revision": question.revision,
        "api": question.api,
        "decision": shown_decision(question, facts, decision_of(one)),
        "filters": _found(question),
        "blocked": one.name,
        "rules": [entry],
        "plan": [],
        "pool": None,
        "lost": [],
        "notes": list(question.notes),
        "unknownFacts": [],
        "stats": {"predicates": 0, "evaluated": 0, "tokensCounted": False},
    }


def _steps(question: Question, facts: FactSource, decision: Decision) -> tuple[Step, ...]:
    """What would be tried in order; of the targets those that the request's key may use. Raises `Refused`."""
    steps = _all_steps(question, facts, decision)
    if question.key is None or not steps:
        return steps
    if question.api != "count_tokens":
        check_states(question.key, question.envelope.budget_state or {})
    pools = question.surroundings.registry
    targets = [PlannedTarget(pools[step.provider], step.model) for step in steps]
    left = admitted(question.key, decision, targets)
    return tuple(step for step, target in zip(steps, targets, strict=True) if any(target is one for one in left))


def _all_steps(question: Question, facts: FactSource, decision: Decision) -> tuple[Step, ...]:
    session = facts.get("sessionId")
    headers = question.envelope.headers or {}
    return question.surroundings.steps_of(
        decision.route, without_tag(question.envelope.request), headers, session if isinstance(session, str) else None
    )


def shown_decision(question: Question, facts: FactSource, decision: Decision) -> dict[str, Any]:
    """A decision as the explanation has it, kept to what the request's key may use."""
    skipped = [{"rule": skip.rule, "reason": skip.reason} for skip in decision.skipped]
    shown: dict[str, Any] = {"rule": decision.rule, "category": decision.category}
    nowhere = {"provider": None, "model": None, "instance": None}
    if isinstance(decision.route.to, Reject):
        reject = {"status": decision.route.to.status, "message": decision.route.to.message}
        return shown | nowhere | {"reject": reject, "skipped": skipped}
    try:
        step = _steps(question, facts, decision)[0]
    except Refused as refused:  # by what the key may use
        reject = {"status": refused.reply.status, "message": refused.reply.message}
        return shown | nowhere | {"reject": reject, "skipped": skipped}
    return shown | {"provider": step.provider, "model": step.model, "instance": step.instance, "skipped": skipped}


def _varying(cases: tuple[Case, ...], decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every different decision with the suppositions that lead to it."""
    groups: list[dict[str, Any]] = []
    for case, decision in zip(cases, decisions, strict=True):
        group = next((group for group in groups if group["decision"] == decision), None)
        if group is None:
            group = {"decision": decision, "when": []}
            groups.append(group)
        group["when"].append(shown_case(case.supposed))
    return groups


def _pool(step: Step) -> dict[str, Any]:
    return {
        "provider": step.provider,
        "strategy": step.strategy,
        "instances": len(step.candidates) + step.resting,
        "resting": step.resting,
        "candidates": list(step.candidates),
    }


def _entries(question: Question, facts: Facts, heard: _Heard) -> list[dict[str, Any]]:
    rules = question.rules
    entries = [_entry(question, facts, heard, rule, index) for index, rule in enumerate(rules.rules)]
    if rules.explicit_models:
        target = explicit_target(rules, facts)
        entries.append(
            {"name": EXPLICIT, "index": len(entries), "kind": "explicit", "file": None, "line": None, "column": None}
            | {"status": _status(heard, EXPLICIT), "wouldMatch": target is not None, "predicates": []}
        )
    for category in rules.categories:
        entries.append(_entry(question, facts, heard, category, len(entries)))
    return entries


def _entry(question: Question, facts: Facts, heard: _Heard, one: Rule | Category, index: int) -> dict[str, Any]:
    disabled = isinstance(one, Rule) and not one.enabled
    return {
        "name": one.name,
        "index": index,
        "kind": "rule" if isinstance(one, Rule) else "category",
        **_place(one.span),
        "status": "disabled" if disabled else _status(heard, one.name),
        "wouldMatch": None if disabled else _result(one.condition, facts),
        "predicates": [_predicate(question, facts, heard, placed) for placed in placed_leaves(one.condition)],
    }


def _status(heard: _Heard, name: str) -> str:
    outcomes = heard.outcomes.get(name)
    if outcomes is None:
        return "not-evaluated"
    if len(outcomes) != 1:
        return "varies"
    return {True: "matched", False: "rejected", None: "error"}[next(iter(outcomes))]


def _predicate(question: Question, facts: Facts, heard: _Heard, placed: Placed) -> dict[str, Any]:
    leaf = placed.leaf
    names = sorted(facts_of(leaf))
    seen = [shown_seen(leaf, name, facts, question.full) for name in names]
    return {
        "fact": ", ".join(names),
        "operator": leaf.operator if isinstance(leaf, Test) else "always" if isinstance(leaf, Constant) else "expr",
        "wanted": wanted_of(leaf) if isinstance(leaf, Test) else str(leaf.value).lower() if isinstance(leaf, Constant) else leaf.source,
        "negated": placed.negated,
        "seen": seen[0] if len(seen) == 1 else dict(zip(names, seen, strict=True)) if seen else None,
        "result": _result(leaf, facts),
        "evaluated": id(leaf) in heard.leaves,
        **_place(leaf.span),
    }  # fmt: skip


def _result(condition: Predicate, facts: Facts) -> bool | None:
    """What the evaluator says of a condition by itself; None where it fails or needs a fact that is not given."""
    try:
        return holds(condition, facts)
    except (UnknownFact, ExpressionFailed):
        return None


def _place(span: Span) -> Mapping[str, Any]:
    return {"file": span.file, "line": span.line, "column": span.column}
