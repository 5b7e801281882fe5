"""Invariants against going through every request: proved exactly if none of them breaks it."""

from __future__ import annotations

import json
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rules.analysis.analyse import Subject, analyse
from rules.analysis.offered import places_of
from rules.evaluate import holds
from rules.fast import decider_of
from rules.invariants import invariants_in
from schemas.document import Mapping as MappingNode
from schemas.read import read
from tests.rules.analysis.worlds import PROVIDERS, condition, configuration, requests
from tests.rules.compiling import OFFERS, ruleset


@given(st.integers(0, 2**32))
def test_an_invariant_is_proved_exactly_if_no_request_breaks_it(seed: int) -> None:
    """With random conditions, for a provider that is never and one that is always to be used; fallbacks count."""
    random = Random(seed)
    whole = json.loads(configuration(random, 4))
    for rule in whole["routing"]["customRules"]:
        if random.random() < 0.3:
            rule["fallbacks"] = ["b,b1" if not rule["target"].startswith("b") else "a,a1"]
    never, when = random.choice("ab"), condition(random)
    whole["invariants"] = [{"when": when, "never": {"provider": never}}, {"when": when, "then": {"provider": never}}]
    text = json.dumps(whole)
    document, _ = read(text.encode(), "c.json")
    assert document is not None
    assert isinstance(document.root, MappingNode)
    rules = ruleset(text)
    invariants, wrong = invariants_in(document.root, OFFERS)
    assert wrong == []
    verdicts = analyse(Subject(rules, PROVIDERS, (), invariants)).invariants
    decided = decider_of(rules)
    places = [
        [provider for provider, _ in places_of(decided(facts).route, PROVIDERS)]
        for facts in requests()
        if holds(invariants[0].when, facts)
    ]
    assert verdicts[0].status == ("proved" if all(never not in one for one in places) else "refuted")
    assert verdicts[1].status == ("proved" if all(set(one) <= {never} for one in places) else "refuted")
