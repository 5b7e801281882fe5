"""The form in which a client reads a reply: what writes it event by event, and what makes it whole.

Two forms: `providers/messages/form.py` (Anthropic) and `providers/chat/form.py` (Chat Completions). Both take the same
parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from providers.errors import ProviderError
from providers.messages.parts import Part, Stop, Usage


class PartWriter(Protocol):
    """Writes one reply as an event stream. It takes any parts in any order; what follows keeps the form's grammar."""

    @property
    def fault(self) -> ProviderError | None:
        """Why the reply broke, if it did: the stream has ended with an error then."""
        ...

    @property
    def usage(self) -> Usage:
        """The counts so far."""
        ...

    @property
    def lost(self) -> list[str]:
        """What the parts held and this form has no place for."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether `Stop` was given."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the last event was written."""
        ...

    def feed(self, parts: Iterable[Part]) -> bytes:
        """The events that `parts` make certain."""
        ...

    def finish(self) -> bytes:
        """The end of the reply after `Stop`, if it still waited for usage; without a `Stop` an error."""
        ...


class PartFold(Protocol):
    """Collects one reply."""

    @property
    def fault(self) -> ProviderError | None:
        """Why there is no reply, if there is none."""
        ...

    @property
    def usage(self) -> Usage:
        """The counts so far."""
        ...

    @property
    def lost(self) -> list[str]:
        """What the parts held and this form has no place for."""
        ...

    @property
    def stop(self) -> Stop | None:
        """The stop, once given."""
        ...

    def feed(self, parts: Iterable[Part]) -> None:
        """Adds `parts`."""
        ...

    def finish(self) -> bytes:
        """The reply as JSON, or b"" with `fault` set."""
        ...


class ClientForm(Protocol):
    """One form. `model` is the name the client asked for, `message_id` this reply's `msg_...`."""

    def writer(self, model: str, message_id: str, input_estimate: int | None) -> PartWriter:
        """For a client that reads while the reply comes; `input_estimate` stands where counts must come before the upstream's."""
        ...

    def fold(self, model: str, message_id: str) -> PartFold:
        """For a client that reads the reply in one piece."""
        ...
