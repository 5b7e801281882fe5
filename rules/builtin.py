"""The text of the built-in categories, which ships with the package: the one place in `rules/` that reads a file."""

from __future__ import annotations

from pkgutil import get_data

FILE = "rules/categories.yaml"
"""The name under which places in it are shown."""


def categories_text() -> bytes:
    """The bytes of `categories.yaml`, to be read like any configuration."""
    return get_data("rules", "categories.yaml") or b""
