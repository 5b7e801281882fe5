"""Tool schemas per flavour of target: a row per rule, and promises about any schema."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from providers.dialects.losses import Losses
from providers.dialects.tool_schemas.clean import cleaned, cleaned_strict
from providers.dialects.tool_schemas.gemini import KEPT
from tests.providers.dialects.asking import rows

ROWS = rows("tool_schemas")


def raw_of(schema: object) -> Raw:
    return Raw(json.dumps(schema).encode())


def plain_of(schema: object) -> Any:
    return json.loads(msgspec.json.encode(schema))


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['flavour']}: {row['name']}" for row in ROWS])
def test_a_rule_of_the_sanitiser(row: dict[str, Any]) -> None:
    """What the row's schema becomes, in the order of its keys, and what that loses."""
    losses = Losses()
    raw = raw_of(row["schema"])
    sent = cleaned_strict(raw, losses) if row["flavour"] == "strict" else cleaned(raw, row["flavour"], losses)
    assert plain_of(sent) == row["sent"]
    counts: Counter[str] = Counter()
    for lost in losses.listed():
        counts[lost.field.removeprefix("tools.input_schema")] += lost.count
    assert counts == row.get("lost", {})


def test_an_absent_schema_is_an_empty_object() -> None:
    """A tool without a schema takes no parameters."""
    assert plain_of(cleaned(UNSET, "plain", Losses())) == {"type": "object", "properties": {}}
    assert cleaned(UNSET, "gemini", Losses()) is None


def test_a_schema_that_cannot_be_read_is_an_empty_object() -> None:
    """Numbers out of range make a schema unusable where it must be rewritten."""
    losses = Losses()
    assert plain_of(cleaned(Raw(b'{"x":1e999}'), "plain", losses)) == {"type": "object", "properties": {}}
    assert [lost.field for lost in losses.listed()] == ["tools.input_schema"]


def test_references_that_double_at_each_step_stay_bounded() -> None:
    """A schema that would be 2^40 nodes once its references are resolved is cut instead."""
    defs = {f"D{i}": {"type": "object", "properties": {"l": ref(i + 1), "r": ref(i + 1)}} for i in range(40)}
    defs["D40"] = {"type": "string"}
    losses = Losses()
    sent = cleaned(raw_of({"type": "object", "properties": {"a": ref(0)}, "$defs": defs}), "gemini", losses)
    assert len(msgspec.json.encode(sent)) < 1_000_000
    assert losses.listed()


def test_a_chain_through_all_of_ends() -> None:
    """A cycle hidden in `allOf` ends in an open object."""
    schema = {
        "type": "object",
        "properties": {"a": ref("A")},
        "$defs": {"DA": {"allOf": [ref("A")], "properties": {"x": {"allOf": [ref("A")]}}}},
    }
    assert cleaned(raw_of(schema), "gemini", Losses())


def ref(name: object) -> dict[str, str]:
    return {"$ref": f"#/$defs/D{name}"}


scalars = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=4))
unions = st.sampled_from(["anyOf", "oneOf", "allOf", "$ref", "not", "$defs", "additionalProperties"])
keywords = unions | st.sampled_from(
    ["type", "properties", "items", "enum", "const", "required", "default", "exclusiveMinimum", "format", "nullable"]
)
words = st.sampled_from(["object", "array", "string", "integer", "null", "#", "#/$defs/A", "#/properties/a", "enum"])
schemas = st.recursive(
    st.one_of(scalars, words),
    lambda below: st.one_of(
        st.dictionaries(keywords, below, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "A"]), below, max_size=2),
        st.lists(below, max_size=3),
    ),
    max_leaves=20,
)


@given(schemas)
def test_any_schema_becomes_an_object_for_gemini(schema: object) -> None:
    """Whatever came, the root is an object and only known keywords are left."""
    sent = cleaned(raw_of(schema), "gemini", Losses())
    if sent is not None:
        value = plain_of(sent)
        assert value["type"] == "object"
        assert set(value) <= KEPT


@given(schemas)
def test_any_schema_becomes_an_object_for_all(schema: object) -> None:
    """Whatever came, the root is an object with properties and without unions."""
    value = plain_of(cleaned(raw_of(schema), "plain", Losses()))
    assert value["type"] == "object"
    assert isinstance(value["properties"], dict)
    assert not {"anyOf", "oneOf", "allOf", "enum", "not", "$ref"} & set(value)


@given(schemas)
def test_strict_is_strict_or_nothing(schema: object) -> None:
    """A strict schema requires every property and is closed."""
    sent = cleaned_strict(raw_of(schema), Losses())
    if sent is not None:
        assert sent["required"] == list(sent["properties"])
        assert sent["additionalProperties"] is False
