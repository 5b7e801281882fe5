"""The one way in for configurations: bytes to `Checked`, in named stages (`test-config`, `start`, `explain`, reload)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from engine.built import Built, Checked

__all__ = ["Built", "Checked", "build"]


def build(
    data: bytes,
    file: str,
    *,
    read_file: Callable[[str], bytes],
    env: Mapping[str, str],
    secrets: Literal["resolve", "keep"],
    allow_missing_env: bool = False,
) -> Checked:
    """The configuration in `data`, checked and, where nothing blocks, built.

    `read_file` reads what `include` and `${file:...}` name (raises OSError where it cannot). `secrets="keep"` leaves
    everything inside `authentication` unresolved (test-config, explain); `"resolve"` is for start and reload.
    """
    raise NotImplementedError
