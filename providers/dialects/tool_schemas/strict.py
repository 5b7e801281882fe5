"""JSON Schema to the subset of OpenAI's strict mode, in which every property is required and every object closed.

Source: the Structured Outputs guide of the OpenAI API.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from providers.dialects.losses import Losses

Schema: TypeAlias = dict[str, Any]

STRIPPED = frozenset(
    (
        "$schema",
        "$id",
        "$comment",
        "default",
        "patternProperties",
        "unevaluatedProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "unevaluatedItems",
        "contains",
        "minContains",
        "maxContains",
        "uniqueItems",
        "not",
        "dependentRequired",
        "dependentSchemas",
        "if",
        "then",
        "else",
        "examples",
        "readOnly",
        "writeOnly",
    )
)
"""Keywords that strict mode refuses and that can be left out."""

_SILENT = frozenset(("$schema", "$id", "$comment"))


def strict_schema(schema: Schema, losses: Losses) -> Schema | None:
    """The schema as strict mode takes it: an optional property becomes a required one that may be null.

    None where it has open objects (`additionalProperties` true or a schema) or `allOf`: nothing strict says the same.
    """
    found = Losses()
    try:
        out = _node(schema, found)
    except _Impossible:
        return None
    for lost in found.listed():
        losses.add(lost.field, lost.why, lost.count)
    return out


def is_strict(schema: object) -> bool:
    """Whether strict mode takes the schema as it is."""
    return isinstance(schema, dict) and strict_schema(schema, Losses()) == schema


class _Impossible(Exception):  # noqa: N818 - never leaves this file
    pass


def _node(schema: object, losses: Losses) -> Schema:
    if not isinstance(schema, dict) or "allOf" in schema or schema.get("additionalProperties", False) is not False:
        raise _Impossible
    out: Schema = {}
    for key, value in schema.items():
        if key in STRIPPED:
            if key not in _SILENT:
                losses.add(f"tools.input_schema.{key}", "not taken in strict mode")
        elif key in ("anyOf", "oneOf") and isinstance(value, list):
            out["anyOf"] = [_node(branch, losses) for branch in value]
        elif key in ("$defs", "definitions") and isinstance(value, dict):
            out[key] = {name: _node(one, losses) for name, one in value.items()}
        elif key == "items":
            out[key] = _node(value, losses)
        elif key != "properties":
            out[key] = value
    if schema.get("type") == "object" or "properties" in schema:
        _close(schema, out, losses)
    return out


def _close(schema: Schema, out: Schema, losses: Losses) -> None:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    required = required if isinstance(required, list) else []
    closed: Schema = {}
    for name, value in properties.items():
        one = _node(value, losses)
        if name not in required:
            losses.add(
                "tools.input_schema.required", "strict mode has no optional properties; they may be null instead"
            )
            one = _nullable(one)
        closed[name] = one
    out["properties"] = closed
    out["required"] = list(closed)
    out["additionalProperties"] = False


def _nullable(schema: Schema) -> Schema:
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema and "const" not in schema:
        return {**schema, "type": [kind, "null"]} if kind != "null" else schema
    if isinstance(kind, list) and "enum" not in schema:
        return schema if "null" in kind else {**schema, "type": [*kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
