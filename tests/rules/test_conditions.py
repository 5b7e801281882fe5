"""What conditions mean: every matcher, combinator and piece of sugar as a row of `tests/tables/conditions.yaml`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rules.compile import conditions_in
from rules.evaluate import holds
from rules.nodes import Any as AnyOf
from rules.nodes import Not, Reference
from rules.operators import OPERATORS
from schemas.document import Mapping, plain
from schemas.read import read
from tests.rules.compiling import Given, condition, facts

TABLE = Path(__file__).parent.parent / "tables" / "conditions.yaml"
NAMED = '{big: {messageLength: "> 10"}, both: {ref: big, stream: true}}'


def _rows() -> list[tuple[Any, dict[str, Any], bool]]:
    document, found = read(TABLE.read_bytes(), TABLE.name)
    assert document is not None
    assert not found
    rows: Any = plain(document.root)
    return [
        (written, {fact: _value(value) for fact, value in values.items()}, result) for written, values, result in rows
    ]


def _value(written: Any) -> Any:
    return frozenset(written["set"]) if isinstance(written, dict) else written


ROWS = _rows()


@pytest.mark.parametrize(("written", "values", "result"), ROWS, ids=[json.dumps(row[0]) for row in ROWS])
def test_a_condition_means_what_the_language_says(written: Any, values: dict[str, Any], result: bool) -> None:
    """Each row: a condition, facts, and whether it holds."""
    assert holds(condition(json.dumps(written), NAMED), Given(values)) is result


def test_every_operator_has_a_row() -> None:
    """No operator of the table goes untested (windows and shares have tests of their own)."""
    written = TABLE.read_text()
    special = {"address": "clientIp: 10.0.0.1}", "keywords": "contentKeywords"}
    for name in set(OPERATORS) - {"window", "rollout"}:
        assert special.get(name, f"{{{name}: ") in written or f"{name}: " in written, name


def test_cheap_facts_are_asked_first() -> None:
    """A conjunction asks for cheap facts first, and stops where one is enough."""
    given = Given({"model": "b", "messageLength": 5})
    assert not holds(condition('{inputTokens: "> 5", messageLength: "> 3", model: a}'), given)
    assert given.asked == ["model"]


def test_a_named_condition_is_one_node() -> None:
    """References share the tree of the condition they name."""
    both = condition("{any: [{ref: x}, {not: {ref: x}}]}", "{x: {model: a}}")
    assert isinstance(both, AnyOf)
    first, second = both.children
    assert isinstance(first, Reference)
    assert isinstance(second, Not)
    assert isinstance(second.child, Reference)
    assert first.child is second.child.child


def test_conditions_hold_for_requests_too() -> None:
    """The same conditions over the facts of a real envelope."""
    written = condition("{model: {prefix: claude}, messageLength: 2, not: {hasTools: true}, path: messages}")
    assert holds(written, facts())


@pytest.mark.parametrize("downwards", [False, True])
@pytest.mark.parametrize(("levels", "codes"), [(59, []), (60, ["CCR006"]), (3000, ["CCR006"])])
def test_conditions_in_conditions_go_only_so_deep(levels: int, codes: list[str], downwards: bool) -> None:
    """Whichever of them comes first: said once, and nothing that walks them runs out of stack."""
    numbers = range(1, levels + 1)
    named = {f"c{number}": {"ref": f"c{number - 1}"} for number in (reversed(numbers) if downwards else numbers)}
    text = json.dumps({"conditions": named | {"c0": {"model": "m"}}})
    document, _ = read(text.encode(), "f.json")
    assert document is not None
    assert isinstance(document.root, Mapping)
    conditions = conditions_in(document.root, ())
    conditions.compile_named()
    assert [one.code for one in conditions.diagnostics] == codes
