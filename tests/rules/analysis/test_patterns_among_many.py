"""Among more patterns than can be walked through together, their words say which one is inside which."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.analysis.analyse import Subject, analyse
from tests.rules.analysis.worlds import PROVIDERS
from tests.rules.compiling import ruleset

OTHERS = [{"glob": f"*q{number:02}*z{number:02}*"} for number in range(40)]


def blockers_of(inner: dict[str, Any], outer: dict[str, Any]) -> list[object]:
    """What is said to take all that the last rule accepts, behind another one and many more."""
    rules = [
        {"name": f"r{number}", "condition": {"model": one}, "target": "b,b1"}
        for number, one in enumerate([*OTHERS, outer])
    ]
    rules.append({"name": "inner", "condition": {"model": inner}, "target": "a,a2"})
    built = ruleset(json.dumps({"routing": {"defaultProvider": "a", "customRules": rules}}))
    found = [one.data for one in analyse(Subject(built, PROVIDERS)).findings if one.code == "CCR302"]
    assert all(one["rule"] == "inner" for one in found)
    return [one["blockers"] for one in found]


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ({"glob": "*a1*b7*"}, {"glob": "*a*b*"}),
        ({"glob": "*a1?b*"}, {"glob": "*a1*"}),
        ({"prefix": "a1-b"}, {"glob": "*1*b*"}),
        ({"contains": "xa1b"}, {"glob": "*a*b*"}),
        ({"contains": "XA1B"}, {"contains": "a1", "ignoreCase": True}),
    ],
)
def test_a_pattern_inside_another_is_found(inner: dict[str, Any], outer: dict[str, Any]) -> None:
    """The wider one takes all that the narrower one accepts."""
    assert blockers_of(inner, outer) == [["r40"]]


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ({"glob": "*a*b*"}, {"glob": "*a1*b*"}),
        ({"glob": "*a*b*"}, {"glob": "*a?b*"}),
        ({"glob": "*ab*"}, {"glob": "*a?b*"}),
        ({"contains": "ab", "ignoreCase": True}, {"glob": "*ab*"}),
        ({"suffix": "ab"}, {"prefix": "ab"}),
    ],
)
def test_a_pattern_that_only_looks_wider_takes_not_all(inner: dict[str, Any], outer: dict[str, Any]) -> None:
    """No rule is called unreachable that some text gets to."""
    assert blockers_of(inner, outer) == []
