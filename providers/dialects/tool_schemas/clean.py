"""Tool schemas that the target takes: passed on as the client's bytes where they fit, cleaned where they do not.

| flavour | refuses | what is done |
|---|---|---|
| all | a root that is no object, has no `type`, null `properties`, or a union at the root | filled; a root union is merged |
| `gemini` | everything but its own small subset of JSON Schema (`gemini.py`) | references resolved, rewritten or stripped |
| `strict` | optional properties, open objects and some keywords, for tools marked `strict` (`strict.py`) | rewritten |

The order of keys is kept: it is part of the prompt and of its cache.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from providers.dialects.losses import Losses
from providers.dialects.tool_schemas.gemini import gemini_schema
from providers.dialects.tool_schemas.merge import UNIONS, merged, resolved
from providers.dialects.tool_schemas.strict import strict_schema

Flavour = Literal["plain", "gemini", "strict"]

Schema: TypeAlias = dict[str, Any]

FIELD = "tools.input_schema"


def cleaned(raw: Raw | UnsetType, flavour: Flavour, losses: Losses) -> Raw | Schema | None:
    """The schema to send as `parameters`; None where the tool has none and the flavour wants that said by absence."""
    if flavour != "gemini" and raw is not UNSET and _fits_plain(raw):
        return raw
    schema = filled(_decoded(raw), losses)
    if flavour != "gemini":
        return schema
    if not schema["properties"]:
        return None
    return gemini_schema(schema, losses)


def cleaned_strict(raw: Raw | UnsetType, losses: Losses) -> Schema | None:
    """The schema in OpenAI's strict subset, or None where it cannot be expressed there."""
    return strict_schema(filled(_decoded(raw), losses), losses)


def filled(schema: object, losses: Losses) -> Schema:
    """An object schema with `type` and `properties`, whatever was there; a union or reference at the root is merged in."""
    if not isinstance(schema, dict):
        if schema is not None:
            losses.add(FIELD, "it is no object, so the tool is sent without parameters")
        return {"type": "object", "properties": {}}
    if "$ref" in schema:
        schema = resolved(schema, schema)
    for union in UNIONS:
        if union in schema:
            losses.add(f"{FIELD}.{union}", "a union at the root is not taken, its branches were merged")
            schema = merged(schema, union, schema)
    for keyword in ("enum", "not"):
        if keyword in schema:
            losses.add(f"{FIELD}.{keyword}", "not taken at the root")
            schema = {key: value for key, value in schema.items() if key != keyword}
    if schema.get("type", "object") != "object":
        types = schema["type"]
        if not (isinstance(types, list) and "object" in types):
            losses.add(f"{FIELD}.type", "the root of a schema must be an object")
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    return {"type": "object", **schema, "properties": properties} | {"type": "object"}


class _Root(msgspec.Struct):
    type: Any = None
    properties: Raw | UnsetType = UNSET
    any_of: Raw | UnsetType = msgspec.field(default=UNSET, name="anyOf")
    one_of: Raw | UnsetType = msgspec.field(default=UNSET, name="oneOf")
    all_of: Raw | UnsetType = msgspec.field(default=UNSET, name="allOf")
    enum: Raw | UnsetType = UNSET
    not_: Raw | UnsetType = msgspec.field(default=UNSET, name="not")
    ref: Raw | UnsetType = msgspec.field(default=UNSET, name="$ref")


_ROOT = msgspec.json.Decoder(_Root)
_ANY = msgspec.json.Decoder()


def _fits_plain(raw: Raw) -> bool:
    try:
        root = _ROOT.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    unwanted = (root.any_of, root.one_of, root.all_of, root.enum, root.not_, root.ref)
    return (
        root.type == "object"
        and root.properties is not UNSET
        and bytes(root.properties).startswith(b"{")
        and all(member is UNSET for member in unwanted)
    )


def _decoded(raw: Raw | UnsetType) -> object:
    """The schema as Python values; numbers out of range and bottomless nesting make it unusable, so it counts as none."""
    if raw is UNSET:
        return None
    try:
        return _ANY.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return ()
