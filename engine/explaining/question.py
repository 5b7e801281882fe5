"""What is to be explained: a request behind the filters, under a configuration."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from engine.access.keys import RouterKey
from engine.built import Built
from engine.explaining.surroundings import Surroundings
from engine.read_envelope import Asked
from providers.dialects.seams import Lost
from rules.filters import filtered
from rules.nodes import Filter, Found, RuleSet
from schemas.request import Envelope
from schemas.wording import quoted


class Question(Struct, frozen=True):
    """What to explain: a request under a configuration. `full` shows texts uncut.

    `sent` is the request as it came, `envelope` what is left of it behind the filters. `lost_before` is what reading the
    request left out already, `notes` what is to be said of it; `keys` are the router keys by name.
    """

    rules: RuleSet
    revision: str
    sent: Envelope
    envelope: Envelope
    surroundings: Surroundings
    full: bool = False
    api: str = "messages"
    lost_before: tuple[Lost, ...] = ()
    notes: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()
    blocked: Filter | None = None
    keys: Mapping[str, RouterKey] = field(default_factory=dict)

    @property
    def key(self) -> RouterKey | None:
        """The router key that it comes with, where the configuration has one of that name."""
        return self.keys.get(self.envelope.client_key or "")


def question_of(built: Built, asked: Asked, surroundings: Surroundings, full: bool = False) -> Question:
    """The question about a request as it was read."""
    envelope = asked.envelope
    notes = ["the body is one of Chat Completions"] if asked.api == "chat/completions" else []
    strangers = sorted((envelope.provider_state or {}).keys() - built.providers.keys())
    notes += [f"`state` speaks of {quoted(name)}, and there is no such provider" for name in strangers]
    keys = {key.name: key for key in built.settings.server.access.keys or ()}
    name = envelope.client_key
    if name is not None and built.settings.server.access.keys is not None and name not in keys:
        notes.append(f"no router key {quoted(name)} could be read, so what it may use is not known")
    behind = filtered(built.rules.filters, envelope)
    return Question(
        built.rules,
        built.revision,
        envelope,
        behind.envelope,
        surroundings,
        full,
        asked.api,
        asked.lost,
        tuple(notes),
        behind.found,
        behind.blocked,
        keys,
    )
