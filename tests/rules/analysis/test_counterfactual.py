"""Counterfactuals: replayed, least, and never denied where there is one."""

from __future__ import annotations

import json
from functools import cache
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.analysis.budget import Budget
from rules.analysis.counterfactual import (
    Changed,
    Counterfactual,
    Reached,
    Subject,
    Unreachable,
    Unsettled,
    counterfactual,
    prepared,
)
from rules.analysis.locate import point_of
from rules.analysis.nearest import change_of
from rules.analysis.prove import Prover
from rules.evaluate import decide
from rules.facts import MISSING, Facts, Seen
from rules.nodes import RuleSet
from rules.requests.bodies import Composed, compose, envelope_of
from rules.requests.shapes import Shape
from rules.requests.wanted import Wanted
from tests.properties.test_analysis_constraints import READY, RULES
from tests.rules.analysis.worlds import bodies, configuration, prover, requests
from tests.rules.compiling import BASE, Given


def asked(ready: Prover, shape: Shape, name: str) -> Counterfactual:
    """What it takes for a request to be decided under a name."""
    numbers = [
        number
        for number, outcome in enumerate(ready.listing.outcomes)
        if outcome.name == name and outcome.kind != "refusing"
    ]
    text, facts = json.dumps(shape), Facts(envelope_of(shape))
    subject = Subject(lambda: json.loads(text), facts, point_of(ready.atoms, ready.rules, facts))
    return counterfactual(prepared(ready), subject, numbers, Budget(question=20_000))


def changed(found: Counterfactual) -> dict[str, Any]:
    """Fact -> its value after the changes."""
    assert isinstance(found, Reached), found
    return {one.fact: one.after for one in found.changes}


BOUNDARY = {"routing": {"defaultProvider": "a", "customRules": []}}


def with_rules(*conditions: dict[str, Any]) -> Prover:
    """Rules `r0`, `r1`, ... with these conditions, each to a model of its own."""
    targets = ["a,a1", "a,a2", "b,b1"]
    rules = [
        {"name": f"r{number}", "condition": condition, "target": targets[number % 3]}
        for number, condition in enumerate(conditions)
    ]
    text = json.dumps({"routing": {"defaultProvider": "b", "customRules": rules}})
    return prover(text)[1]


SYSTEM = {"system": [{"type": "text", "text": "be brief"}]}
LONG = {"messages": [{"role": "user", "content": "word " * 3000}]}
TOOLS = {"tools": [{"name": "Bash", "input_schema": {}}, {"name": "Edit", "input_schema": {}}]}
IMAGE = {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AA"}}]}] * 2}

ROWS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"hasImages": True}, {}, {"hasImages": True}),
    ({"hasImages": False}, IMAGE, {"hasImages": False}),
    ({"hasDocuments": True, "stream": True}, {}, {"hasDocuments": True, "stream": True}),
    ({"hasToolResults": True}, {}, {"hasToolResults": True}),
    ({"path": "count_tokens"}, {}, {"stream": MISSING, "path": "count_tokens"}),
    ({"inputTokens": "> 60000"}, {}, {"inputTokens": 60001}),
    ({"inputTokens": "100..101"}, {}, {"inputTokens": 100}),
    ({"inputTokens": "< 1000"}, LONG, {"inputTokens": 999}),
    ({"messageLength": "< 1000"}, LONG, {"messageLength": 999}),
    ({"messageLength": 5000}, {}, {"messageLength": 5000}),
    ({"messageCount": "> 3"}, {}, {"messageCount": 4}),
    ({"messageCount": 1}, {"messages": BASE["messages"] * 3}, {"messageCount": 1}),
    ({"toolCount": "> 4"}, TOOLS, {"toolCount": 5}),
    ({"hasTools": False}, TOOLS, {"toolCount": 0}),
    ({"toolNames": {"has": "Read"}}, TOOLS, {"toolNames": frozenset({"Bash", "Edit", "Read"}), "toolCount": 3}),
    ({"toolNames": {"hasNone": ["Bash"]}}, TOOLS, {"toolNames": frozenset({"Edit"}), "toolCount": 1}),
    ({"toolNames": {"size": 1}}, TOOLS, {"toolNames": frozenset({"Bash"}), "toolCount": 1}),
    ({"model": {"prefix": "gpt"}}, {}, {"model": "gpt"}),
    ({"maxTokens": "> 2000"}, {}, {"maxTokens": 2001}),
    ({"temperature": 1}, {}, {"temperature": 1.0}),
    ({"temperature": {"exists": False}}, {"temperature": 0.3}, {"temperature": MISSING}),
    ({"toolChoice": "any"}, {}, {"toolChoice": "any"}),
    ({"effort": "high"}, {}, {"effort": "high"}),
    ({"thinking": "enabled"}, {}, {"thinking": "enabled"}),
    ({"thinking": "none"}, {"thinking": {"type": "adaptive"}}, {"thinking": "none"}),
    ({"thinkingBudget": "> 20000"}, {}, {"thinkingBudget": 20001, "thinking": "enabled"}),
    ({"betas": {"has": "one"}}, {}, {"betas": frozenset({"one"})}),
    ({"header.x-team": "red"}, {}, {"header.x-team": "red"}),
    ({"requestClass": "subagent"}, {}, {"requestClass": "subagent"}),
    ({"subagent": True}, {}, {"subagent": True}),
    ({"agentType": "Explore"}, {}, {"agentType": "Explore"}),
    ({"sessionId": "s"}, {}, {"sessionId": "s"}),
    ({"clientIp": {"cidr": "10.0.0.0/8"}}, {}, {"clientIp": "10.0.0.0"}),
    ({"clientKey": "ci"}, {}, {"clientKey": "ci"}),
    ({"contentKeywords": ["plan"]}, {}, {}),
    ({"lastUserText": {"contains": "plan"}}, {}, {"lastUserText": "hi plan"}),
    ({"lastUserText": {"regex": "^ultra"}}, {}, {"lastUserText": "ultra"}),
    ({"systemText": {"contains": "falcon"}}, SYSTEM, {"systemText": "be brief\nfalcon"}),
    ({"provider.a.health": "down"}, {}, {"provider.a.health": "down"}),
    ({"provider.a.inflight": "> 3"}, {}, {"provider.a.inflight": 4}),
    ({"time": {"between": "22:00-06:00"}}, {}, {}),
    ({"expr": "toolCount > messageCount"}, {}, {"toolCount": 2}),
    ({"expr": "number(header('x-n')) > 3"}, {}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "body", "wanted"), ROWS, ids=[json.dumps(row[0]) for row in ROWS])
