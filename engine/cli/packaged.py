"""The files that come with the program, read from wherever it is installed. An edge."""

from __future__ import annotations

from pathlib import Path

import engine
from schemas.packaged import packaged


def starter_configuration() -> str:
    """The commented configuration that `ccr init` writes."""
    return packaged("engine", "data/starter.yaml").decode()


def demonstration_path() -> Path:
    """The configuration of `ccr start --demo`: it needs no key and no network."""
    return Path(engine.__file__).with_name("data") / "demo.yaml"
