"""Work grows with the number of rules no faster than n log n; counted in steps, so that no machine can fail it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from engine.analysis import offered
from rules.analysis.analyse import Subject, analyse
from rules.analysis.budget import Budget
from rules.analysis.ready import prover_of
from tests.corpus.generate import built_of, structured
from tests.rules.analysis.worlds import PROVIDERS
from tests.rules.compiling import ruleset


def steps_of(config: dict[str, Any]) -> int:
    """The steps of the whole analysis."""
    built = built_of(config)
    analysis = analyse(Subject(built.rules, offered(built.providers)))
    assert analysis.unproven == 0
    return analysis.steps


def test_work_grows_no_faster_than_n_log_n() -> None:
    """From 250 structured rules to 1,000."""
    small, large = (steps_of(structured(Random(3), count)) for count in (250, 1000))
    assert large <= 1.5 * small * (1000 * math.log(1000)) / (250 * math.log(250))


def test_rules_in_one_anothers_way_are_decided_too() -> None:
    """Random rules over few facts, most of them shadowed: every one is decided, in few steps for each."""
    random = Random(5)
    rules = []
    for number in range(400):
        condition: dict[str, Any] = {}
        for _ in range(random.randint(2, 5)):
            condition |= random.choice(
                [
                    {"model": {"contains": random.choice(["opus", "sonnet", "haiku"])}},
                    {"stream": random.choice([True, False])},
                    {"toolCount": f">= {random.randint(0, 60)}"},
                    {"messageCount": f"< {random.randint(1, 100)}"},
                    {"maxTokens": f"> {random.randint(1, 64)}000"},
                    {"thinking": random.choice(["enabled", "none"])},
                    {"header.x-a": random.choice("abcdef")},
                    {"header.x-b": random.choice("abcdef")},
                ]
            )
        rules.append({"name": f"r{number}", "condition": condition, "target": random.choice(["a,a1", "a,a2", "b,b1"])})
    built = ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
    analysis = analyse(Subject(built, PROVIDERS))
    assert analysis.unproven == 0
    assert analysis.unreplayed == 0
    assert analysis.steps < 100 * len(rules)


PATTERNS: dict[str, Callable[[str], dict[str, Any]]] = {
    "prefix": lambda word: {"model": {"prefix": f"{word}-"}},
    "suffix": lambda word: {"model": {"suffix": f"-{word}"}},
    "contains": lambda word: {"model": {"contains": word}},
    "glob": lambda word: {"model": {"glob": f"claude-{word}-*-x"}},
    "regex": lambda word: {"model": {"regex": f"^{word}-[0-9]+$"}},
    "any case": lambda word: {"model": {"prefix": word, "ignoreCase": True}},
    "members": lambda word: {"toolNames": {"has": {"prefix": f"{word}_"}}},
    "shares": lambda word: {"header.x-team": word, "rollout": {"percent": 50, "by": "sessionId", "salt": word}},
}


@pytest.mark.parametrize("kind", PATTERNS)
def test_every_rule_may_have_a_pattern_of_its_own(kind: str) -> None:
    """200 of them on one fact: the last rule is still known to be taken by the first, in few steps, and nothing else is said."""
    words = [f"team-{number:03}-x" for number in range(200)]
    rules = [
        {"name": f"r{number}", "condition": PATTERNS[kind](word), "target": "a,a1" if number % 2 else "b,b1"}
        for number, word in enumerate(words)
    ]
    again = {**PATTERNS[kind](words[0]), "messageCount": "> 3"}
    rules.append({"name": "again", "condition": again, "target": "a,a2"})
    built = ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
    analysis = analyse(Subject(built, PROVIDERS))
    assert [(one.code, one.data["rule"]) for one in analysis.findings] == [("CCR302", "again")]
    assert (analysis.unproven, analysis.unreplayed) == (0, 0)
    assert analysis.steps < 100 * len(rules)


def test_a_prefix_of_a_prefix_is_found_among_many() -> None:
    """Which start is inside which is known however many there are, and the same of ends."""
    rules = [
        {"name": f"{end}{number}", "condition": {"model": {end: text}}, "target": "b,b1"}
        for number in range(300)
        for end, text in (("prefix", f"claude-{number:03}"), ("suffix", f"{number:03}-fast"))
    ]
    for end, text in (("prefix", "claude-007-opus"), ("suffix", "opus-007-fast")):
        rules.append({"name": f"inner {end}", "condition": {"model": {end: text}}, "target": "a,a2"})
    built = ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
    analysis = analyse(Subject(built, PROVIDERS))
    found = [(one.code, one.data["rule"], one.data["blockers"]) for one in analysis.findings]
    assert found == [("CCR302", "inner prefix", ["prefix7"]), ("CCR302", "inner suffix", ["suffix7"])]


ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
HOSTILE: dict[str, Callable[[int], dict[str, Any]]] = {
    "salts": lambda n: {"rollout": {"percent": n % 98 + 1, "by": "sessionId", "salt": f"s{n}"}},
    "globs": lambda n: {"model": {"glob": f"*a{n}*b*"}},
    "expressions over two facts": lambda n: {"expr": f"toolCount * {n + 1} > messageCount + {n}"},
    "windows": lambda n: {
        "time": {"between": f"{n // 60:02}:{n % 60:02}-{n * 7 // 60 % 24:02}:{n * 7 % 60:02}", "tz": ZONES[n % 4]}
    },
    "facts of its own": lambda n: {"model": {"prefix": f"m{n}-"}, f"header.x-{n}": "v", "toolCount": f"> {n}"},
    "many ways": lambda n: {"any": [{"model": f"m{n + j}", "toolCount": f"> {n + j}"} for j in range(6)]},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_hard_ends_as_not_proven(kind: str) -> None:
    """Rules made to be hard: work stays within the budget, and what it did not suffice for is no finding."""
    rules = [
        {"name": f"r{number}", "condition": HOSTILE[kind](number), "target": "a,a1" if number % 2 else "b,b1"}
        for number in range(1, 161)
    ]
    built = ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
    budget = Budget(total=1_000, for_each=5)
    analysis = analyse(Subject(built, PROVIDERS), budget)
    assert analysis.unproven
    assert {one.code for one in analysis.findings if one.severity.value == "error"} <= {"CCR302"}


def test_asking_too_many_windows_of_too_many_moments_is_refused() -> None:
    """Windows in many zones: their facts are not cut at all, which no count of rules can make slow."""
    rules = [
        {"name": f"r{number}", "condition": HOSTILE["windows"](number), "target": "a,a1" if number % 2 else "b,b1"}
        for number in range(1, 201)
    ]
    built = ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
    prover = prover_of(built, PROVIDERS, Budget())
    assert {fact for fact, _ in prover.atoms.uncut} == {"time"}
