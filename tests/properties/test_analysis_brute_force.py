"""Proofs against going through every request of a small world, and against z3; `make fuzz` does many more."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.analysis.capable import needs_of
from rules.analysis.certify import Witness
from rules.analysis.diff import difference
from rules.analysis.edits import Source
from rules.analysis.findings import findings_of
from rules.analysis.offered import key_of_route
from rules.analysis.prove import Never, Surely
from rules.evaluate import decide
from rules.facts import Facts
from rules.fast import decider_of
from rules.nodes import Decision
from rules.requests.bodies import envelope_of
from tests.rules.analysis.worlds import PROVIDERS, configuration, prover, requests
from tests.rules.compiling import ruleset

SEEDS = st.integers(0, 2**32)
THOROUGH = settings.get_profile("default").max_examples != settings().max_examples


@settings(max_examples=settings().max_examples * (12 if THOROUGH else 1))
@given(SEEDS)
def test_a_rule_is_called_unreachable_exactly_if_no_request_gets_it(seed: int) -> None:
    """Both ways, for every rule; blockers are enough, and none can be spared."""
    rules, ready = prover(configuration(Random(seed)))
    decided = decider_of(rules)
    taken = {decided(facts).rule for facts in requests()}
    for number, outcome in enumerate(ready.listing.outcomes):
        if outcome.kind != "rule":
            continue
        answer = ready.is_reached(number)
        assert isinstance(answer, Never | Surely | Witness)
        assert isinstance(answer, Never) == (outcome.name not in taken)
        if isinstance(answer, Never) and (not THOROUGH or seed % 4 == 0):
            found = ready.blockers(number, answer.boxes)
            assert found is not None
            _check_blockers(
                json.loads(configuration(Random(seed))),
                outcome.name,
                {ready.listing.outcomes[one].name for one in found[0]},
            )


def _check_blockers(whole: dict[str, Any], name: str, blockers: set[str]) -> None:
    listed = whole["routing"]["customRules"]
    rule = next(one for one in listed if one["name"] == name)
    for kept, reached in [(blockers, False), *((blockers - {one}, True) for one in blockers)]:
        whole["routing"]["customRules"] = [*(one for one in listed if one["name"] in kept), rule]
        decided = decider_of(ruleset(json.dumps(whole)))
        assert any(decided(facts).rule == name for facts in requests()) is reached


@given(SEEDS)
def test_witnesses_replay(seed: int) -> None:
    """Every reachable rule has a request that the plain evaluator gives to it."""
    rules, ready = prover(configuration(Random(seed)))
    for number, outcome in enumerate(ready.listing.outcomes):
        answer = ready.reach(number)
        if isinstance(answer, Witness):
            assert decide(rules, Facts(envelope_of(answer.shape))).rule == outcome.name
    assert ready.certifier.unreplayed == 0


@given(SEEDS)
def test_what_changes_nothing_can_go(seed: int) -> None:
    """303 and 304: with the rule gone every request of the world goes to the same target; 301 never holds anywhere."""
    text = configuration(Random(seed))
    rules, ready = prover(text)
    found = findings_of(ready, Source(None, {}), needs_of(rules, PROVIDERS))
    decided = decider_of(rules)
    for one in found:
        if one.code == "CCR303":
            whole = json.loads(text)
            listed = whole["routing"]["customRules"]
            whole["routing"]["customRules"] = [rule for rule in listed if rule["name"] != one.data["rule"]]
            without = decider_of(ruleset(json.dumps(whole)))
            assert all(_target(decided(facts)) == _target(without(facts)) for facts in requests())
        if one.code in ("CCR301", "CCR302", "CCR307"):
            assert all(decided(facts).rule != one.data["rule"] for facts in requests())


@given(SEEDS, SEEDS)
def test_a_difference_is_found_exactly_if_there_is_one(first: int, second: int) -> None:
    """Between two configurations of which the second has one rule of the first changed."""
    random = Random(second)
    old = json.loads(configuration(Random(first), 4))
    new = json.loads(json.dumps(old))
    listed, place = new["routing"]["customRules"], random.randrange(len(new["routing"]["customRules"]))
    other = json.loads(configuration(random, 2))["routing"]["customRules"][0]
    change = random.choice(["condition", "target", "drop", "swap"])
    if change == "drop":
        del listed[place]
    elif change == "swap":
        listed.reverse()
    else:
        listed[place][change] = other[change]
    before, after = ruleset(json.dumps(old)), ruleset(json.dumps(new))
    one, two = decider_of(before), decider_of(after)
    differs = any(_target(one(facts)) != _target(two(facts)) for facts in requests())
    found = difference((before, PROVIDERS), (after, PROVIDERS))
    assert found.proved
    assert bool(found.changes) is differs


def _target(decision: Decision) -> object:
    return key_of_route(decision.route, PROVIDERS)
