"""Work grows with the number of rules no faster than n log n; counted in steps, so that no machine can fail it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from engine.analysis.stage import offered
from engine.cli.commands import ccr
from rules.analysis.analyse import Subject, analyse
from rules.analysis.budget import Budget
from rules.analysis.diff import difference
from rules.analysis.prove import Unproven
from rules.analysis.ready import prover_of
from tests.corpus.generate import built_of, structured
from tests.rules.analysis.crowds import crowded
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


def test_what_proves_comes_before_what_only_shows() -> None:
    """A thousand rules, most of them shadowed, many by long requests: nothing is left open, and each one has its finding."""
    built = built_of(crowded(Random(7), 1000))
    analysis = analyse(Subject(built.rules, offered(built.providers)))
    assert analysis.unproven == 0
    assert sum(one.code == "CCR302" for one in analysis.findings) > 700
    assert any("witness" in one.data for one in analysis.findings if one.code == "CCR302")


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
    assert analysis.steps < 130 * len(rules)


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


def test_what_cannot_be_walked_through_is_not_begun() -> None:
    """A thousand patterns of choices, or long globs, on one fact: that they are too many is seen before any is made."""
    kinds: list[Callable[[int], object]] = [
        lambda number: {"regex": f"^(foo{number}|bar{number})-.*(x|y|z){number}$"},
        lambda number: {"glob": f"claude-team-{number}-*-{number}-*-x"},
    ]
    for kind in kinds:
        rules = [{"condition": {"model": kind(number)}, "target": "a,a1"} for number in range(1_000)]
        built = ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
        prover = prover_of(built, PROVIDERS, Budget())
        assert prover.budget.used < 100


ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
HOSTILE: dict[str, Callable[[int], dict[str, Any]]] = {
    "salts": lambda n: {"rollout": {"percent": n % 98 + 1, "by": "sessionId", "salt": f"s{n}"}},
    "globs": lambda n: {"model": {"glob": f"*a{n}*b*"}},
    "globs with gaps": lambda n: {"model": {"glob": f"*{'?' * (n % 40)}a*{n}?*"}},
    "patterns": lambda n: {"model": {"regex": f"a{n}.*b[0-9]+{n % 7}"}},
    "patterns of choices": lambda n: {"model": {"regex": f"^(foo{n}|bar{n}|baz{n})-.*(x|y|z){n}$"}},
    "texts in texts": lambda n: {"lastUserText": {"contains": f"w{n}"}, "systemText": {"contains": f"v{n}"}},
    "lists in any case": lambda n: {"model": {"in": [f"m{n * 10 + j}" for j in range(12)], "ignoreCase": True}},
    "expressions over two facts": lambda n: {"expr": f"toolCount * {n + 1} > messageCount + {n}"},
    "sums of two facts": lambda n: {"expr": f"toolCount + messageCount > {n} and maxTokens - toolCount < {n * 3}"},
    "facts of its own": lambda n: {"model": {"prefix": f"m{n}-"}, f"header.x-{n}": "v", "toolCount": f"> {n}"},
    "many ways": lambda n: {"any": [{"model": f"m{n + j}", "toolCount": f"> {n + j}"} for j in range(6)]},
    "ways of ways": lambda n: {
        "all": [{"any": [{"model": f"m{n + j}"}, {"toolCount": n + j}, {"header.x": f"v{j + n}"}]} for j in range(3)]
    },
    "ways of the same facts": lambda n: {
        "expr": " or ".join(f"toolCount == {n * 8 + j} and messageCount == {j}" for j in range(8))
    },
    "words in words": lambda n: {"contentKeywords": ["a" * (n + 1)], "messageLength": f"> {n}"},
    "patterns of members": lambda n: {"toolNames": {"has": {"regex": f"a{n}.*b[0-9]+{n % 7}"}}},
    "members": lambda n: {"toolNames": {"hasNone": [f"t{n + j}" for j in range(10)]}},
    "numbers": lambda n: {
        "toolCount": f"> {n}", "messageCount": f"< {1000 - n}", "maxTokens": f"> {n * 3}",
        "inputTokens": f"> {n * 11}", "messageLength": f"< {n * 13}",
    },
}  # fmt: skip
CALLS_A_STEP = 250
"""Calls of functions that a step of the budget stands for at most; 40 to 165 are usual."""


def calls_of(work: Callable[[], object]) -> int:
    """How many functions some work calls, however deep."""
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def hostile(kind: str, count: int) -> Subject:
    """As many rules of one kind."""
    rules = [
        {"name": f"r{number}", "condition": HOSTILE[kind](number), "target": "a,a1" if number % 2 else "b,b1"}
        for number in range(1, count + 1)
    ]
    return Subject(ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}})), PROVIDERS)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_hard_ends_as_not_proven(kind: str) -> None:
    """Rules made to be hard: what the budget does not suffice for is no finding, and no work is done that it does not count."""
    subject = hostile(kind, 80)
    budget = Budget(total=150, for_each=0)
    analysis = analyse(subject, budget)
    assert analysis.unproven
    assert {one.code for one in analysis.findings if one.severity.value == "error"} <= {"CCR302"}
    assert analysis.steps <= budget.total + 500
    calls = calls_of(partial(analyse, subject, Budget(150, for_each=0)))
    least = calls_of(partial(analyse, subject, Budget(1, for_each=0)))
    assert calls - least <= CALLS_A_STEP * budget.total


STARTED = "providers: {here: {type: static}}\nrouting: {defaultProvider: here}\n"
LISTED: dict[str, Callable[[int], str]] = {
    "filters": lambda count: "filters:\n" + listed("  - {action: block, condition: {model: m#}}", count) + STARTED,
    "conditions": lambda count: "conditions:\n" + listed("  c#: {model: m#}", count) + STARTED,
    "invariants": lambda count: "invariants:\n" + listed("  - {never: {model: m#}}", count) + STARTED,
    "categories": lambda count: (
        STARTED.replace("here}\n", "here, rules: {")
        + ", ".join(f"c{number}: 'here,m'" for number in range(count))
        + "}}\n"
    ),
    "facts": lambda count: with_any("{modl#: 1}", count),
    "headers": lambda count: with_any("{header.x#: v}", count),
    "rules with headers": lambda count: (
        STARTED.replace("here}\n", "here, customRules: [")
        + ", ".join(f"{{condition: {{header.x{number}: v}}, target: 'here,m'}}" for number in range(count))
        + "]}\n"
    ),
    "rules on both sides of a number": lambda count: (
        STARTED.replace("here}\n", "here, customRules: [")
        + ", ".join(
            f"{{condition: {{header.x: v{number}, toolCount: '{'<>'[number % 2]} 5'}}, target: 'here,m{number % 2}'}}"
            for number in range(4 * count)
        )
        + "]}\n"
    ),
    "unknown keys": lambda count: STARTED + listed("unknown#: x", count),
    "providers": lambda count: (
        "providers:\n" + listed("  p#: {type: opnai}", count) + "routing: {defaultProvider: p1}\n"
    ),
}


def listed(line: str, count: int) -> str:
    return "".join(line.replace("#", str(number)) + "\n" for number in range(count))


def with_any(condition: str, count: int) -> str:
    """A rule with so many conditions of which one is enough."""
    many = ", ".join(condition.replace("#", str(number)) for number in range(count))
    rule = f"customRules: [{{condition: {{any: [{many}]}}, target: 'here,m'}}]"
    return STARTED.replace("here}\n", f"here, {rule}}}\n")


@pytest.mark.parametrize("kind", LISTED)
def test_long_lists_take_no_more_than_their_length(kind: str, tmp_path: Path) -> None:
    """Four times as many filters, conditions, unknown names: at most six times as many calls, findings printed and all."""
    calls = []
    for count in (150, 600):
        (tmp_path / "ccr.yaml").write_text(LISTED[kind](count))
        words = ["test-config", str(tmp_path / "ccr.yaml"), "--format", "json"]
        ask = partial(CliRunner().invoke, ccr, words, catch_exceptions=False)
        calls.append(min(calls_of(ask) for _ in range(2)))
    assert calls[1] <= 6 * calls[0]


def test_a_spent_budget_ends_every_further_question_at_once() -> None:
    """Of 80 rules that are each any of six, twice as many do no more than twice the work once nothing is left."""
    few, many = (calls_of(partial(analyse, hostile("many ways", count), Budget(1, for_each=0))) for count in (40, 80))
    assert many <= 2.5 * few


@pytest.mark.parametrize("total", [1, 200, 2_000])
def test_a_difference_that_the_budget_does_not_suffice_for_is_not_proved(total: int) -> None:
    """Where it ends is where it ends: nothing is raised, and no equality is claimed."""
    subject, other = hostile("many ways", 20), hostile("globs", 20)
    sides = ((subject.rules, PROVIDERS), (other.rules, PROVIDERS))
    assert not difference(*sides, Budget(total, for_each=0)).proved


def test_windows_in_many_zones_are_decided() -> None:
    """200 of them in four zones, whose clocks change on different days: which of them can be reached is known of all."""
    rules = [
        {
            "name": f"r{number}",
            "condition": {
                "time": {
                    "between": f"{number // 60:02}:{number % 60:02}-{number * 7 // 60 % 24:02}:{number * 7 % 60:02}",
                    "tz": ZONES[number % 4],
                }
            },
            "target": "a,a1" if number % 2 else "b,b1",
        }
        for number in range(1, 201)
    ]
    built = ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
    prover = prover_of(built, PROVIDERS, Budget())
    assert not prover.atoms.uncut
    numbers = [number for number, outcome in enumerate(prover.listing.outcomes) if outcome.kind == "rule"]
    assert not any(isinstance(prover.is_reached(number), Unproven) for number in numbers)
