"""References resolved and unions merged: what the schema flavours share."""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

UNIONS = ("allOf", "anyOf", "oneOf")

_MAX_HOPS = 32


def lookup(root: Schema, reference: object) -> object:
    """What a local reference (`#/...`, JSON Pointer) names in `root`; None for any other and for a broken one."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    node: object = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            return None
    return node


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema with the reference at its own root replaced by what it names; keywords beside `$ref` win.

    A broken or endless reference is simply left out.
    """
    for _ in range(_MAX_HOPS):
        if "$ref" not in schema:
            return schema
        target = lookup(root, schema["$ref"])
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**target, **beside} if isinstance(target, dict) and target is not schema else beside
    return {key: value for key, value in schema.items() if key != "$ref"}


def merged(schema: Schema, union: str, root: Schema) -> Schema:
    """The schema with the branches of its `union` (of `UNIONS`) laid together.

    Properties of all branches are kept, the first of a name wins. Required is what every branch of a choice requires,
    and what any part of an `allOf` does. Other keywords of the branches come along where the schema has none of its
    own. A branch that is a union itself is merged before.
    """
    return _merged(schema, union, root, set())


def _merged(schema: Schema, union: str, root: Schema, seen: set[str]) -> Schema:
    parts = schema[union]
    branches = (
        [_branch(part, root, seen) for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    )
    rest = {key: value for key, value in schema.items() if key != union}
    properties = dict(_mapping(rest.get("properties")))
    for branch in branches:
        for name, value in _mapping(branch.get("properties")).items():
            properties.setdefault(name, value)
        for key, value in branch.items():
            if key not in ("properties", "required", *UNIONS):
                rest.setdefault(key, value)
    required = _merged_required(rest.get("required"), [branch.get("required") for branch in branches], union)
    if properties:
        rest["properties"] = properties
    if required:
        rest["required"] = required
    return rest


def _branch(part: Schema, root: Schema, seen: set[str]) -> Schema:
    """A branch without references and unions. INVARIANT: each reference is followed into unions once, so that this ends."""
    reference = part.get("$ref")
    if isinstance(reference, str):
        if reference in seen:
            return resolved(part, root)
        seen.add(reference)
    branch = resolved(part, root)
    for union in UNIONS:
        if union in branch:
            branch = _merged(branch, union, root, seen)
    return branch


def _merged_required(own: object, branches: list[object], union: str) -> list[str]:
    lists = [_names(branch) for branch in branches]
    names = list(_names(own))
    for name in (name for branch in lists for name in branch):
        if name not in names and (union == "allOf" or all(name in branch for branch in lists)):
            names.append(name)
    return names


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
