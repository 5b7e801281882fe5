"""From a request to a decision: rules, the explicit choice, categories, failures, the trace."""

from __future__ import annotations

from typing import Any

import pytest

from rules import fast as evaluator
from rules.evaluate import UnknownFact, decide
from rules.facts import UNKNOWN
from rules.fast import decider_of
from rules.nodes import Decision, Reject, Skipped, Target
from tests.rules.compiling import Given, facts, ruleset

TEXT = """
routing:
  defaultProvider: a
  rules: {background: "b,b1"}
  customRules:
    - {name: off, condition: {always: true}, target: "b,b1", enabled: false}
    - {name: private, condition: {header.x-private: "yes"}, target: "open,local"}
    - {name: loud, condition: {expr: 'number(header("x-n")) > 3'}, target: "b,b1"}
    - {name: strict, condition: {header.x-strict: "1", expr: 'number(header("x-m")) > 3'}, target: "b,b1", onError: reject}
    - {name: long, condition: {messageLength: "> 100"}, target: {reject: {status: 413, message: too long}}}
"""
RULES = ruleset(TEXT)
TAG = "<CCR-SUBAGENT-MODEL>b,b1</CCR-SUBAGENT-MODEL>"


def outcome(decision: Decision) -> tuple[str, str | None, Any]:
    to = decision.route.to
    return decision.rule, decision.category, (to.provider, to.model) if isinstance(to, Target) else to.status


DECISIONS: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, str | None, Any]]] = [
    ("nothing special", {}, {}, ("default", "default", ("a", None))),
    ("a category's own target", {"model": "claude-haiku"}, {}, ("background", "background", ("b", "b1"))),
    ("a custom rule", {}, {"headers": {"X-Private": "yes"}}, ("private", None, ("open", "local"))),
    ("a refusal", {"system": "x" * 101}, {}, ("long", None, 413)),
    ("the model names a target", {"model": "b,b1"}, {}, ("explicit", None, ("b", "b1"))),
    ("with a window suffix", {"model": "b,b1[1m]"}, {}, ("explicit", None, ("b", "b1"))),
    ("with blanks", {"model": "b , b1"}, {}, ("explicit", None, ("b", "b1"))),
    ("any model of a provider without a list", {"model": "open,org/m,x"}, {}, ("explicit", None, ("open", "org/m,x"))),
    ("a model that is not offered", {"model": "b,b9"}, {}, ("default", "default", ("a", None))),
    ("a provider that is not there", {"model": "c,b1"}, {}, ("default", "default", ("a", None))),
    ("no model", {"model": "b,"}, {}, ("default", "default", ("a", None))),
    ("policy before choice", {"model": "b,b1"}, {"headers": {"x-private": "yes"}}, ("private", None, ("open", "local"))),
    ("choice before category", {"model": "open,haiku"}, {}, ("explicit", None, ("open", "haiku"))),
    ("a tag in a system block", {"system": [{"type": "text", "text": "x"}, {"type": "text", "text": f"y {TAG}"}]}, {}, ("explicit", None, ("b", "b1"))),
    ("a tag in a first message", {"messages": [{"role": "user", "content": f"{TAG}hi"}]}, {}, ("explicit", None, ("b", "b1"))),
    ("the tag before the model", {"model": "a,a1", "system": TAG}, {}, ("explicit", None, ("b", "b1"))),
    ("a wrong tag leaves the model", {"model": "a,a1", "system": TAG.replace("b1", "b9")}, {}, ("explicit", None, ("a", "a1"))),
    ("a tag too late", {"messages": [{"role": "user", "content": text} for text in ("1", "2", TAG)]}, {}, ("default", "default", ("a", None))),
    ("a tag of the assistant", {"messages": [{"role": "user", "content": "1"}, {"role": "assistant", "content": TAG}]}, {}, ("default", "default", ("a", None))),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "around", "wanted"), DECISIONS, ids=[row[0] for row in DECISIONS])
