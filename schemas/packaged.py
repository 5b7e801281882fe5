"""The configuration's JSON Schema as it ships. An edge: it reads a file of the package."""

from __future__ import annotations

from importlib import resources

SCHEMA_FILE = "ccr.schema.json"


def schema_text() -> str:
    """The schema, for editors and for `schemas/shape.py`."""
    return resources.files("schemas").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
