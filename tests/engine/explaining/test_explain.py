"""The explanation: what it says, that it agrees with the evaluators, that it shows no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from engine.access.keys import hash_of, key_text
from engine.analysis.stage import offered
from engine.build import build
from engine.built import Built
from engine.explaining.explanation import explain
from engine.explaining.question import Question, question_of
from engine.explaining.surroundings import Surroundings
from engine.explaining.text import explanation_text
from engine.explaining.why_not import Wish, ready_for, with_reasons
from engine.read_envelope import read_asked, read_envelope
from providers.registry import registry_of
from rules.facts import Facts
from rules.fast import decider_of
from tests.conftest import ROOT, Golden
from tests.schemas.closed import closed

CONFIG = b"""
conditions:
  big: {inputTokens: "> 60k"}
routing:
  defaultProvider: near
  rules:
    background: far,small
    thinking: {provider: near, model: large, fallbacks: ["far,small"]}
  customRules:
    - name: vision
      condition: {hasImages: true, stream: true}
      target: near,large
    - name: off
      condition: {always: true}
      target: near,large
      enabled: false
    - name: team
      condition:
        header.authorization: {prefix: "Bearer "}
        not: {toolNames: {has: Bash}}
        expr: number(header("x-level")) > 3 or messageCount > toolCount + 5
      target: far,small
    - name: night
      condition: {time: {between: "22:00-06:00"}, not: {ref: big}}
      target: far,small
    - name: canary
      condition: {rollout: {percent: 5, salt: spring}}
      target: far,small
  providers:
    near:
      type: openai
      endpoint: http://127.0.0.1:1/v1
      authentication: {type: none}
      settings: {models: [large]}
    far:
      type: openai
      instances:
        - {endpoint: "http://127.0.0.1:2/v1", authentication: {type: none}}
        - {endpoint: "http://127.0.0.1:3/v1", authentication: {type: none}}
      loadBalancing: {strategy: random}
      settings: {models: [small]}
"""
BODY = {"model": "claude-sonnet-4", "max_tokens": 10, "top_k": 5, "messages": [{"role": "user", "content": "hi"}]}


def no_file(name: str) -> bytes:
    raise OSError(name)


def built(config: bytes = CONFIG) -> Built:
    checked = build(config, "ccr.yaml", read_file=no_file, env={}, secrets="keep")
    assert checked.built is not None, checked.diagnostics
    return checked.built


def explained(around: dict[str, Any], body: dict[str, Any] | None = None, config: bytes = CONFIG) -> dict[str, Any]:
    one = built(config)
    envelope = read_envelope(json.dumps({"request": {**BODY, **(body or {})}, **around}).encode())
    surroundings = Surroundings(one.providers, registry_of(one.providers))
    question = Question(one.rules, one.revision, envelope, envelope, surroundings)
    return with_reasons(question, explain(question), ready_for(one.rules, offered(one.providers)))


SCHEMA = Draft7Validator(closed(json.loads((ROOT / "schemas" / "explanation.schema.json").read_text(encoding="utf-8"))))


ASKED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("default", {"now": "2026-01-05T12:00Z"}, {}),
    ("night", {"now": "2026-01-05T23:00Z", "headers": {"x-claude-code-session-id": "s-1"}}, {}),
    ("thinking", {"now": "2026-01-05T12:00Z"}, {"thinking": {"type": "enabled", "budget_tokens": 4000}}),
    ("failing", {"now": "2026-01-05T12:00Z", "headers": {"Authorization": "Bearer sk-ant-canary-0123456789", "x-level": "high"}}, {}),
    ("explicit", {"now": "2026-01-05T12:00Z"}, {"model": "far,small"}),
    ("unknown-time", {}, {"model": "claude-haiku"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "around", "body"), ASKED, ids=[row[0] for row in ASKED])
def test_an_explanation_reads_so(name: str, around: dict[str, Any], body: dict[str, Any], golden: Golden) -> None:
    """Each row: a request and its explanation, for people and as JSON."""
    explanation = explained(around, body)
    golden(f"explain/{name}.txt", explanation_text(explanation))
    golden.json(f"explain/{name}.json", explanation)
    SCHEMA.validate(explanation)


@pytest.mark.parametrize(("name", "around", "body"), ASKED[:-1], ids=[row[0] for row in ASKED[:-1]])
def test_the_explanation_is_what_the_server_decides(name: str, around: dict[str, Any], body: dict[str, Any]) -> None:
    """The fast evaluator, as the server runs it, gives the explained decision."""
    decision = explained(around, body)["decision"]
    envelope = read_envelope(json.dumps({"request": {**BODY, **body}, **around}).encode())
    decided = decider_of(built().rules)(Facts(envelope))
    assert (decision["rule"], decision["category"]) == (decided.rule, decided.category)
    assert [skip["rule"] for skip in decision["skipped"]] == [skip.rule for skip in decided.skipped]


KEYED = b"""
budgets: {daily: {tokens: 5, per: day}}
usage: {store: unused.db}
server:
  apiKeys:
    - {name: free, hash: HASH}
    - {name: second, hash: HASH, allow: {targets: [b]}}
    - {name: nowhere, hash: HASH, allow: {models: [other]}}
    - {name: rules, hash: HASH, allow: {categories: [thinking]}}
    - {name: poor, hash: HASH, budget: daily}
    - {name: kept, key: "${KEPT}", allow: {targets: [b]}}
