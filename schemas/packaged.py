"""The configuration's JSON Schema and the description of the HTTP API as they ship. An edge: it reads files of the package."""

from __future__ import annotations

from pkgutil import get_data

SCHEMA_FILE = "ccr.schema.json"
OPENAPI_FILE = "openapi.json"


def schema_text() -> str:
    """The schema, for editors and for `schemas/shape.py`."""
    return packaged("schemas", SCHEMA_FILE).decode()


def openapi_text() -> str:
    """What a running router answers, as an OpenAPI 3.1 description."""
    return packaged("schemas", OPENAPI_FILE).decode()


def packaged(package: str, name: str) -> bytes:
    """A file that lies in a package's folder. Raises OSError where there is none."""
    # `importlib.resources` does the same, and brings temporary folders and archives along
    data = get_data(package, name)
    if data is None:
        raise FileNotFoundError(f"the package `{package}` was installed in a form that has no files")
    return data
