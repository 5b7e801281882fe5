"""Configurations for the tests of this folder: what reads no other file."""

from __future__ import annotations


def nothing_else(name: str) -> bytes:
    """The reader of a configuration that stands alone."""
    raise FileNotFoundError(2, "No such file or directory", name)
