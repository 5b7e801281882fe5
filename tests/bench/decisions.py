"""How long a decision takes, in this process, for rule sets of several sizes."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from engine.build import build
from rules.facts import Facts
from rules.fast import decider_of
from schemas.decode_request import decode_request
from schemas.request import Envelope
from tests.bench import bodies
from tests.fakes.router import configuration

HEADERS = {"user-agent": "claude-cli/2.1.330 (external, sdk-cli)", "anthropic-beta": "a-1,b-2", "x-team": "payments"}

_TARGET = {"provider": "fake", "model": "fake-model"}

CONDITIONS: tuple[Callable[[int], dict[str, Any]], ...] = (
    lambda number: {"modelContains": f"opus-{number}"},
    lambda number: {"header.x-team": f"team-{number}"},
    lambda number: {"messageLength": f"> {1_000_000 + number}"},
    lambda number: {"hasTools": True, "toolCount": f"> {100 + number}"},
    lambda number: {
        "any": [
            {"maxTokens": f"> {200_000 + number}"},
            {"thinking": "enabled", "thinkingBudget": f"> {90_000 + number}"},
        ]
    },
    lambda number: {"messageCount": f"> {10_000 + number}", "stream": True},
)
"""Conditions of tier 0 and 1 that no measured request meets, in turn."""


def decision_s(rules: int, body: Callable[[], dict[str, Any]] = bodies.small_anthropic, for_s: float = 0.5) -> float:
    """Median seconds of a decision where every custom rule fails and a category decides; facts are computed anew each time."""
    config = configuration("http://127.0.0.1:1")
    config["routing"]["customRules"] = [
        {"name": f"rule {number}", "condition": CONDITIONS[number % len(CONDITIONS)](number), "target": _TARGET}
        for number in range(rules)
    ]
    checked = build(json.dumps(config).encode(), "bench.json", read_file=_no_file, env={}, secrets="keep")
    assert checked.built is not None, checked.diagnostics
    decide = decider_of(checked.built.rules)
    envelope = Envelope(
        request=decode_request(json.dumps(body()).encode()), headers=HEADERS, client_ip="127.0.0.1", now=1_700_000_000.0
    )
    assert decide(Facts(envelope)).rule == "default"
    samples = []
    until = time.perf_counter() + for_s
    while time.perf_counter() < until:
        began = time.perf_counter()
        for _ in range(20):
            decide(Facts(envelope))
        samples.append((time.perf_counter() - began) / 20)
    return statistics.median(samples)


def _no_file(path: str) -> bytes:
    raise FileNotFoundError(path)