def test_a_request_is_changed_as_little_as_possible(
    condition: dict[str, Any], body: dict[str, Any], wanted: dict[str, Any]
) -> None:
    """Each row: a rule, a request it does not take, and the facts of that request once it does."""
    shape = {"request": {**BASE, **body}, "headers": {}}
    after = changed(asked(with_rules(condition), shape, "r0"))
    assert {fact: after.get(fact, MISSING) for fact in wanted} == wanted
    assert len({change_of(fact) for fact in after} - {"messageLength", "lastUserText"}) <= max(
        1, len({change_of(fact) for fact in wanted})
    )


@pytest.mark.parametrize(
    "condition",
    [{fact: "> 5000M"} for fact in ("toolCount", "messageCount", "messageLength", "inputTokens")]
    + [{"betas": {"size": "> 5000M"}}],
    ids=json.dumps,
)
def test_no_request_is_made_larger_than_any(condition: dict[str, Any]) -> None:
    """Asking how to reach such a rule is answered without filling the memory."""
    found = asked(with_rules(condition), {"request": BASE, "headers": {}}, "r0")
    assert not isinstance(found, Reached)


def test_what_stays_in_the_request_stays() -> None:
    """Only what must change does: the unknown field, the other tool and the text are as they were."""
    ready = with_rules({"toolNames": {"hasNone": ["Bash"]}, "hasImages": True})
    shape = {"request": {**BASE, **TOOLS, "unknown": [1]}, "headers": {"x-other": "1"}}
    found = asked(ready, shape, "r0")
    assert isinstance(found, Reached)
    made = found.shape["request"]
    assert made["unknown"] == [1]
    assert [tool["name"] for tool in made["tools"]] == ["Edit"]
    assert made["messages"][0]["content"][0] == {"type": "text", "text": "hi"}
    assert found.shape["headers"] == {"x-other": "1"}


def test_an_earlier_rule_is_got_out_of_the_way() -> None:
    """By the cheapest change: here the model, since the wanted rule says nothing of it."""
    ready = with_rules({"model": "claude-sonnet-4", "hasTools": False}, {"stream": True})
    assert changed(asked(ready, {"request": BASE, "headers": {}}, "r1")).keys() in (
        {"model", "stream"},
        {"toolCount", "stream"},
    )


def test_what_is_no_address_is_no_bug() -> None:
    """A client's address that can be nowhere is in no range; what else it might be is not known."""
    ready = with_rules({"clientIp": {"cidr": ["0.0.0.0/0", "::/0"]}})
    assert isinstance(asked(ready, {"request": BASE, "clientIp": "nowhere"}, "r0"), Unsettled)


