"""Proofs about rules behind filters, against going through every request of a small world with the filters first."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules.analysis.certify import Witness
from rules.analysis.diff import difference
from rules.analysis.offered import key_of_route
from rules.analysis.prove import Never
from rules.evaluate import decide, holds
from rules.facts import Facts
from rules.filters import decision_of, filtered, tag_of
from rules.nodes import Decision, RuleSet
from rules.requests.bodies import envelope_of
from tests.rules.analysis.worlds import PROVIDERS, condition, configuration, prover, requests
from tests.rules.compiling import Given, ruleset

SEEDS = st.integers(0, 2**32)


def _filtering(random: Random, whole: dict[str, Any]) -> str:
    """The configuration with random filters, and with rules that ask for their tags."""
    filters = []
    for number in range(random.randint(1, 3)):
        action = random.choice(["block", "tag", "tag"])
        one: dict[str, Any] = {"name": f"f{number}", "action": action, "condition": condition(random, 1)}
        filters.append(one if random.random() < 0.9 else {**one, "patterns": ["private-key"]})
    for rule in whole["routing"]["customRules"]:
        if random.random() < 0.5:
            tag = f"f{random.randrange(4)}"
            rule["condition"] = {
                "all": [rule["condition"], {"tags": random.choice([{"has": tag}, {"hasNone": [tag]}])}]
            }
    return json.dumps({**whole, "filters": filters})


def _served(rules: RuleSet, facts: Given) -> Decision:
    """What the server decides, by going through filters and rules one by one; no request here has what patterns find."""
    tags: frozenset[str] = frozenset()
    for one in rules.filters:
        if one.patterns or (
            one.condition is not None and not holds(one.condition, Given({**facts.values, "tags": tags}))
        ):
            continue
        if one.action == "block":
            return decision_of(one)
        tags |= {tag_of(one)}
    return decide(rules, Given({**facts.values, "tags": tags}))


def _replayed(rules: RuleSet, witness: Witness) -> Decision:
    """What the plain walk decides about a witness, behind the filters."""
    behind = filtered(rules.filters, envelope_of(witness.shape))
    return decision_of(behind.blocked) if behind.blocked else decide(rules, Facts(behind.envelope))


@given(SEEDS)
def test_proofs_hold_behind_filters(seed: int) -> None:
    """What is never reached no request reaches; where a request is shown, the server with its filters decides it so."""
    random = Random(seed)
    rules, ready = prover(_filtering(random, json.loads(configuration(random))))
    taken = {_served(rules, facts).rule for facts in requests()}
    patterns = any(one.patterns for one in rules.filters)
    for number, outcome in enumerate(ready.listing.outcomes):
        answer = ready.reach(number)
        if isinstance(answer, Never):
            assert outcome.name not in taken
        elif isinstance(answer, Witness):
            assert patterns or outcome.kind == "category" or outcome.name in taken
            assert _replayed(rules, answer).rule == outcome.name
        else:
            assert patterns
    assert patterns or ready.certifier.unreplayed == 0


@given(SEEDS)
def test_a_difference_behind_filters_is_one_of_the_server(seed: int) -> None:
    """With one filter changed: nothing is proved equal that differs, and every change shown is one."""
    random = Random(seed)
    old = json.loads(_filtering(random, json.loads(configuration(random, 3))))
    new = json.loads(json.dumps(old))
    new["filters"][0]["condition"] = condition(random, 1)
    before, after = ruleset(json.dumps(old)), ruleset(json.dumps(new))
    found = difference((before, PROVIDERS), (after, PROVIDERS))
    blocks_only = all(one.action == "block" and not one.patterns for one in (*before.filters, *after.filters))
    if blocks_only:
        differs = any(_target(_served(before, facts)) != _target(_served(after, facts)) for facts in requests())
        assert found.proved
        assert bool(found.changes) is differs
    for change in found.changes:
        names = [_replayed(rules, change.witness).rule for rules in (before, after)]
        assert names == [change.old.name, change.new.name]


def _target(decision: Decision) -> object:
    return key_of_route(decision.route, PROVIDERS)
