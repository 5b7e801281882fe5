"""One broken section hides no mistake of another: each mistake is found alone and beside every other one."""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from engine.analysis.stage import proved
from engine.build import build
from tests.engine.files import nothing_else

GOOD = json.dumps({
    "providers": {
        "a": {"type": "static", "settings": {"models": ["x", "y"]}},
        "b": {"type": "openai", "endpoint": "http://127.0.0.1:1/v1", "settings": {"models": ["z"]}},
    },
    "conditions": {"big": {"inputTokens": "> 10k"}},
    "routing": {
        "defaultProvider": "a",
        "explicitModels": False,
        "rules": {"background": "b,z"},
        "customRules": [
            {"name": "one", "condition": {"ref": "big"}, "target": "b,z"},
            {"name": "two", "condition": {"model": {"prefix": "m"}}, "target": "a,y"},
        ],
    },
    "tests": [{"name": "t", "request": {"model": "q"}, "expect": {"provider": "a"}}],
    "invariants": [{"name": "i", "then": {"provider": ["a", "b"]}}],
    "server": {"port": 3456},
    "debug": {"logLevel": "info"},
    "budgets": {"m": {"tokens": 5, "per": "day"}},
    "filters": [{"name": "f", "action": "block", "patterns": ["secrets"], "message": "m"}],
})  # fmt: skip

# a path and what is written there instead
MISTAKES: list[tuple[tuple[str | int, ...], Any]] = [
    (("server", "prt"), 1),
    (("debug", "logLevel"), "loud"),
    (("audit",), 3),
    (("usage",), {"prices": {"a,x": {"inpt": 3}}}),
    (("telemetry",), {"endpont": "http://127.0.0.1:1"}),
    (("budgets", "m", "tokns"), 4),
    (("filters", 0, "patterns"), ["nonsense"]),
    (("providers", "b", "type"), "opnai"),
    (("providers", "b", "endpoint"), "nope"),
    (("providers", "b", "timeouts"), {"conect": 3}),
    (("providers", "a", "settings", "modles"), []),
    (("conditions", "other"), {"inputTokns": "> 3"}),
    (("conditions", "loop"), {"ref": "loop"}),
    (("routing", "customRules", 1, "condition"), {"expr": "import os"}),
    (("routing", "customRules", 1, "target"), "nowhere,x"),
    (("routing", "customRules", 0, "name"), "default"),
    (("routing", "rules", "background"), "b,zz"),
    (("routing", "defaultProvider"), "aa"),
    (("tests", 0, "request"), {"modle": 3}),
    (("invariants", 0, "when"), {"modle": 3}),
    (("routng",), {}),
]


def _found(*mistakes: int) -> set[tuple[str, str]]:
    config = json.loads(GOOD)
    for (*path, key), value in (MISTAKES[number] for number in mistakes):
        node = config
        for step in path:
            node = node[step]
        node[key] = value
    checked = build(json.dumps(config).encode(), "f.json", read_file=nothing_else, env={}, secrets="keep")
    findings = (*checked.diagnostics, *proved(checked, nothing_else).findings)
    # what is unused or unserved is not said while names may be misspelt
    return {(one.code, one.message) for one in findings if one.code not in ("CCR404", "CCR407")}


_alone = cache(_found)


def test_without_a_mistake_there_is_no_finding() -> None:
    """So that each finding below is that of its mistake."""
    assert _found() == set()


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=lambda number: ".".join(map(str, MISTAKES[number][0])))
def test_each_mistake_is_found_beside_every_other_one(number: int) -> None:
    """All that is said of it alone, and of the other one."""
    assert _alone(number)
    hidden = {
        MISTAKES[other][0]: missing
        for one, other in combinations(range(len(MISTAKES)), 2)
        if one == number and (missing := (_alone(one) | _alone(other)) - _found(one, other))
    }
    assert hidden == {}
