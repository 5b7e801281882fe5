"""Which changes of the rules tests notice, found without running every test under every change."""

from __future__ import annotations

from random import Random

import pytest

from rules.analysis.budget import Budget
from rules.cases import Case, run_case
from rules.facts import Facts
from rules.nodes import RuleSet
from rules.requests.bodies import envelope_of
from rules.testing import mutate
from rules.testing.mutate import Passing, mutants_of, survivors_of
from rules.testing.suite import suite_of
from tests.rules.analysis.worlds import PROVIDERS, configuration
from tests.rules.compiling import ruleset
from tests.rules.testing.test_suite import EVERY_KIND, HEAD, cases_of

BY_THE_CLOCK = (
    HEAD
    + """\
    - {name: night, condition: {time: {between: "22:00-06:00"}}, target: "b,b1"}
    - {name: live, condition: {stream: true}, target: "a,a1"}
    - {name: day, condition: {time: {between: "06:00-22:00"}}, target: "b,b1"}
"""
)
FILTERED = "filters:\n  - {name: no, action: block, condition: {stream: true}}\n" + EVERY_KIND


def _unnoticed(rules: RuleSet, cases: list[Case]) -> list[tuple[str, str]]:
    """The plain way: every test under every mutant."""
    passing = [case for case in cases if run_case(case, rules, PROVIDERS).status == "passed"]
    return [
        (one.rule, one.says)
        for one in mutants_of(rules)
        if not any(run_case(case, one.rules, PROVIDERS).status == "failed" for case in passing)
    ]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("text", [EVERY_KIND, FILTERED, None], ids=["every kind", "behind a filter", "at random"])
def test_changes_are_noticed_by_the_tests_that_can(text: str | None, seed: int) -> None:
    """As by running all of them under every mutant."""
    random = Random(seed)
    rules = ruleset(text or configuration(random))
    cases = cases_of(suite_of(rules, PROVIDERS), rules)
    cases = random.sample(cases, random.randint(0, min(6, len(cases))))

    noticed = Passing(rules, PROVIDERS, cases).notice
    assert [(one.rule, one.says) for one in mutants_of(rules) if not noticed(one)] == _unnoticed(rules, cases)


def test_a_test_that_several_rules_decide_about_notices_changes_of_each() -> None:
    """By night the first one, by day the last one."""
    rules = ruleset(BY_THE_CLOCK)
    request = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
    cases = [Case("open", rules.rules[0].span, {"provider": "b"}, Facts(envelope_of({"request": request})))]

    noticed = Passing(rules, PROVIDERS, cases).notice
    left = [(one.rule, one.says) for one in mutants_of(rules) if not noticed(one)]
    assert left == _unnoticed(rules, cases)
    assert not {("night", "dropped"), ("day", "dropped")} & set(left)


def test_what_is_not_gone_through_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """With very many rules not every mutant that survives is compared; those are counted."""
    rules, budget = ruleset(EVERY_KIND), Budget()
    monkeypatch.setattr(mutate, "PROOFS", 3 * len(rules.rules))

    assert len(survivors_of(rules, PROVIDERS, [], budget)) <= 3
    assert budget.unproven == len(list(mutants_of(rules))) - 3
