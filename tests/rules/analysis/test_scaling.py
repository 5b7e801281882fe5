"""Work grows with the number of rules no faster than n log n; counted in steps, so that no machine can fail it."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

from rules.analysis.analyse import Subject, analyse
from tests.corpus.generate import built_of, offered, structured
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
