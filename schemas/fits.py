"""Whether a value certainly fits a schema: a quick yes for configurations without a fault in their shape.

Knows the keywords that our schema uses. "No" means only that the validator is to be asked, which finds every fault and says
where. INVARIANT: what fits here has no fault for the validator (a property test compares them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]


def fits(value: Any, schema: Schema | bool, root: Schema) -> bool:
    """Whether the value, JSON as Python has it, certainly fits; `root` is where `$ref` begins."""
    if isinstance(schema, bool):
        return schema
    reference = schema.get("$ref")
    if reference is not None:
        return fits(value, _target(reference, root), root)  # draft-07: what stands beside it is not asked
    for keyword, wanted in schema.items():
        if keyword in _SILENT:
            continue
        holds = _KEYWORDS.get(keyword)
        if holds is None or not holds(value, wanted, schema, root):
            return False
    return True


def _target(reference: str, root: Schema) -> Any:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}


def _type(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:  # noqa: ARG001 - one signature for all
    return any(_TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _properties(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:  # noqa: ARG001
    if not isinstance(value, dict):
        return True
    return all(fits(item, wanted[key], root) for key, item in value.items() if key in wanted)


def _additional(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:
    if not isinstance(value, dict) or wanted is True:
        return True
    known = schema.get("properties", {})
    return all(fits(item, wanted, root) for key, item in value.items() if key not in known)


def _names(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:  # noqa: ARG001
    return not isinstance(value, dict) or all(fits(key, wanted, root) for key in value)


def _items(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:  # noqa: ARG001
    return not isinstance(value, list) or all(fits(item, wanted, root) for item in value)


def _if(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:
    """Where the condition is not certain, both branches must fit."""
    if fits(value, wanted, root):
        return fits(value, schema.get("then", True), root) and (
            _is_exact(wanted) or fits(value, schema.get("else", True), root)
        )
    return fits(value, schema.get("else", True), root) and (
        _is_exact(wanted) or fits(value, schema.get("then", True), root)
    )


def _not(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:  # noqa: ARG001
    return _is_exact(wanted) and not fits(value, wanted, root)


def _is_exact(schema: Any) -> bool:
    """Whether `fits` says no to this schema only where it does not hold: no keyword in it is asked cautiously."""
    return isinstance(schema, bool) or all(_is_exact_keyword(keyword, wanted) for keyword, wanted in schema.items())


def _is_exact_keyword(keyword: str, wanted: Any) -> bool:
    match keyword:
        case "description" | "required" | "title":
            return True
        case "const":
            return isinstance(wanted, str)
        case "enum":
            return all(isinstance(one, str) for one in wanted)
        case "type":
            return isinstance(wanted, str) and wanted != "integer"
        case "properties":
            return all(map(_is_exact, wanted.values()))
        case "allOf" | "anyOf":
            return all(map(_is_exact, wanted))
        case "not":
            return _is_exact(wanted)
        case _:
            return False


def _equal(value: Any, wanted: Any) -> bool:
    """Whether two texts are the same; of numbers and booleans the validator has its own notion."""
    return isinstance(value, str) and isinstance(wanted, str) and value == wanted


_SILENT = frozenset(("description", "default", "title", "$schema", "$defs", "then", "else"))
_Holds = Callable[[Any, Any, Schema, Schema], bool]
_KEYWORDS: Mapping[str, _Holds] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "items": _items,
    "required": lambda value, wanted, _s, _r: not isinstance(value, dict) or all(key in value for key in wanted),
    "enum": lambda value, wanted, _s, _r: any(_equal(value, one) for one in wanted),
    "const": lambda value, wanted, _s, _r: _equal(value, wanted),
    "pattern": lambda value, wanted, _s, _r: not isinstance(value, str) or re.search(wanted, value) is not None,
    "minimum": lambda value, wanted, _s, _r: not _TYPES["number"](value) or value >= wanted,
    "maximum": lambda value, wanted, _s, _r: not _TYPES["number"](value) or value <= wanted,
    "minLength": lambda value, wanted, _s, _r: not isinstance(value, str) or len(value) >= wanted,
    "minItems": lambda value, wanted, _s, _r: not isinstance(value, list) or len(value) >= wanted,
    "minProperties": lambda value, wanted, _s, _r: not isinstance(value, dict) or len(value) >= wanted,
    "maxProperties": lambda value, wanted, _s, _r: not isinstance(value, dict) or len(value) <= wanted,
    "uniqueItems": lambda value, _w, _s, _r: (
        not isinstance(value, list) or (all(isinstance(one, str) for one in value) and len(set(value)) == len(value))
    ),
    "allOf": lambda value, wanted, _s, root: all(fits(value, one, root) for one in wanted),
    "anyOf": lambda value, wanted, _s, root: any(fits(value, one, root) for one in wanted),
    "if": _if,
    "not": _not,
}