@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
def test_the_first_that_holds_decides(
    what: str, body: dict[str, Any], around: dict[str, Any], wanted: tuple[str, str | None, Any], fast: bool
) -> None:
    """Each row: a request and who decides it, and where it goes; the same by both evaluators."""
    one = facts(body, **around)
    assert outcome(decider_of(RULES)(one) if fast else decide(RULES, one)) == wanted


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
def test_a_rule_that_fails_is_skipped_as_if_absent(fast: bool) -> None:
    """The failure is in the decision, with its reason."""
    one = facts(headers={"x-n": "many"})
    decision = decider_of(RULES)(one) if fast else decide(RULES, one)
    assert decision.rule == "default"
    assert decision.skipped == (Skipped("loud", "`many` is not a number"),)


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
def test_a_rule_that_fails_refuses_where_it_says_so(fast: bool) -> None:
    """`onError: reject` answers with an error instead, and the rule is the one that decided."""
    one = facts(headers={"x-m": "many", "x-strict": "1"})
    decision = decider_of(RULES)(one) if fast else decide(RULES, one)
    assert decision.rule == "strict"
    assert isinstance(decision.route.to, Reject)
    assert decision.route.to.status == 500
    assert decision.skipped == (Skipped("strict", "`many` is not a number"),)


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
def test_what_can_fail_is_not_reached_where_the_rest_decides(fast: bool) -> None:
    """A conjunction is false by its other half before anything fails."""
    one = facts(headers={"x-m": "many"})
    assert (decider_of(RULES)(one) if fast else decide(RULES, one)).skipped == ()


def test_the_choice_can_be_switched_off() -> None:
    """`explicitModels: false` makes such a model a name like any other."""
    rules = ruleset("routing: {defaultProvider: a, explicitModels: false}")
    assert decide(rules, facts({"model": "b,b1"})).rule == "default"


def test_a_category_that_nothing_serves_refuses() -> None:
    """It decides all the same, with a 503 that names it."""
    decision = decide(ruleset("routing: {}"), facts())
    assert outcome(decision) == ("default", "default", 503)


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
def test_a_needed_fact_that_nobody_gave_is_said(fast: bool) -> None:
    """Unknown is neither true nor false."""
    rules = ruleset(
        "routing: {defaultProvider: a, customRules: [{condition: {provider.b.health: up}, target: 'b,b1'}]}"
    )
    given = Given({"provider.b.health": UNKNOWN})
    with pytest.raises(UnknownFact, match=r"provider\.b\.health"):
        decider_of(rules)(given) if fast else decide(rules, given)


def test_later_facts_are_not_asked_for() -> None:
    """A rule that holds leaves the facts of later rules alone."""
    one = facts(headers={"x-private": "yes"})
    decide(RULES, one)
    assert one.computed == {"header.x-private"}
    one = facts(headers={"x-private": "yes"})
    decider_of(RULES)(one)
    assert "messageLength" not in one.computed


def test_the_fast_evaluator_asks_no_fact_twice_that_it_knows_by_value() -> None:
    """However many rules speak of it, and only those before the one that holds."""
    rules = ruleset(
        "routing: {defaultProvider: a, customRules: ["
        "{condition: {model: x, stream: true}, target: 'b,b1'}, {condition: {model: y, stream: false}, target: 'b,b1'},"
        "{condition: {stream: true}, target: 'a,a1'}, {condition: {toolCount: '> 3'}, target: 'b,b1'}]}"
    )
    decided = decider_of(rules)
    for _ in range(2):
        given = Given({"model": "z", "stream": True})
        assert decided(given).rule == "customRules[2]"
        assert given.asked == ["model", "stream"]


def test_what_was_met_is_forgotten_before_it_grows_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """More answers than are remembered give the decisions of the plain walk, and leave few steps behind."""
    monkeypatch.setattr(evaluator, "MAX_ANSWERS", 8)
    monkeypatch.setattr(evaluator, "MAX_REMEMBERED", 3)
    rules = ruleset(
        "routing: {defaultProvider: a, customRules: ["
        "{condition: {model: m1, toolCount: '> 3'}, target: 'b,b1'}, {condition: {sessionId: s4}, target: 'a,a1'}]}"
    )
    grid = evaluator.Grid(rules)
    for number in range(40):
        given = Given({"model": f"m{number % 7}", "toolCount": number % 5, "sessionId": f"s{number}"})
        assert grid.decision(given) == decide(rules, given)
        assert grid.known <= 8


def test_the_trace_hears_every_predicate_and_outcome() -> None:
    """In the order of evaluation."""
    heard: list[Any] = []

    class Listener:
        def begin(self, name: str) -> None:
            heard.append(name)

        def leaf(self, node: Any, result: bool | None) -> None:
            heard.append((getattr(node, "fact", None) or getattr(node, "source", None), result))

        def end(self, name: str, result: bool | None) -> None:
            heard.append((name, result))

    decide(RULES, facts(headers={"x-n": "many"}), Listener())
    assert heard[:9] == [
        "private", ("header.x-private", False), ("private", False),
        "loud", ("number(header('x-n')) > 3", None), ("loud", None),
        "strict", ("header.x-strict", False), ("strict", False),
    ]  # fmt: skip
    assert heard[-3:] == ["default", (None, True), ("default", True)]
