"""What the exchange drives: upstream bytes in, bytes for the client out, and what became of it.

Two implementations: `providers/translate.py` (decoder, repair, writer or fold) and the pass-through of the Anthropic
dialect.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from providers.errors import ProviderError
from providers.messages.parts import Usage


class Summary(msgspec.Struct, frozen=True):
    """What a finished (or broken) reply was: for the log line, the counters and the page.

    `fixes` are the names of the repairs applied, in order; `lost` what the reply held and the client could not be given.
    """

    usage: Usage
    stop_reason: str | None
    tool_calls: tuple[str, ...]
    fixes: tuple[str, ...]
    lost: tuple[str, ...] = ()


class Reply(Protocol):
    """One upstream reply on its way to the client; its state belongs to it alone.

    A streamed reply returns Anthropic SSE bytes as they become certain; a whole one returns nothing from `feed` and the
    JSON message from `finish`. Never raises on any upstream bytes: a broken reply has a `fault`. After a fault on a
    started stream, `feed` or `finish` has already returned the closing `event: error`.
    """

    content_type: str

    @property
    def started(self) -> bool:
        """Whether the first part was decoded: from here on a stream is committed and there is no failover."""
        ...

    @property
    def fault(self) -> ProviderError | None:
        """Why the reply broke, if it did."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether the reply is complete or broke: what still comes from the upstream need not be waited for."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Bytes for the client that `data` made certain, possibly none. Before `started` there are none."""
        ...

    def finish(self) -> bytes:
        """The rest, at the end of the upstream body."""
        ...

    def fail(self, error: ProviderError) -> bytes:
        """The upstream broke off (a cut, a time-out) or we must stop: `error` becomes the `fault`.

        Returns the closing `event: error` of a started stream, else nothing. After a fault or a stop it does nothing.
        """
        ...

    def summary(self) -> Summary:
        """What came, so far."""
        ...
