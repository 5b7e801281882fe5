"""Why a reply that came with a 2xx cannot be used, in the same words for each dialect that answers in JSON."""

from __future__ import annotations

from msgspec import Struct

from providers.dialects.refusal_text import redacted, said_in
from providers.dialects.seams import Ask, Head
from providers.errors import KINDS, ProviderError

_SAID_BYTES = 8_000
"""How much of a body is searched for words that explain it."""


class Unusable(Struct, frozen=True):
    """Makes the errors of one reply: the answer to `ask`, which began with `head`."""

    ask: Ask
    head: Head

    def error(self, kind: str, what: str) -> ProviderError:
        """The error of that kind; `what` ends the sentence "it answered with"."""
        return ProviderError(KINDS[kind], f"`{self.ask.provider.name}` answered with {what}", status=self.head.status)

    def cut(self, *, said: bool) -> ProviderError:
        """The body ended before the reply did; `said`: some of its content had come."""
        if said:
            return self.error("cut", "a reply that ended before it was complete")
        return self.error("empty", "a reply without any content")

    def no_reply(self, data: bytes) -> ProviderError:
        """The body is something else, such as the page of a proxy, whose words are told."""
        said = redacted(said_in(data[:_SAID_BYTES]).message, self.ask)
        return self.error("garbage", f"something that is no reply: {said}" if said else "something that is no reply")
