"""The files that come with the program, read from wherever it is installed. An edge."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def starter_configuration() -> str:
    """The commented configuration that `ccr init` writes."""
    return (files("engine") / "data" / "starter.yaml").read_text(encoding="utf-8")


def demonstration_path() -> Path:
    """The configuration of `ccr start --demo`: it needs no key and no network."""
    return Path(str(files("engine") / "data" / "demo.yaml"))
