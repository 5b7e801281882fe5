"""JSON Schema to the subset of Gemini's function declarations, which its OpenAI-compatible endpoint demands too.

Source: the `Schema` message of the Gemini API (an OpenAPI 3.0 subset) and the refusals users met.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from providers.dialects.losses import Losses
from providers.dialects.tool_schemas.merge import UNIONS, lookup, merged

Schema: TypeAlias = dict[str, Any]

KEPT = frozenset(
    (
        "type",
        "description",
        "nullable",
        "enum",
        "format",
        "properties",
        "required",
        "items",
        "anyOf",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
    )
)
"""Keywords that the target knows; every other is rewritten by a rule below or stripped."""

STRING_FORMATS = frozenset(("enum", "date-time"))
NUMBER_FORMATS = frozenset(("float", "double", "int32", "int64"))

_SILENT = frozenset(
    (
        "$schema",
        "$id",
        "$comment",
        "$defs",
        "definitions",
        "const",
        "oneOf",
        "exclusiveMinimum",
        "exclusiveMaximum",
    )
)
"""Keywords whose absence loses nothing by itself: annotations, and what a rule below rewrites."""

_MAX_NODES = 5_000
_MAX_DEPTH = 60


def gemini_schema(schema: Schema, losses: Losses) -> Schema:
    """The schema in Gemini's subset. References are resolved; a recursive one ends in an open object."""
    return _Walk(schema, losses).node(schema, ())


