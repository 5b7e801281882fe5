"""No constraint between facts excludes a request that there is."""

from __future__ import annotations

import json
from itertools import islice
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules.analysis.locate import point_of
from rules.analysis.prove import Prover
from rules.facts import Facts
from rules.filters import filtered
from rules.nodes import RuleSet
from tests.rules.analysis.worlds import bodies, prover
from tests.rules.compiling import envelope

CONDITIONS: list[dict[str, Any]] = [
    {"model": {"contains": "sonnet"}, "inputTokens": "> 100", "messageLength": "< 2000"},
    {"model": {"glob": "claude-*"}, "messageCount": "> 1", "toolCount": "> 2"},
    {"model": ["gpt-4", "a,a1"], "maxTokens": "> 1000", "stream": True},
    {"model": {"prefix": "haiku", "ignoreCase": True}, "thinkingBudget": "> 500", "thinking": "enabled"},
    {"model": {"contains": "ss", "ignoreCase": True}, "requestClass": "subagent", "subagent": True},
    {"toolNames": {"hasAll": ["Bash", "Edit"]}, "serverTools": {"has": {"prefix": "web_search"}}},
    {"toolNames": {"size": "> 1", "has": {"prefix": "mcp__"}}, "hasTools": True, "toolCount": 1},
    {"contentKeywords": ["plan", "ultrathink"], "lastUserText": {"contains": "plan"}},
    {"lastUserText": {"regex": "^ultra"}, "systemText": {"contains": "falcon"}, "hasImages": True},
    {"lastUserText": "hi", "hasDocuments": True, "hasToolResults": False, "messageLength": 2},
    {"inputTokens": "< 10", "messageCount": 0},
    {"rollout": {"percent": 30, "salt": "s"}, "sessionId": "s1"},
    {"rollout": {"percent": 60, "salt": "s"}, "betas": {"hasAny": ["one", "three"]}, "effort": ["high", "max"]},
    {"clientIp": {"cidr": "10.0.0.0/8"}, "header.x-team": {"in": ["red", "blue"]}},
    {"time": {"days": "mon-fri", "between": "09:00-18:00", "tz": "Europe/Berlin"}, "temperature": 1},
    {"time": {"between": "22:00-06:00", "tz": "America/New_York"}, "provider.a.health": "up"},
    {"provider.a.inflight": "> 4", "expr": "toolCount > messageCount"},
    {"expr": "number(header['x-team']) > 3 or len(model) > 10"},
    {"expr": "messageLength > 20 * messageCount"},
]
TEXT = json.dumps(
    {
        "routing": {
            "defaultProvider": "a",
            "customRules": [
                {"name": f"r{number}", "condition": condition, "target": "b,b1"}
                for number, condition in enumerate(CONDITIONS)
            ],
        }
    }
)
RULES, READY = prover(TEXT)

FILTERS: list[dict[str, Any]] = [
    {"action": "tag", "condition": {"lastUserText": {"contains": "plan"}}, "tag": "too early"},
    {"action": "redact", "patterns": [{"regex": "plan|trathink"}]},
    {"action": "tag", "condition": {"messageCount": "> 2", "toolCount": "> 1"}, "tag": "large"},
    {"action": "tag", "condition": {"any": [{"lastUserText": {"contains": "q"}}, {"hasImages": True}]}, "tag": "some"},
    {"action": "tag", "condition": {"header.x-team": "red"}, "tag": "some"},
    {"action": "tag", "patterns": [{"regex": "hello"}], "condition": {"stream": True}, "tag": "greeting"},
    {"action": "tag", "condition": {"tags": {"has": "large"}, "hasTools": True}, "tag": "larger"},
    {"action": "tag", "condition": {"expr": "number(header['x-team']) > 3"}, "tag": "odd"},
    {"action": "tag", "condition": {"always": True}, "tag": "all"},
]
TAGS: list[dict[str, Any]] = [
    *({"tags": {"has": one}} for one in ("too early", "large", "some", "greeting", "larger", "odd", "all", "none")),
    {"tags": {"hasAny": ["large", {"prefix": "gree"}]}, "lastUserText": {"contains": "ultra"}},
    {"tags": {"hasNone": [{"suffix": "e"}], "size": "> 1"}},
]
TAGGED, TAGGED_READY = prover(
    json.dumps(
        {
            "filters": [{"name": f"f{number}", **one} for number, one in enumerate(FILTERS)],
            "routing": {
                "defaultProvider": "a",
                "customRules": [
                    {"name": f"r{number}", "condition": one, "target": "b,b1"} for number, one in enumerate(TAGS)
                ],
            },
        }
    )
)


@given(st.integers(0, 2**32))
def test_every_request_satisfies_every_constraint(seed: int) -> None:
    """Of a space with every fact in it: each request has exactly one piece of each, and is in no impossible box."""
    for body, around in islice(bodies(Random(seed)), 8):
        assert broken_by(RULES, READY, Facts(envelope(body, **around))) == []


@given(st.integers(0, 2**32))
def test_every_request_has_the_tags_that_its_filters_can_give(seed: int) -> None:
    """Behind filters that tag by facts, by texts before and after a cut, by other tags, by patterns, and always."""
    for body, around in islice(bodies(Random(seed)), 8):
        behind = filtered(TAGGED.filters, envelope(body, **around))
        assert broken_by(TAGGED, TAGGED_READY, Facts(behind.envelope)) == []


def broken_by(rules: RuleSet, ready: Prover, facts: Facts) -> list[dict[str, tuple[int, int]]]:
    """The impossible boxes that a request is in, by the names of their variables."""
    point = point_of(ready.atoms, rules, facts)
    return [
        {ready.atoms.space.names[variable]: (point[variable], mask) for variable, mask in box.items()}
        for box in ready.atoms.space.impossible
        if all(point.get(variable, 0) & mask for variable, mask in box.items())
    ]
