"""A configuration in the making: what was read from another router's file, and what of it has no equivalent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from schemas.wording import without_credentials


class Note(Struct, frozen=True):
    """Something of the imported file that the draft does not say by itself. Never holds a value that may be a secret."""

    place: str
    text: str


class ProviderDraft(Struct):
    """A provider. `keys` are references such as `${NAME}`, several of them for several instances; `remarks` become comments.

    `most_output` is the limit of output that its models have, also those that only a route names.
    """

    type: str
    endpoint: str | None = None
    auth_type: str = "bearer"
    keys: list[str] = field(default_factory=list)
    token_path: str | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    timeouts: dict[str, Any] = field(default_factory=dict)
    strategy: str | None = None
    health_check: Any = None
    instances: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    most_output: int | None = None


class TargetDraft(Struct, frozen=True):
    """Where a category goes: a provider and perhaps a model, then others in order."""

    provider: str
    model: str | None = None
    fallbacks: tuple[TargetDraft, ...] = ()


class Draft(Struct):
    """All of it. `format` names what was read; `variables` are those that must be set because a key was written out.

    `taken` are the variables that the imported file refers to itself: none of them may get another meaning.
    """

    format: str
    taken: frozenset[str] = frozenset()
    providers: dict[str, ProviderDraft] = field(default_factory=dict)
    rules: dict[str, TargetDraft] = field(default_factory=dict)
    custom_rules: list[dict[str, Any]] = field(default_factory=list)
    default_provider: str | None = None
    long_context_threshold: int | None = None
    server: dict[str, Any] = field(default_factory=dict)
    debug: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)

    def note(self, place: str, text: str) -> None:
        """Something has no equivalent, or is to be done by hand. A name that looks like a credential is not repeated."""
        self.notes.append(Note(without_credentials(place), without_credentials(text)))

    def route_others(self) -> None:
        """Sends every category without a route of its own where `default` goes, as those routers do."""
        if (default := self.rules.get("default")) is not None:
            for category in CATEGORIES:
                self.rules.setdefault(category, default)

    def note_all(self, value: Mapping[str, Any], place: str, reasons: Mapping[str, str], read: frozenset[str]) -> None:
        """Notes every member of `value` that is not in `read`: with its reason, or as unknown."""
        for key in value:
            if key not in read:
                self.note(f"{place}.{key}" if place else key, reasons.get(key, "not known to this import"))


OPEN_HOST = "no key protects the router, so it listens on this machine only: `ccr keys add NAME` makes one, then set `server.host`"
"""Why an address that others reach is not imported."""

CATEGORIES = ("default", "background", "thinking", "longcontext", "search")
"""The categories of a draft's rules, in the order in which they are written."""
