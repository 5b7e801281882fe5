"""Checked syntax as a text: the same as the library's, which takes longer."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.expressions.unparsed import written

LEAVES = st.sampled_from(["toolCount", "fact0", "7", "-3", "1.5", "True", "'a'", "header.x", "len(toolNames)"])
SUMS = st.recursive(
    LEAVES,
    lambda below: st.tuples(below, st.sampled_from(["+", "-", "*"]), below).map(lambda one: f"({' '.join(one)})"),
    max_leaves=12,
)


@given(SUMS, st.sampled_from(["==", "<", ">=", "in", "!=", "< 4 <"]), SUMS)
def test_a_text_is_the_librarys(left: str, operator: str, right: str) -> None:
    """Brackets stand where they are needed, and nowhere else."""
    tree = ast.parse(f"{left} {operator} {right}", mode="eval").body
    assert written(tree) == ast.unparse(tree)


@pytest.mark.parametrize(
    "text", ["a - (b - c) > 1", "a * (b + c) * d > (e * f) * g", "a + b * c == (a + b) * c", "not a"]
)
def test_brackets_are_kept_where_they_mean_something(text: str) -> None:
    """What binds less is in brackets."""
    tree = ast.parse(text, mode="eval").body
    assert written(tree) == ast.unparse(tree)
