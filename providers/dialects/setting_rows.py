"""A dialect's settings as rows of a table: what a key may hold, and the values of one provider."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from providers.spec import ProviderSpec
from schemas.document import JSONValue


class Setting(Struct, frozen=True):
    """A row: the key as written, its kind, its values and default.

    Kinds: `enum`, `bool`, `int`, `texts` (a list; of `values` where there are any), `counts` (name -> number, names of
    `values` where there are any), `mapping`, `headers` (name -> text), `text`.
    """

    key: str
    kind: str
    default: JSONValue
    values: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """The key as a Python name."""
        return "".join(f"_{char.lower()}" if char.isupper() else char for char in self.key)

    def fits(self, value: JSONValue) -> bool:
        """Whether the value is of the row's form."""
        match self.kind:
            case "enum":
                return value in self.values
            case "bool":
                return isinstance(value, bool)
            case "int":
                return isinstance(value, int) and not isinstance(value, bool) and value >= 0
            case "text":
                return isinstance(value, str)
            case "texts":
                return isinstance(value, list) and all(self._is_named(item) for item in value)
            case "counts":
                return isinstance(value, dict) and all(
                    self._is_named(key) and isinstance(item, int) for key, item in value.items()
                )
            case "headers":
                return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
            case _:
                return isinstance(value, dict)

    def _is_named(self, value: JSONValue) -> bool:
        return isinstance(value, str) and (not self.values or value in self.values)


Hosts = Sequence[tuple[str, Mapping[str, JSONValue]]]
"""Host, or the end of one, -> the defaults that differ there."""


def values_of(
    provider: ProviderSpec, rows: Sequence[Setting], hosts: Hosts = ()
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The value of every row by its Python name: as written, else as the first endpoint's host has it, else the default.

    Of a mapping the host's members count too, unless written otherwise. Also sentences on what came from the host. A
    value of the wrong form (the schema has refused it before) counts as not written.
    """
    host = host_of(provider)
    there = next((defaults for end, defaults in hosts if host == end or host.endswith("." + end)), {})
    notes: list[str] = []
    values: dict[str, object] = {}
    for row in rows:
        written = provider.settings.get(row.key)
        value: JSONValue
        if written is not None and row.fits(written):
            theirs = there.get(row.key)
            value = {**theirs, **written} if isinstance(theirs, dict) and isinstance(written, dict) else written
        elif row.key in there:
            value = there[row.key]
            notes.append(f"`{row.key}` is `{_shown(value)}` because the endpoint is `{host}`")
        else:
            value = row.default
        values[row.field] = tuple(value) if isinstance(value, list) else value
    return values, tuple(notes)


def host_of(provider: ProviderSpec) -> str:
    """The host of the provider's first endpoint, without its port; empty where there is none."""
    try:
        return (urlsplit(provider.instances[0].endpoint).hostname or "") if provider.instances else ""
    except ValueError:
        return ""


def _shown(value: JSONValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
