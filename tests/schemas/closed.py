"""A schema that allows nothing which it does not describe, for tests of what we print ourselves."""

from __future__ import annotations

from typing import Any


def closed(schema: Any) -> Any:
    """The schema, its objects without further properties than those it lists."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    within = {key: value if key in ("enum", "const", "required") else closed(value) for key, value in schema.items()}
    return {"additionalProperties": False} | within if "properties" in schema else within
