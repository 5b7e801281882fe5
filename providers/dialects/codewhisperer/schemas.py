"""Tool schemas in the form this service takes: an object at the root, no union there, no keyword it refuses.

The service's own text: "input_schema does not support oneOf, allOf, or anyOf at the top level". That `$schema`,
`additionalProperties` and an empty `required` are refused is reported by some clients and denied by others; they are left out.
"""

from __future__ import annotations

from typing import Any

_REFUSED = ("$schema", "additionalProperties")
_UNIONS = ("anyOf", "oneOf", "allOf")
_HOLDS_SCHEMA = frozenset(
    {"items", "additionalItems", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems"}
)
_HOLDS_SCHEMAS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems", "items"})
_NAMES_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DEEPEST = 60
"""Deeper parts are sent as they are; no schema written by people comes near."""


def sendable_schema(schema: object) -> tuple[dict[str, Any], bool]:
    """The schema to send, and whether a union at the top had to be merged, which changes what it admits."""
    cleaned = _cleaned(schema, 0) if isinstance(schema, dict) else {}
    assert isinstance(cleaned, dict)
    cleaned = _at_root(cleaned, cleaned, 0)
    merged = any(keyword in cleaned for keyword in _UNIONS)
    if merged:
        cleaned = _without_union(cleaned)
    return {"type": "object", "properties": {}} | cleaned | {"type": "object"}, merged


def _cleaned(node: object, depth: int) -> object:
    """The schema without the refused keywords; `properties`' own names and values of `enum`, `const`, `default` are not looked at."""
    if not isinstance(node, dict) or depth > _DEEPEST:
        return node
    cleaned: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword in _REFUSED or (keyword in ("required", "properties") and value is None):
            continue
        if keyword == "required" and value == []:
            continue
        if keyword in _NAMES_SCHEMAS and isinstance(value, dict):
            cleaned[keyword] = {name: _cleaned(inner, depth + 1) for name, inner in value.items()}
        elif keyword in _HOLDS_SCHEMAS and isinstance(value, list):
            cleaned[keyword] = [_cleaned(inner, depth + 1) for inner in value]
        elif keyword in _HOLDS_SCHEMA:
            cleaned[keyword] = _cleaned(value, depth + 1)
        else:
            cleaned[keyword] = value
    return cleaned


def _at_root(schema: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, Any]:
    """The schema with a local `$ref` at its top replaced by what it names, and members of the wrong form left out."""
    target = _named(schema.get("$ref"), root)
    if target is not None and depth < _DEEPEST:
        rest = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        schema = _at_root(target, root, depth + 1) | rest
    sound = dict(schema)
    if not isinstance(sound.get("properties", {}), dict):
        del sound["properties"]
    if "required" in sound:
        sound["required"] = [name for name in _list(sound["required"]) if isinstance(name, str)]
        if not sound["required"]:
            del sound["required"]
    return sound


def _named(reference: object, root: dict[str, Any]) -> dict[str, Any] | None:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found: object = root
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _without_union(schema: dict[str, Any]) -> dict[str, Any]:
    """An object with the properties of all branches; required is what every branch (of `allOf`: any) requires.

    Unions within a branch are left out: what they hold is admitted all the same, and following them could take for ever.
    """
    merged = {keyword: value for keyword, value in schema.items() if keyword not in _UNIONS}
    properties: dict[str, Any] = dict(merged.get("properties", {}))
    required: list[Any] = list(merged.get("required", []))
    for union in _UNIONS:
        branches = [_at_root(branch, schema, 0) for branch in _list(schema.get(union)) if isinstance(branch, dict)]
        wanted: list[list[Any]] = []
        for branch in branches:
            wanted.append(branch.get("required", []))
            for name, inner in branch.get("properties", {}).items():
                properties[name] = _either(properties[name], inner) if name in properties else inner
        for name in dict.fromkeys(name for names in wanted for name in names):
            if name not in required and (union == "allOf" or all(name in names for names in wanted)):
                required.append(name)
    merged["properties"] = properties
    merged.pop("required", None)
    return merged | ({"required": required} if required else {})


def _either(first: Any, second: Any) -> Any:
    return first if first == second else {"anyOf": [first, second]}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
