"""The configuration's JSON Schema and the description of the HTTP API as they ship. An edge: it reads files of the package."""

from __future__ import annotations

from pkgutil import get_data

SCHEMA_FILE = "ccr.schema.json"
OPENAPI_FILE = "openapi.json"


def schema_text() -> str:
    """The schema, for editors and for `schemas/shape.py`."""
    return _text(SCHEMA_FILE)


def openapi_text() -> str:
    """What a running router answers, as an OpenAPI 3.1 description."""
    return _text(OPENAPI_FILE)


def _text(name: str) -> str:
    # `importlib.resources` does the same, and brings temporary folders and archives along
    return (get_data("schemas", name) or b"").decode()
