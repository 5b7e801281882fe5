"""The Chat Completions form of a reply."""

from __future__ import annotations

from msgspec import Struct

from providers.chat.fold import ChatFold
from providers.chat.writer import ChatWriter


class ChatForm(Struct, frozen=True):
    """A `ClientForm`, as one request asked for it. `created` is seconds since the epoch.

    `include_usage` adds the chunk with the counts to a stream; `as_functions`: asked with `functions` instead of `tools`.
    """

    created: int
    include_usage: bool = False
    as_functions: bool = False

    def writer(self, model: str, message_id: str, input_estimate: int | None) -> ChatWriter:  # noqa: ARG002 - no use here
        """See `writer.ChatWriter`."""
        return ChatWriter(
            model, message_id, self.created, include_usage=self.include_usage, as_functions=self.as_functions
        )

    def fold(self, model: str, message_id: str) -> ChatFold:
        """See `fold.ChatFold`."""
        return ChatFold(model, message_id, self.created, as_functions=self.as_functions)
