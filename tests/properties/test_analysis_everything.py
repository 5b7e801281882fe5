"""Random configurations over every fact and operator: the analysis ends, and whatever it shows replays."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.stage import proved
from engine.build import build
from tests.corpus.generate import PROVIDERS, SINGLE

LEAVES: list[dict[str, Any]] = [
    *SINGLE.values(),
    *({"rollout": {"percent": percent, "salt": salt, "by": by}} for percent in (0, 0.01, 33, 100) for salt in "ab" for by in ("sessionId", "clientIp", "header.x")),
    {"clientIp": {"cidr": ["10.0.0.0/8", "::/0"]}}, {"clientIp": "10.0.0.1"}, {"clientIp": {"exists": False}},
    {"header.x": {"regex": "^[0-9]+$"}}, {"header.x": {"glob": "?x*"}}, {"header.x": {"contains": "ß", "ignoreCase": True}},
    {"header.x": {"in": ["STRASSE", "b"], "ignoreCase": True}}, {"header.anthropic-beta": {"contains": "x"}},
    {"header.x-claude-code-request-class": "main"}, {"agentType": {"exists": True}}, {"toolChoice": "tool"},
    {"time": {"days": "sat-sun", "tz": "America/New_York"}}, {"time": {"between": "23:00-02:00", "tz": "Asia/Tokyo"}},
    {"temperature": {"gte": 0.5}}, {"temperature": {"lt": 0.5}}, {"temperature": {"exists": False}},
    {"toolNames": {"size": "> 2"}}, {"toolNames": {"hasNone": ["Bash", "Edit"]}}, {"toolNames": {"hasAny": [{"glob": "mcp__*"}, "Bash"]}},
    {"betas": {"size": 0}}, {"betas": {"hasAll": ["a", "b"]}}, {"serverTools": {"size": 1}},
    {"expr": "len(toolNames) > 2"}, {"expr": "toolCount * 2 < messageCount + 1"}, {"expr": "number(header('x')) > maxTokens"},
    {"expr": "'a' in model and len(systemText) > 3"}, {"expr": "strip(model) == 'x'"},
    {"messageLength": "< 5"}, {"messageLength": 0}, {"messageCount": 0}, {"inputTokens": "< 5"},
    {"lastUserText": {"exists": False}}, {"lastUserText": {"suffix": "?"}}, {"systemText": ""}, {"contentKeywords": ["a", "b c"]},
    {"hasToolResults": True}, {"thinkingBudget": {"exists": False}}, {"model": "cloud,o3"}, {"model": {"contains": ","}},
    {"model": {"regex": "^.{3}$"}}, {"provider.cloud.inflight": 3}, {"provider.cloud.health": ["up", "degraded"]},
]  # fmt: skip
MAX_STEPS = 150_000


def condition(random: Random, depth: int = 0) -> dict[str, Any]:
    """A random condition over any facts."""
    if depth < 2 and random.random() < 0.35:
        parts = [condition(random, depth + 1) for _ in range(random.randint(1, 3))]
        return random.choice([{"any": parts}, {"all": parts}, {"none": parts}, {"not": parts[0]}])
    found: dict[str, Any] = {}
    for _ in range(random.randint(1, 3)):
        found |= random.choice(LEAVES)
    return found


@given(st.integers(0, 2**32))
def test_whatever_is_shown_replays(seed: int) -> None:
    """No exception, no request that does not show what it should, and work within bounds."""
    random = Random(seed)
    rules = [
        {
            "name": f"r{number}",
            "condition": condition(random),
            "onError": random.choice(["skip", "reject"]),
            "target": random.choice(["cloud,o3", "house,house-small", "local,qwen3"]),
        }
        for number in range(random.randint(1, 6))
    ]
    config = {
        "providers": PROVIDERS,
        "routing": {"defaultProvider": "cloud", "explicitModels": random.random() < 0.5, "customRules": rules},
        "invariants": [
            {"when": condition(random), "never": {"provider": "local"}},
            {"when": condition(random), "then": {"model": {"glob": "*o3*"}}},
        ],
    }
    checked = build(json.dumps(config).encode(), "c.json", read_file=_no_file, env={}, secrets="keep")
    assert checked.built is not None
    outcome = proved(checked, _no_file)
    assert outcome.unreplayed == 0
    assert outcome.steps < MAX_STEPS
    for one in outcome.invariants:
        assert (one.witness is not None) == (one.status == "refuted")


def _no_file(name: str) -> bytes:
    raise FileNotFoundError(name)
