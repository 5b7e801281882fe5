"""Whether two configurations decide the same for every request."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from engine.analysis.stage import offered
from engine.built import Routing
from rules.analysis.diff import difference
from schemas.diagnostics import Span


def unchanged(before: Routing, after: Routing) -> bool:
    """Whether providers are the same, and rules the same or proved to send every request where it went before."""
    if _bare(before.providers) != _bare(after.providers):
        return False
    if _bare(before.rules) == _bare(after.rules):
        return True
    one = (before.rules, offered(before.providers))
    return difference(one, (after.rules, offered(after.providers)), most=1).is_nothing


def _bare(value: Any) -> Any:
    """The value with its places in the file taken out."""
    if isinstance(value, Span):
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), [_bare(getattr(value, field.name)) for field in dataclasses.fields(value) if field.compare]
    if isinstance(value, Struct):
        return type(value), [_bare(getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_bare(item) for item in value]
    return value
