"""Regions in the words of conditions."""

from __future__ import annotations

import pytest

from rules.analysis.diff import difference
from tests.rules.analysis.worlds import PROVIDERS
from tests.rules.compiling import ruleset

ROWS = [
    ("{stream: true}", "stream is true"),
    ("{model: {contains: opus}, toolCount: '> 5'}", "model contains opus and toolCount > 5"),
    ("{any: [{model: x}, {model: y}]}", "(model is x or model is y)"),
    ("{not: {hasTools: true}}", "hasTools is false"),
    ("{not: {stream: true}}", "not stream is true"),
    ("{not: {maxTokens: '> 5'}}", "not maxTokens > 5"),
    ("{model: x, none: [{model: y}, {stream: true}]}", "model is x and not stream is true"),
    ("{none: [{model: x}, {stream: true}]}", "not model is x and not stream is true"),
    ("{always: true}", "all that no earlier rule takes"),
    ("{expr: 'toolCount > messageCount'}", "toolCount > messageCount"),
]


@pytest.mark.parametrize(("condition", "said"), ROWS)
def test_what_holds_throughout_a_region_is_said(condition: str, said: str) -> None:
    """Each row: the condition of a rule whose target changes, and where the requests are that go elsewhere."""
    text = "routing:\n  defaultProvider: a\n  explicitModels: false\n  customRules: [{condition: %s, target: 'b,%s'}]\n"
    before, after = (ruleset(text % (condition, model)) for model in ("b1", "b2"))
    changes = difference((before, PROVIDERS), (after, PROVIDERS)).changes

    assert [change.region for change in changes] == [said]


MOVED = [
    ("{inputTokens: '> 60k'}", "{inputTokens: '> 100k'}", ["inputTokens > 60000 and inputTokens <= 100000"]),
    ("{toolCount: '> 5'}", "{toolCount: '>= 5'}", ["toolCount >= 5 and toolCount <= 5"]),
    ("{stream: true}", "{stream: true, hasTools: true}", ["stream is true and hasTools is false"]),
    ("{model: a, stream: true}", "{model: b}", ["model is a and stream is true", "model is b"]),
]


@pytest.mark.parametrize(("old", "new", "said"), MOVED)
def test_where_a_bound_moved_is_said_up_to_there(old: str, new: str, said: list[str]) -> None:
    """What the rule took before, or takes now, goes where it went: the region ends there."""
    text = """
routing:
  defaultProvider: a
  explicitModels: false
  categories: {search: {not: {always: true}}, longcontext: {not: {always: true}}, background: {not: {always: true}}, thinking: {not: {always: true}}}
  customRules: [{name: one, condition: %s, target: 'b,b1'}]
"""
    before, after = (ruleset(text % condition) for condition in (old, new))
    changes = difference((before, PROVIDERS), (after, PROVIDERS)).changes

    assert [change.region for change in changes] == said
