"""How long a decision takes, in this process, for rule sets of several sizes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
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


TURNS = 60
"""A machine has slow moments, some of them long: what is compared takes turns, and the best round of each counts."""


def decisions_s(rules: Sequence[int], body: Callable[[], dict[str, Any]] = bodies.small_anthropic) -> dict[int, float]:
    """Seconds of a decision among so many rules that all fail, so that a category decides; facts are computed anew each time."""
    rounds = {count: _round(count, body) for count in rules}
    return best_of_turns(rounds, TURNS)


def best_of_turns(rounds: Mapping[int, Callable[[], float]], turns: int) -> dict[int, float]:
    """The least that a round of each gave, after as many turns of all of them; the first turn does not count."""
    best = dict.fromkeys(rounds, math.inf)
    for turn in range(turns + 1):
        for number, work in rounds.items():
            took = min(work() for _ in range(5))
            best[number] = min(best[number], took) if turn else math.inf
    return best


def _round(rules: int, body: Callable[[], dict[str, Any]]) -> Callable[[], float]:
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

    def took() -> float:
        began = time.perf_counter()
        for _ in range(20):
            decide(Facts(envelope))
        return (time.perf_counter() - began) / 20

    return took


def _no_file(path: str) -> bytes:
    raise FileNotFoundError(path)
