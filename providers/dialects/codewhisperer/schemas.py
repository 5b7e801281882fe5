"""Tool schemas in the form this service takes: an object at the root, no union there, no keyword it refuses.

The service's own text: "input_schema does not support oneOf, allOf, or anyOf at the top level". That `$schema`,
`additionalProperties` and an empty `required` are refused is reported by some clients and denied by others; they are
left out.
"""

from __future__ import annotations

from typing import Any

from providers.dialects.losses import Losses
from providers.dialects.tool_schemas.clean import FIELD, filled

_REFUSED = frozenset({"$schema", "additionalProperties"})
_HOLDS_SCHEMA = frozenset(
    {"items", "additionalItems", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems"}
)
_HOLDS_SCHEMAS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems", "items"})
_NAMES_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DEEPEST = 60
"""Deeper parts are sent as they are; no schema written by people comes near."""


def sendable_schema(schema: object, losses: Losses) -> dict[str, Any]:
    """The schema to send; what is changed about its meaning is listed."""
    cleaned = _cleaned(filled(schema, losses), 0, losses)
    assert isinstance(cleaned, dict)
    required = cleaned.get("required")
    if required is not None and not (isinstance(required, list) and all(isinstance(name, str) for name in required)):
        del cleaned["required"]
    return cleaned


def _cleaned(node: object, depth: int, losses: Losses) -> object:
    """The schema without the refused keywords; names of properties and values of `enum`, `const`, `default` are not looked at."""
    if not isinstance(node, dict) or depth > _DEEPEST:
        return node
    cleaned: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword == "additionalProperties" and value is not True:
            losses.add(f"{FIELD}.{keyword}", "not taken by this upstream")
        if keyword in _REFUSED or (keyword in ("required", "properties") and value is None):
            continue
        if keyword == "required" and value == []:
            continue
        if keyword in _NAMES_SCHEMAS and isinstance(value, dict):
            cleaned[keyword] = {name: _cleaned(inner, depth + 1, losses) for name, inner in value.items()}
        elif keyword in _HOLDS_SCHEMAS and isinstance(value, list):
            cleaned[keyword] = [_cleaned(inner, depth + 1, losses) for inner in value]
        elif keyword in _HOLDS_SCHEMA:
            cleaned[keyword] = _cleaned(value, depth + 1, losses)
        else:
            cleaned[keyword] = value
    return cleaned
