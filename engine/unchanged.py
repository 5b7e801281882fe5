"""Whether two configurations decide the same for every request."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from engine.built import Built
from schemas.diagnostics import Span


def unchanged(before: Built, after: Built) -> bool:
    """Whether rules, categories and providers are the same but for their places in the file."""
    return bool(_bare(before.rules) == _bare(after.rules) and _bare(before.providers) == _bare(after.providers))


def _bare(value: Any) -> Any:
    """The value with its places taken out."""
    if isinstance(value, Span):
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), [_bare(getattr(value, field.name)) for field in dataclasses.fields(value) if field.compare]
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_bare(item) for item in value]
    return value
