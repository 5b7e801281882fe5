"""Small worlds in which every request can be gone through, and random rules about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import product
from random import Random
from typing import Any

from rules.analysis.budget import Budget
from rules.analysis.offered import Model, Offered
from rules.analysis.prove import Prover
from rules.analysis.ready import prover_of
from rules.facts import MISSING, Seen
from rules.nodes import RuleSet
from tests.rules.compiling import OFFERS, Given, ruleset

PROVIDERS = {
    name: Offered(tuple(Model(model) for model in offer.models), offer.default_model) for name, offer in OFFERS.items()
}
TARGETS = ("a,a1", "a,a2", "b,b1")

DOMAIN: dict[str, tuple[Seen, ...]] = {
    "model": ("opus", "haiku", "other"),
    "toolCount": (0, 1, 2, 3),
    "header.x": (MISSING, "a", "b", "other"),
    "thinking": ("none", "enabled", "adaptive", "disabled"),
    "hasImages": (False, True),
}
WAYS: tuple[tuple[Seen, str, tuple[Seen, ...]], ...] = (
    (True, "messages", (9, 10, 11)),
    (False, "messages", (9, 10, 11)),
    (MISSING, "count_tokens", (MISSING,)),
)

LEAVES: tuple[dict[str, Any], ...] = (
    {"model": "opus"}, {"model": ["opus", "haiku"]}, {"model": "haiku"}, {"model": {"exists": True}},
    {"stream": True}, {"stream": False}, {"stream": {"exists": False}},
    {"path": "messages"}, {"path": "count_tokens"},
    {"toolCount": "> 0"}, {"toolCount": "> 1"}, {"toolCount": "< 2"}, {"toolCount": 1}, {"toolCount": ">= 2"}, {"toolCount": "1..3"},
    {"hasTools": True}, {"hasTools": False},
    {"header.x": "a"}, {"header.x": ["a", "b"]}, {"header.x": {"exists": False}}, {"header.x": {"exists": True}},
    {"thinking": "none"}, {"thinking": ["adaptive", "disabled"]}, {"thinking": "enabled"},
    {"hasImages": True}, {"hasImages": False},
    {"maxTokens": "> 10"}, {"maxTokens": "< 10"}, {"maxTokens": 10}, {"maxTokens": "<= 10"}, {"maxTokens": {"exists": False}},
    {"expr": "toolCount > 1 or stream"}, {"expr": "not (hasImages and toolCount != 1)"},
)  # fmt: skip


@cache
def requests() -> tuple[Given, ...]:
    """Every request of the world: one for each way in which the leaves can come out, and more."""
    found = []
    for values in product(*DOMAIN.values()):
        for stream, path, tokens in WAYS:
            for count in tokens:
                facts = dict(zip(DOMAIN, values, strict=True))
                facts |= {"stream": stream, "path": path, "maxTokens": count, "hasTools": facts["toolCount"] != 0}
                found.append(Given({**_REST, **facts}))
    return tuple(found)


_REST: dict[str, Seen] = {
    "serverTools": frozenset(), "toolNames": frozenset(), "inputTokens": 9, "requestClass": MISSING, "effort": MISSING, "subagent": False,
}  # fmt: skip


def condition(random: Random, depth: int = 0) -> dict[str, Any]:
    """A random condition."""
    kind = random.random()
    if depth < 2 and kind < 0.35:
        parts = [condition(random, depth + 1) for _ in range(random.randint(2, 3))]
        return random.choice([{"any": parts}, {"all": parts}, {"none": parts}, {"not": parts[0]}])
    found: dict[str, Any] = {}
    for _ in range(random.randint(1, 3)):
        found |= random.choice(LEAVES)
    return found


def configuration(random: Random, most: int = 6) -> str:
    """A random configuration, as JSON."""
    rules = [
        {"name": f"r{number}", "condition": condition(random), "target": random.choice(TARGETS)}
        for number in range(random.randint(2, most))
    ]
    return json.dumps({"routing": {"defaultProvider": "a", "explicitModels": False, "customRules": rules}})


def prover(text: str) -> tuple[RuleSet, Prover]:
    """A configuration ready for questions."""
    rules = ruleset(text)
    return rules, prover_of(rules, PROVIDERS, Budget())


def bodies(random: Random) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Random real requests: the body, and what is around it."""
    while True:
        text = random.choice(
            [
                "hi",
                "",
                "please plan this",
                "ultrathink\nnow",
                "x" * random.randint(1, 3000),
                "<system-reminder>a</system-reminder>q",
            ]
        )
        blocks: list[Any] = [{"type": "text", "text": text}]
        if random.random() < 0.3:
            blocks.append({"type": "image", "source": {"type": "base64", "data": "AAAA"}})
        if random.random() < 0.2:
            blocks.append(
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": random.choice(
                        ["", "ok", [{"type": "document", "source": {"type": "text", "data": "d"}}]]
                    ),
                }
            )
        if random.random() < 0.2:
            blocks.append(
                {
                    "type": "document",
                    "source": random.choice([{"type": "text", "data": "abc"}, {"type": "file", "file_id": "f"}]),
                }
            )
        turns = [
            {"role": random.choice(["user", "assistant", "system"]), "content": random.choice(["hello", "plan b", ""])}
            for _ in range(random.randint(0, 3))
        ]
        names = random.sample(["Bash", "Edit", "WebSearch", "mcp__a", "q"], random.randint(0, 3))
        tools: list[Any] = [{"name": name, "input_schema": {}} for name in names]
        if random.random() < 0.2:
            tools.append({"type": "web_search_20250305", "name": "web_search"})
        if random.random() < 0.1:
            tools.append({"name": "DeferredToolPlaceholder", "input_schema": {}})
        path = random.choice(["messages", "messages", "count_tokens"])
        body: dict[str, Any] = {
            "model": random.choice(["claude-sonnet-4", "claude-opus-4[1m]", "gpt-4", "a,a1", "b,zz", "HAIKU", "ß"]),
            "messages": [*turns, {"role": "user", "content": random.choice([text, blocks])}][random.randint(0, 1) :],
            "system": random.choice([None, "be brief", [{"type": "text", "text": "project falcon"}]]),
            "tools": tools or None,
            "thinking": random.choice([None, {"type": "enabled", "budget_tokens": 1000}, {"type": "adaptive"}, {"type": "disabled"}]),
            "output_config": random.choice([None, {"effort": "high"}]),
            "temperature": random.choice([None, 0, 1]),
            "max_tokens": random.choice([1, 1024, 32000]) if path == "messages" else None,
            "stream": random.choice([None, True, False]),
        }  # fmt: skip
        headers = {
            "x-claude-code-request-class": random.choice([None, "main", "subagent", "auxiliary", "compaction", "workflow"]),
            "x-claude-code-compaction": random.choice([None, None, "auto"]),
            "x-claude-code-agent-id": random.choice([None, None, "a1"]),
            "x-claude-code-session-id": random.choice([None, "s1", "s2"]),
            "x-team": random.choice([None, "red", "blue", "12"]),
            "anthropic-beta": random.choice([None, "one,two"]),
        }  # fmt: skip
        around = {
            "path": path,
            "headers": {name: value for name, value in headers.items() if value is not None},
            "client_ip": random.choice([None, "127.0.0.1", "10.1.2.3", "::1"]),
            "now": random.randint(1_760_000_000, 1_800_000_000),
            "provider_state": {"a": {"health": random.choice(["up", "down"]), "inflight": random.randint(0, 9)}},
        }
        yield body, around