providers:
  a: {type: static, settings: {models: [m], text: hi}}
  b: {type: static, settings: {models: [m, other], text: hi}}
routing: {defaultProvider: a, rules: {default: {provider: a, model: m, fallbacks: ["b,m"]}}}
""".replace(b"HASH", hash_of(key_text("0123abcd", "A" * 43), b"0123456789abcdef").written().encode())
KEY_ROWS: list[tuple[str | None, str, list[str], str]] = [
    (None, "messages", ["a", "b"], ""),
    ("free", "messages", ["a", "b"], ""),
    ("second", "messages", ["b"], ""),
    ("kept", "messages", ["b"], ""),
    ("nowhere", "messages", [], "the router key `nowhere` may not use `a,m`, nor what stands in for it"),
    ("rules", "messages", [], "the router key `rules` may not use category `default`"),
    ("poor", "messages", [], "budget `daily` of the router key `poor` is spent"),
    ("poor", "count_tokens", ["a", "b"], ""),
]


@pytest.mark.parametrize(("key", "path", "plan", "refused"), KEY_ROWS)
def test_what_the_key_may_use_is_part_of_the_answer(key: str | None, path: str, plan: list[str], refused: str) -> None:
    """As the server has it: targets the key may not use are never tried, and where none is left the client is refused."""
    one = built(KEYED)
    body = {name: value for name, value in BODY.items() if path == "messages" or name != "max_tokens"}
    asked = {"request": body, "path": path, "clientKey": key, "state": {"budget.daily.state": "spent"}}
    surroundings = Surroundings(one.providers, registry_of(one.providers))
    question = question_of(one, read_asked(json.dumps(asked).encode()), surroundings)
    explanation = with_reasons(question, explain(question), ready_for(one.rules, offered(one.providers)))
    SCHEMA.validate(explanation)
    assert [step["provider"] for step in explanation["plan"]] == plan
    assert explanation["decision"]["provider"] == (plan[0] if plan else None)
    assert explanation["decision"].get("reject", {}).get("message", "") == refused
    assert (f": {refused}   by category default" in explanation_text(explanation)) is bool(refused)


FILTERED = b"""
filters:
  - {name: secrets, action: tag, tag: pii, patterns: [{regex: "hunter[0-9]"}]}
  - {name: many tools, action: block, condition: {toolCount: "> 5"}}
server:
  apiKeys:
    - {name: team, hash: HASH, allow: {targets: ["b"]}}
providers:
  a: {type: static, settings: {models: [m], text: hi}}
  b: {type: static, settings: {models: [m, other], text: hi}}
routing:
  defaultProvider: b
  customRules:
    - {name: private, condition: {tags: {has: pii}}, target: "a,m"}
    - {name: unheard, condition: {tags: {has: nothing gives this}}, target: "a,m"}
    - {name: words, condition: {contentKeywords: [Deploy, "roll back"]}, target: "a,m"}
    - {name: tools, condition: {toolCount: "> 5", stream: false}, target: "a,m"}
    - {name: some tools, condition: {toolCount: "> 4"}, target: "a,m"}
""".replace(b"HASH", hash_of(key_text("0123abcd", "A" * 43), b"0123456789abcdef").written().encode())
TAGGED = [{"fact": "tags", "from": [], "to": ["pii"], "setBy": [{"filter": "secrets", "file": "ccr.yaml", "line": 3}]}]
UNTAGGED = [{**TAGGED[0], "from": ["pii"], "to": []}]
REFUSED = {"status": 403, "message": "the router key `team` may not use `a,m`, nor what stands in for it"}
REACHED_ROWS: list[tuple[str, str | None, str, dict[str, Any]]] = [
    ("hi", None, "private", {"provider": "a", "model": "m", "changes": TAGGED, "verified": True}),
    ("hunter2", None, "default", {"provider": "b", "model": "m", "changes": UNTAGGED, "verified": True}),
    ("hi", None, "unheard", {"impossible": True, "blockers": [], "conflict": ["tags has nothing gives this"]}),
    ("hi", None, "words", {"changes": [{"fact": "contentKeywords", "from": [], "to": ["deploy"]}], "verified": True}),
    ("Deploy", None, "default", {"changes": [{"fact": "contentKeywords", "from": ["deploy"], "to": []}], "verified": True}),
    ("hi", None, "tools", {"impossible": True, "blockers": ["filter many tools"]}),
    ("hi", None, "some tools", {"provider": "a", "changes": [{"fact": "toolCount", "from": 0, "to": 5}]}),
    ("hi", "team", "some tools", {"provider": None, "changes": [{"fact": "toolCount", "from": 0, "to": 5}], "refused": REFUSED}),
    ("hi", "team", "private", {"provider": None, "changes": TAGGED, "refused": REFUSED}),
    ("hi", "team", "longcontext", {"provider": "b"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "rule", "wanted"), REACHED_ROWS)
def test_what_would_reach_a_rule_holds_behind_the_filters_and_for_the_key(
    text: str, key: str | None, rule: str, wanted: dict[str, Any]
) -> None:
    """Each row: what is said, with which key, a rule and the answer: tags are a filter's to give, blocked is no way."""
    one = built(FILTERED)
    body = {**BODY, "messages": [{"role": "user", "content": text}]}
    asked = read_asked(json.dumps({"request": body, "clientKey": key}).encode())
    question = question_of(one, asked, Surroundings(one.providers, registry_of(one.providers)))
    ready = ready_for(one.rules, offered(one.providers))
    explanation = with_reasons(question, explain(question), ready, Wish((rule,)))
    (said,) = (found for found in explanation["counterfactuals"] if found["rule"] == rule)

    SCHEMA.validate(explanation)
    assert {name: said.get(name) for name in wanted} == wanted
    assert explanation["nearest"] is None or "refused" not in explanation["nearest"]
    assert ("; but the router key `team` may not use" in explanation_text(explanation)) is ("refused" in wanted)


