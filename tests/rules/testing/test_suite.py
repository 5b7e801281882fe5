"""Suites that the solver suggests: every rule, boundary and fact of a condition, and what no test can be written for."""

from __future__ import annotations

import pytest

from rules.cases import Case, request_of, run_case
from rules.nodes import RuleSet
from rules.testing.coverage import coverage_of
from rules.testing.suite import Suite, suite_of
from tests.rules.analysis.worlds import PROVIDERS
from tests.rules.compiling import ruleset

HEAD = "routing:\n  defaultProvider: a\n  explicitModels: false\n  customRules:\n"
EVERY_KIND = (
    HEAD
    + """\
    - {name: vision, condition: {hasImages: true, stream: true}, target: "b,b1"}
    - {name: long, condition: {inputTokens: "> 20k", model: {contains: opus}}, target: "b,b1"}
    - {name: night, condition: {time: {between: "22:00-06:00"}}, target: "a,a1"}
    - {name: down, condition: {provider.a.health: down}, target: "b,b1"}
    - {name: half, condition: {rollout: {percent: 50, by: sessionId, salt: x}}, target: "b,b1"}
    - {name: team, condition: {header.x-team: red, not: {model: {in: [x, y]}}}, target: "a,a1"}
    - {name: words, condition: {contentKeywords: [secret], hasTools: true}, target: "a,a1"}
    - {name: sums, condition: {expr: "toolCount > messageCount and maxTokens >= 100"}, target: "b,b1"}
    - {name: fix, condition: {lastUserText: {regex: "^fix [0-9]+$"}}, target: "b,b1"}
    - {name: betas, condition: {betas: {has: new}, clientIp: {cidr: 10.0.0.0/8}}, target: "b,b1"}
    - {name: gone, condition: {model: {contains: opus-4}, inputTokens: "> 30k"}, target: "b,b1"}
"""
)


def cases_of(suite: Suite, rules: RuleSet) -> list[Case]:
    span = rules.rules[0].span
    return [Case(one.name, span, one.expect, request_of(one.request).facts) for one in suite.tests]


def test_every_kind_of_fact_has_tests_that_pass_and_reach_all() -> None:
    """The moment and the states of providers are given where a decision needs them; what is out of reach has no test."""
    rules = ruleset(EVERY_KIND)
    suite = suite_of(rules, PROVIDERS)
    made = cases_of(suite, rules)

    assert {run_case(case, rules, PROVIDERS).status for case in made} == {"passed"}
    assert coverage_of(rules, PROVIDERS, made).percent == 100
    assert suite.without == {}
    assert not any(one.name.startswith("gone") for one in suite.tests)


PAIRS = [
    ("vision is reached", "vision: but stream false", {"stream", "now"}),
    ("vision is reached", "vision: but hasImages false", {"hasImages", "now"}),
    ("long: inputTokens 20001", "long: inputTokens 20000", {"inputTokens", "now"}),
    ("night is reached", "night: but now 2026-01-05T06:00:00Z", {"now", "provider.a.health"}),
    ("team is reached", "team: but model x", {"model"}),
    ("words is reached", "words: but hasTools false", {"toolCount"}),
    ("sums is reached", "sums: but maxTokens 99", {"maxTokens"}),
    ("betas is reached", "betas: but betas []", {"betas"}),
]


@pytest.mark.parametrize(("name", "other", "facts"), PAIRS)
def test_a_pair_differs_in_one_fact_and_in_its_decision(name: str, other: str, facts: set[str]) -> None:
    """Each row: two tests, and in what their requests differ: a fact, and what the other decision needs besides."""
    found = {one.name: one for one in suite_of(ruleset(EVERY_KIND), PROVIDERS).tests}
    one, two = found[name.replace("long: inputTokens 20001", "long is reached")], found[other]

    differing = {key for key in {**one.request, **two.request} if one.request.get(key) != two.request.get(key)}
    assert differing <= facts
    assert one.expect != two.expect


def test_a_rule_that_no_test_can_reach_is_named() -> None:
    """Here a filter blocks what it wants, which is seen by trying: what another filter cuts out may change its text."""
    filters = "filters:\n  - {name: shut, action: block, condition: {lastUserText: z}}\n  - {name: cut, action: redact, patterns: [e-mail]}\n"
    rule = "    - {name: last, condition: {lastUserText: z}, target: 'a,a1'}\n"
    suite = suite_of(ruleset(filters + HEAD + rule), PROVIDERS)

    assert suite.without == {
        "last": "whether a request reaches it is not proven: no request was made that shows it",
    }
    assert "last" not in {test.expect.get("rule") for test in suite.tests}


def test_a_rule_behind_a_filter_that_blocks_all_it_wants_needs_no_test() -> None:
    """That no request reaches it is proved; the filter has a test instead."""
    filters = "filters:\n  - {name: shut, action: block, condition: {model: z}}\n"
    suite = suite_of(ruleset(filters + HEAD + "    - {name: last, condition: {model: z}, target: 'a,a1'}\n"), PROVIDERS)

    assert suite.without == {}
    assert {"blocked": "shut"} in [test.expect for test in suite.tests]
