"""Names for members of sets of which nothing in particular is wanted."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from rules.nodes import Test as Leaf
from rules.patterns.compiled import pattern_of
from rules.requests.spare import spare_names
from rules.requests.wanted import is_barred
from schemas.diagnostics import Span
from tests.rules.analysis.worlds import prover

NOWHERE = Span("", 1, 1, 1, 1)


def matching(pattern: str) -> Leaf:
    return Leaf("member", "regex", pattern_of(pattern, False), NOWHERE)


@pytest.mark.parametrize(
    ("pattern", "first"),
    [
        ("^$", ["tool_1", "Tool1", "1", "tool_2"]),
        ("^tool", ["Tool1", "1", "Tool2", "2"]),
        ("[0-9]", ["x", "a", "b", "c"]),
        ("[a-zA-Z0-9]", ["_", "-", ".", "+"]),
        ("[!-~]", ["é", "я", "中", "éé"]),
        (".", []),
    ],
)
def test_names_that_may_be_there_are_found_wherever_there_are_any(pattern: str, first: list[str]) -> None:
    """The plainest come first; where every name is barred there is none, and nobody searches for ever."""
    assert list(islice(spare_names("toolNames", (matching(pattern),)), 4)) == first


@pytest.mark.parametrize("fact", ["toolNames", "serverTools", "betas", "tags"])
def test_spare_names_are_different_and_not_barred(fact: str) -> None:
    """As many as are wanted."""
    barred = ("1", "x", matching("1"))
    names = list(islice(spare_names(fact, barred), 300))

    assert len(set(names)) == 300
    assert not any(is_barred(name, barred) for name in names)


@pytest.mark.parametrize(
    ("fact", "member", "wish"),
    [
        ("toolNames", {"regex": "[0-9]"}, {"toolCount": "> 1"}),
        ("toolNames", {"contains": "o"}, {"toolNames": {"size": "> 1"}}),
        ("serverTools", {"contains": "e"}, {"serverTools": {"size": "> 1"}}),
        ("betas", {"contains": "a"}, {"betas": {"size": "> 1"}}),
    ],
)
def test_a_rule_is_reached_behind_one_that_takes_the_usual_names(
    fact: str, member: dict[str, Any], wish: dict[str, Any]
) -> None:
    """A request is made that has other ones."""
    rules = [
        {"name": "earlier", "condition": {fact: {"has": member}}, "target": "a,a1"},
        {"name": "wanted", "condition": wish, "target": "b,b1"},
    ]
    _, ready = prover(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
    reached = {
        ready.listing.outcomes[number].name: ready.reach(number) for number in range(len(ready.listing.outcomes))
    }

    assert type(reached["wanted"]).__name__ == "Witness"
