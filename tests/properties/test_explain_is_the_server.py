"""What is explained is what the server does: over random configurations and requests of both APIs.

In a usual run a few hundred pairs; with `HYPOTHESIS_PROFILE=thorough` (`make fuzz`) 25 for each of 2,000 examples: 50,000.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.build import build
from engine.compose import gateway_of
from engine.explaining.explanation import explain
from engine.explaining.question import question_of
from engine.explaining.surroundings import Surroundings
from engine.gateway import Gateway
from engine.intake import envelope_of
from engine.read_envelope import read_asked
from providers.chat.request import chat_request, without_vendor_headers
from rules.facts import Facts
from rules.nodes import Decision, Reject
from schemas.decode_request import decode_request
from schemas.request import MessagesRequest
from tests.fakes.gateway import FakeTransport
from tests.properties.test_analysis_constraints import CONDITIONS
from tests.rules.analysis.worlds import bodies

PAIRS = 25 if settings().max_examples >= 1_000 else 8
TARGETS: list[Any] = ["a,a1", "b,b1", "b,b2", {"reject": {"status": 403, "message": "no"}}, {"provider": "a", "fallbacks": ["b,b1"]}]  # fmt: skip
PROVIDERS = {
    "a": {"type": "static", "settings": {"models": ["a1", "a2"], "defaultModel": "a2", "text": "hi"}},
    "b": {
        "type": "static",
        "instances": [{"name": "one"}, {"name": "two"}],
        "loadBalancing": {"strategy": "priority"},
        "settings": {"models": ["b1", "b2"], "text": "hi", "categoryMappings": {"thinking": True}},
    },
}


def configuration(random: Random) -> dict[str, Any]:
    """Rules over most facts, in random order and combination."""
    rules = []
    for number in range(random.randint(0, 8)):
        condition = dict(random.choice(CONDITIONS))
        if len(condition) > 1 and random.random() < 0.5:
            condition.pop(random.choice(list(condition)))
        condition = random.choice([condition, {"not": condition}, {"any": [condition, random.choice(CONDITIONS)]}])
        on_error = random.choice(["skip", "reject"])
        rules.append(
            {"name": f"r{number}", "condition": condition, "target": random.choice(TARGETS), "onError": on_error,
             "enabled": random.random() < 0.9}
        )  # fmt: skip
    categories = {"mine": random.choice(CONDITIONS)} if random.random() < 0.5 else {}
    return {
        "providers": PROVIDERS,
        "routing": {
            "defaultProvider": random.choice(["a", "b"]),
            "explicitModels": random.random() < 0.8,
            "customRules": rules,
            "categories": categories,
            "rules": {"background": "b,b2"} if random.random() < 0.5 else {},
        },
    }


def as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """A random body as one of Chat Completions."""
    messages = [
        {"role": "user" if one["role"] == "user" else "assistant", "content": one["content"]}
        for one in body["messages"]
        if isinstance(one["content"], str) and one["content"]
    ]
    tools = [
        {"type": "function", "function": {"name": tool["name"]}}
        for tool in body.get("tools") or ()
        if "input_schema" in tool
    ]
    return {
        "model": body["model"],
        "messages": messages or [{"role": "user", "content": "hi"}],
        **({"tools": tools} if tools else {}),
        **({"stream": True} if body.get("stream") else {}),
        "max_completion_tokens": body.get("max_tokens") or 5,
        "seed": 1,
    }


def served(gateway: Gateway, request: MessagesRequest, around: dict[str, Any], wall: float) -> tuple[Decision, Facts]:
    """What the server decides about a decoded request, as it does for one that was posted."""
    headers = around["headers"]
    facts = Facts(envelope_of(request, around["path"], headers, around["client_ip"], gateway.registry, 0.0, wall, None))
    return gateway.decide(facts), facts


def said_and_done(seed: int, pairs: int) -> Iterator[tuple[object, object]]:
    """Of each request what is explained, and what the server does: rule, category, skipped rules and all targets."""
    random = Random(seed)
    text = json.dumps(configuration(random)).encode()
    checked = build(text, "ccr.json", read_file=lambda _: b"", env={}, secrets="keep")
    assert checked.built is not None, checked.diagnostics
    built = checked.built
    gateway = gateway_of(built, lambda _spec: FakeTransport([]))
    surroundings = Surroundings(built.providers, gateway.registry)
    for body, around in islice(bodies(random), pairs):
        shape: dict[str, Any] = {"headers": around["headers"], "clientIp": around["client_ip"], "now": around["now"]}
        if around["path"] == "messages" and random.random() < 0.3:
            shape |= {"request": as_chat(body), "path": "chat/completions"}
            data = json.dumps(shape["request"]).encode()
            request = chat_request(data).request
            around["headers"] = without_vendor_headers(around["headers"])
        else:
            whole = {name: value for name, value in body.items() if value is not None}
            shape |= {"request": whole, "path": around["path"]}
            request = decode_request(json.dumps(whole).encode(), around["path"])
        shape["state"] = {
            f"provider.{name}.{kind}": value
            for name in PROVIDERS
            for kind, value in (("health", gateway.registry[name].health(0.0)), ("inflight", 0))
        }
        decision, _ = served(gateway, request, around, float(around["now"]))
        explanation = explain(question_of(built, read_asked(json.dumps(shape).encode()), surroundings))
        yield _said(explanation), _done(gateway, decision, request.model)


def _said(explanation: dict[str, Any]) -> object:
    said = explanation["decision"]
    if said is None:
        return explanation["unknownFacts"]
    steps = [(step["provider"], step["model"]) for step in explanation["plan"]]
    return said["rule"], said["category"], [one["rule"] for one in said["skipped"]], said.get("reject") or steps


def _done(gateway: Gateway, decision: Decision, model: str) -> object:
    to = decision.route.to
    reached: object = (
        {"status": to.status, "message": to.message}
        if isinstance(to, Reject)
        else [(one.pool.name, one.model) for one in gateway.planned(decision.route, model)]
    )
    return decision.rule, decision.category, [one.rule for one in decision.skipped], reached


@given(st.integers(0, 2**32))
def test_what_is_explained_is_what_the_server_does(seed: int) -> None:
    """The same rule, category, targets and skipped rules, for any request under any configuration."""
    for said, done in said_and_done(seed, PAIRS):
        assert said == done
