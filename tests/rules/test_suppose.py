"""Decisions under facts that are not given."""

from __future__ import annotations

from typing import Any

import pytest

from rules.compile import Offer
from rules.moments import DAYS
from rules.suppose import cases_of
from tests.rules.compiling import facts, ruleset

HEAD = "routing:\n  defaultProvider: a\n  customRules:\n"
TIME = HEAD + "    - {name: night, condition: {time: {between: '22:00-06:00'}}, target: 'b,b1'}\n"
HEALTH = HEAD + "    - {name: spare, condition: {provider.a.health: [down, degraded]}, target: 'b,b1'}\n"
LOAD = HEAD + "    - {name: busy, condition: {provider.a.inflight: '> 3'}, target: 'b,b1'}\n"
BUDGET = (
    "budgets: {month: {}}\n"
    + HEAD
    + "    - {name: cheap, condition: {budget.month.state: [half, spent]}, target: 'b,b1'}\n"
)
BOTH = TIME + "    - {name: spare, condition: {provider.a.health: down, time: {days: sun}}, target: 'b,b1'}\n"
BERLIN = HEAD + (
    "    - {name: work, condition: {time: {days: mon-fri, between: '09:00-18:00', tz: Europe/Berlin}}, target: 'b,b1'}\n"
    "    - {name: noon, condition: {time: {between: '11:30-12:30', tz: UTC}}, target: 'b,b1'}\n"
)

CASES: list[tuple[str, str, dict[str, Any], set[str], set[str]]] = [
    ("nothing is needed", HEAD.replace("  customRules:\n", ""), {}, {"default"}, set()),
    ("the time", TIME, {}, {"night", "default"}, {"time"}),
    ("the time is given", TIME, {"now": 0.0}, {"night"}, set()),
    ("a provider's health", HEALTH, {}, {"spare", "default"}, {"provider.a.health"}),
    ("a budget", BUDGET, {}, {"cheap", "default"}, {"budget.month.state"}),
    ("the budget is given", BUDGET, {"budget_state": {"month": "half"}}, {"cheap"}, set()),
    ("a provider's load", LOAD, {}, {"busy", "default"}, {"provider.a.inflight"}),
    ("the load is given", LOAD, {"provider_state": {"a": {"inflight": 9}}}, {"busy"}, set()),
    ("two of them", BOTH, {}, {"night", "spare", "default"}, {"time", "provider.a.health"}),
    ("windows in two zones", BERLIN, {}, {"work", "noon", "default"}, {"time"}),
]


@pytest.mark.parametrize(("what", "text", "around", "rules", "unknown"), CASES, ids=[row[0] for row in CASES])
def test_every_decision_is_found(
    what: str, text: str, around: dict[str, Any], rules: set[str], unknown: set[str]
) -> None:
    """Each row: rules, what is given, who may decide, and which facts that depends on."""
    found = cases_of(ruleset(text), facts(**around))
    assert found.complete
    assert {case.decision.rule for case in found.cases} == rules
    assert {fact for case in found.cases for fact in case.supposed} == unknown


def test_too_many_cases_are_said_and_end() -> None:
    """Twelve providers, each of which may or may not be down, are more cases than are gone through."""
    offers = {f"p{number}": Offer() for number in range(12)}
    rules = "".join(f"    - {{condition: {{provider.{name}.health: down}}, target: '{name},m'}}\n" for name in offers)
    found = cases_of(ruleset(HEAD + rules, {"a": Offer(), **offers}), facts())
    assert not found.complete
    assert len(found.cases) <= 2_000


def test_more_cases_than_are_worth_going_through_are_said_to_be_incomplete() -> None:
    """With the facts that were not given; of the windows each zone's are looked at together, not each at each moment."""
    zones = ("UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York")
    rules = "".join(
        f"    - {{name: r{number}, condition: {{time: {{days: {DAYS[number % 7]}, tz: {zones[number % 4]}, "
        f"between: '{number % 24:02}:{number // 5 % 60:02}-{(number + 7) % 24:02}:{number % 60:02}'}}}}, target: 'b,b1'}}\n"
        for number in range(700)
    )
    found = cases_of(ruleset(HEAD + rules), facts())
    assert (found.complete, found.unknown) == (False, frozenset({"time"}))