@pytest.mark.parametrize("address", ["10.9.9.9", "::ffff:10.9.9.9", "::FFFF:a09:909", "0:0:0:0:0:0:0:1"])
def test_an_address_may_be_written_in_any_way(address: str) -> None:
    """An IPv4 address within IPv6 is that address, and so is one with all its zeros."""
    ready = with_rules({"clientIp": ["10.9.9.9", "::1"]}, {"clientIp": {"cidr": ["0.0.0.0/0", "::/0"]}})
    shape = {"request": BASE, "headers": {}, "clientIp": address}

    assert changed(asked(ready, shape, "r0")).keys() <= {"clientIp"}
    assert changed(asked(ready, shape, "r1")).keys() <= {"clientIp"}
    assert changed(asked(ready, shape, "default")).keys() <= {"clientIp"}


def test_what_no_request_reaches_is_proved() -> None:
    """With the smallest set of earlier rules that take everything."""
    ready = with_rules({"stream": True}, {"hasImages": True}, {"stream": False}, {"stream": True, "hasTools": True})
    found = asked(ready, {"request": BASE, "headers": {}}, "r3")
    assert isinstance(found, Unreachable)
    assert [ready.listing.outcomes[one].name for one in found.blockers] == ["r0"]


def test_the_clients_choice_is_made_and_taken_back() -> None:
    """The explicit choice is a change like another."""
    ready = with_rules({"stream": True})
    assert changed(asked(ready, {"request": BASE, "headers": {}}, "explicit"))["explicit"] in ("a,a1", "a,a2", "b,b1")
    chosen = {"request": {**BASE, "model": "a,a1"}, "headers": {}}
    assert changed(asked(ready, chosen, "default"))["explicit"] is MISSING


@given(st.integers(0, 2**32))
def test_every_counterfactual_replays(seed: int) -> None:
    """Over every fact and operator: the changed request is decided as said by the plain walk; none is denied that exists."""
    random = Random(seed)
    name = random.choice([outcome.name for outcome in READY.listing.outcomes])
    READY.budget.used = 0
    for body, around in islice(bodies(random), 2):
        whole = {key: value for key, value in body.items() if value is not None}
        shape: Shape = {"request": whole, "path": around["path"], "headers": around["headers"]}
        if around["client_ip"]:
            shape["clientIp"] = around["client_ip"]
        found = asked(READY, shape, name)
        if isinstance(found, Reached):
            decision = decide(RULES, Facts(envelope_of(found.shape)))
            assert decision.rule == name
        if isinstance(found, Unreachable):
            assert not isinstance(READY.reach(READY.listing.outcomes.index(_outcome(name))), tuple)
        assert _decided(RULES, shape) != name or not isinstance(found, Unreachable)


def _outcome(name: str) -> Any:
    return next(outcome for outcome in READY.listing.outcomes if outcome.name == name)


def _decided(rules: RuleSet, shape: Shape) -> str:
    full = {**shape, "now": "2026-01-05T12:00:00+00:00", "state": {"provider.a.health": "up", "provider.a.inflight": 0}}
    return decide(rules, Facts(envelope_of(full))).rule


@given(st.integers(0, 2**32))
@example(429)
@example(2344)
def test_no_smaller_change_would_do(seed: int) -> None:
    """As going through every request of a small world shows; and what is called impossible, none of them does."""
    random = Random(seed)
    rules, ready = prover(configuration(random, 5))
    start = random.choice(requests())
    shape = _body(start)
    name = random.choice([outcome.name for outcome in ready.listing.outcomes])
    found = asked(ready, shape, name)
    axes = {fact for fact in (*ready.atoms.axes, "stream", "path") if fact in start.values}
    there = [one for one in requests() if decide(rules, one).rule == name]
    least = min((len(_distance(start, one, axes)) for one in there), default=None)
    if isinstance(found, Unreachable):
        assert least is None
    elif least is not None:
        assert isinstance(found, Reached)
        changes = {change_of(one.fact) for one in found.changes}
        assert len(changes) == least or (len(changes) < least and any(map(_is_elsewhere, found.changes)))


def _is_elsewhere(change: Changed) -> bool:
    """Whether the small world lacks it: a fact that only built-in categories read, or a value such as `HAIKU`, which one of them takes and `haiku` does not."""
    return change.fact not in _KEYS or all(one.values[change.fact] != change.after for one in requests())


def _distance(one: Given, other: Given, axes: set[str]) -> set[str]:
    return {change_of(fact) for fact in axes if one.values[fact] != other.values[fact]}


_KEYS = ("model", "toolCount", "header.x", "thinking", "hasImages", "stream", "path", "maxTokens")


def _body(start: Given) -> Shape:
    values = tuple((key, start.values[key]) for key in _KEYS)
    return dict(json.loads(_composed(values)))


@cache
def _composed(values: tuple[tuple[str, Seen], ...]) -> str:
    made = compose(Wanted(dict(values)))
    assert isinstance(made, Composed), values
    return json.dumps(made.shape)