def test_the_explanation_of_a_blocked_request_has_every_key() -> None:
    """No rule is asked about it, and who reads the object needs not know."""
    one = built(FILTERED)
    body = {**BODY, "tools": [{"name": f"t{number}", "input_schema": {}} for number in range(6)]}
    asked = read_asked(json.dumps({"request": body}).encode())
    question = question_of(one, asked, Surroundings(one.providers, registry_of(one.providers)))
    explanation = with_reasons(question, explain(question), ready_for(one.rules, offered(one.providers)))

    SCHEMA.validate(explanation)
    assert (explanation["nearest"], explanation["counterfactuals"]) == (None, [])
    assert explanation["decision"]["reject"]["status"] == 400
    assert "by filter many tools" in explanation_text(explanation)


def test_a_key_that_is_not_there_is_said() -> None:
    """Nobody knows what it may use."""
    one = built(KEYED)
    asked = read_asked(json.dumps({"request": BODY, "clientKey": "gone"}).encode())
    question = question_of(one, asked, Surroundings(one.providers, registry_of(one.providers)))
    assert explain(question)["notes"] == ["no router key `gone` could be read, so what it may use is not known"]


def test_no_secret_is_shown() -> None:
    """A credential in a header appears as a short hash only."""
    shown = json.dumps(explained(ASKED[3][1]))
    assert "canary" not in shown.replace('"canary"', "")
    assert "sha256:" in shown


def test_the_same_question_gives_the_same_bytes() -> None:
    """Nothing in it depends on chance or the clock."""
    assert json.dumps(explained({})) == json.dumps(explained({}))


def test_long_texts_are_cut() -> None:
    """To 80 characters, unless asked for in full."""
    config = b"routing: {defaultProvider: p, customRules: [{condition: {lastUserText: {contains: zzz}}, target: 'p,m'}], providers: {p: {type: static, settings: {models: [m], text: x}}}}"
    explanation = explained({"now": 0}, {"messages": [{"role": "user", "content": "word " * 99}]}, config)
    (predicate,) = explanation["rules"][0]["predicates"]
    assert len(predicate["seen"]) == 80


def test_a_chance_strategy_lists_its_candidates() -> None:
    """Offline nobody knows whom chance picks."""
    explanation = explained({"now": "2026-01-05T23:00Z"})
    assert explanation["decision"]["instance"] is None
    assert len(explanation["pool"]["candidates"]) == 2


def test_what_translation_loses_is_listed() -> None:
    """As the dialect says when it encodes for the decided target."""
    lost = explained({"now": "2026-01-05T12:00Z"})["lost"]
    assert "top_k" in [one["field"] for one in lost]


def test_what_a_dialect_chose_by_itself_is_said() -> None:
    """Defaults of a known host, and a request that certainly does not fit, without anything being sent."""
    config = b"""
providers:
  kimi:
    type: anthropic
    endpoint: https://api.moonshot.ai/anthropic
    authentication: {type: forward}
    settings: {models: [{name: k, contextWindow: 1000}]}
routing: {defaultProvider: kimi}
"""
    explanation = explained({"now": 0}, config=config)
    assert explanation["notes"] == ["`unsignedThinking` is `keep` because the endpoint is `api.moonshot.ai`"]
    assert "notes      `unsignedThinking` is `keep`" in explanation_text(explanation)

    (lost,) = explained({"now": 0}, {"messages": [{"role": "user", "content": "word " * 9000}]}, config)["lost"]
    assert lost["field"] == "request"
    assert lost["why"].startswith("cannot be sent: prompt is too long: ")
