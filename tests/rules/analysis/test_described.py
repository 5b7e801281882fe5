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
    ("{not: {hasTools: true}}", "not hasTools is true"),
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
