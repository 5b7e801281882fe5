"""The text of the built-in categories, which ships with the package: the one place in `rules/` that reads a file."""

from __future__ import annotations

from schemas.packaged import packaged

FILE = "rules/categories.yaml"
"""The name under which places in it are shown."""


def categories_text() -> bytes:
    """The bytes of `categories.yaml`, to be read like any configuration."""
    return packaged("rules", "categories.yaml")
