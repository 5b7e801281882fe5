"""The files that come with the program, read from wherever it is installed. An edge."""

from __future__ import annotations

from pathlib import Path
from pkgutil import get_data

import engine


def starter_configuration() -> str:
    """The commented configuration that `ccr init` writes."""
    return (get_data("engine", "data/starter.yaml") or b"").decode()


def demonstration_path() -> Path:
    """The configuration of `ccr start --demo`: it needs no key and no network."""
    return Path(engine.__file__).with_name("data") / "demo.yaml"