class _Walk(Struct):
    root: Schema
    losses: Losses
    nodes: int = 0
    depth: int = 0

    def node(self, schema: object, references: tuple[str, ...], in_items: bool = False) -> Schema:
        """One schema; `references` are those being resolved around it (a cycle ends there)."""
        self.nodes += 1
        self.depth += 1
        try:
            return self._node(schema, references, in_items)
        finally:
            self.depth -= 1

    def _node(self, schema: object, references: tuple[str, ...], in_items: bool) -> Schema:
        if not isinstance(schema, dict):
            self._lost("", "a schema that allows anything became a string")
            return {"type": "string"}
        if self.nodes > _MAX_NODES or self.depth > _MAX_DEPTH:
            self._lost("", "too big or too deep once its references are resolved")
            return {"type": "object"}
        nullable = False
        while "$ref" in schema or any(union in schema for union in UNIONS):
            if "$ref" in schema:
                reference = str(schema["$ref"])
                target = lookup(self.root, reference)
                if reference in references or not isinstance(target, dict):
                    self._lost(".$ref", "recursive or broken reference, an open object in its place")
                    return {"type": "object", **_described(schema)} | ({"nullable": True} if nullable else {})
                references = (*references, reference)
                schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
            if "allOf" in schema:
                schema = self._whole(schema)
            schema, may_be_null = self._without_choice(schema, in_items)
            nullable = nullable or may_be_null
            if "anyOf" in schema:
                break
        nullable = nullable or schema.get("nullable") is True
        out = {key: value for key, value in schema.items() if key in KEPT}
        for keyword in schema:
            if keyword not in KEPT and keyword not in _SILENT:
                self._lost(f".{keyword}", "not taken by this upstream")
        self._bounds(schema, out)
        self._type(schema, out, nullable)
        self._values(schema, out)
        self._below(out, references)
        return out

    def _whole(self, schema: Schema) -> Schema:
        """The parts of `allOf` as one; a single one as it is, whatever it consists of."""
        parts = schema["allOf"]
        single = isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], dict)
        if not single or "properties" in schema or "required" in schema:
            return merged(schema, "allOf", self.root)
        return {**parts[0], **{key: value for key, value in schema.items() if key != "allOf"}}

    def _without_choice(self, schema: Schema, in_items: bool) -> tuple[Schema, bool]:
        """`oneOf` as `anyOf`, null branches as `nullable`, a single branch merged in; within `items` only one is kept."""
        nullable = schema.get("nullable") is True
        key = "anyOf" if "anyOf" in schema else "oneOf"
        if "oneOf" in schema and key != "oneOf":
            self._lost(".oneOf", "a second choice beside `anyOf` is not taken")
        branches = schema.get(key)
        if not isinstance(branches, list):
            return {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}, nullable
        rest = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}
        some = [branch for branch in branches if not (isinstance(branch, dict) and branch.get("type") == "null")]
        nullable = nullable or len(some) < len(branches)
        if in_items and len(some) > 1:
            self._lost(".items.anyOf", "a choice within `items` is not taken, its first branch was kept")
            some = some[:1]
        if len(some) > 1:
            return {**rest, "anyOf": some}, nullable
        if len(some) == 1 and isinstance(some[0], dict):
            only, inner = self._without_choice({**some[0], **rest}, in_items)
            return only, nullable or inner
        return rest, nullable

    def _type(self, schema: Schema, out: Schema, nullable: bool) -> None:
        kind = schema.get("type")
        if isinstance(kind, list):
            some = [name for name in kind if name != "null"]
            nullable = nullable or len(some) < len(kind)
            kind = some[0] if some else "string"
            if len(some) > 1:
                self._lost(".type", "several types are not taken, the first was kept")
        if not isinstance(kind, str):
            kind = _implied_type(out, schema) or self._any(out)
        if kind == "null":
            kind, nullable = "string", True
        if kind is None:
            out.pop("type", None)
        else:
            out["type"] = kind
        if nullable:
            out["nullable"] = True
        else:
            out.pop("nullable", None)

    def _any(self, out: Schema) -> str | None:
        if "anyOf" in out:
            return None
        self._lost("", "a schema that allows anything became a string")
        return "string"

    def _values(self, schema: Schema, out: Schema) -> None:
        """`const` as a one-value `enum`; an `enum` holds strings only; a `format` only where it is known."""
        if "const" in schema and "enum" not in out:
            out["enum"] = [schema["const"]]
        values = out.get("enum")
        if isinstance(values, list):
            strings = [value for value in values if isinstance(value, str)]
            if strings and out.get("type") in ("string", None):
                others = sum(not isinstance(value, str | None) for value in values)
                self.losses.add("tools.input_schema.enum", "only strings can be enumerated here", others)
                out["enum"] = strings
                out["type"] = "string"
                if None in values:
                    out["nullable"] = True
            else:
                del out["enum"]
                self._lost(".enum", "only strings can be enumerated here")
        known = STRING_FORMATS if out.get("type") == "string" else NUMBER_FORMATS
        if "format" in out and not (isinstance(out["format"], str) and out["format"] in known):
            del out["format"]
            self._lost(".format", "not taken by this upstream")

    def _bounds(self, schema: Schema, out: Schema) -> None:
        for keyword, inclusive, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            bound = schema.get(keyword)
            if keyword not in schema:
                continue
            if isinstance(bound, bool) or not isinstance(bound, int | float) or inclusive in out:
                self._lost(f".{keyword}", "not taken by this upstream")
                continue
            whole = schema.get("type") == "integer" and isinstance(bound, int)
            out[inclusive] = bound + step if whole else bound
            if not whole:
                self._lost(f".{keyword}", f"sent as `{inclusive}`")

    def _below(self, out: Schema, references: tuple[str, ...]) -> None:
        if out.get("type") == "array":
            if not isinstance(out.get("items"), dict):
                self._lost(".items", "an array must say what it holds; strings were assumed")
            out["items"] = self.node(out.get("items") or {"type": "string"}, references, in_items=True)
        else:
            out.pop("items", None)
        properties = out.pop("properties", None)
        if isinstance(properties, dict) and properties:
            out["properties"] = {name: self.node(value, references) for name, value in properties.items()}
        required = out.pop("required", None)
        if isinstance(required, list):
            known = out.get("properties", {})
            out["required"] = [name for name in required if isinstance(name, str) and name in known]
            if len(out["required"]) < len(required):
                self._lost(".required", "only properties that are named can be required here")
            if not out["required"]:
                del out["required"]
        if "anyOf" in out:
            out["anyOf"] = [self.node(branch, references) for branch in out["anyOf"]]

    def _lost(self, keyword: str, why: str) -> None:
        self.losses.add(f"tools.input_schema{keyword}", why)


def _described(schema: Schema) -> Schema:
    return {"description": schema["description"]} if isinstance(schema.get("description"), str) else {}


def _implied_type(out: Schema, schema: Schema) -> str | None:
    if "anyOf" in out:
        return None
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list) and values:
        return {bool: "boolean", int: "integer", float: "number"}.get(type(values[0]), "string")
    return None
