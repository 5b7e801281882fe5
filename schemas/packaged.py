"""The configuration's JSON Schema and the description of the HTTP API as they ship. An edge: it reads files of the package."""

from __future__ import annotations

from importlib import resources

SCHEMA_FILE = "ccr.schema.json"
OPENAPI_FILE = "openapi.json"


def schema_text() -> str:
    """The schema, for editors and for `schemas/shape.py`."""
    return resources.files("schemas").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")


def openapi_text() -> str:
    """What a running router answers, as an OpenAPI 3.1 description."""
    return resources.files("schemas").joinpath(OPENAPI_FILE).read_text(encoding="utf-8")
