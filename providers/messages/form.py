"""Anthropic's form of a reply."""

from __future__ import annotations

from providers.messages.fold import Fold
from providers.messages.writer import Writer


class MessagesForm:
    """A `ClientForm`."""

    def writer(self, model: str, message_id: str, input_estimate: int | None) -> Writer:
        """See `writer.Writer`."""
        return Writer(model, message_id, input_estimate)

    def fold(self, model: str, message_id: str) -> Fold:
        """See `fold.Fold`."""
        return Fold(model, message_id)


MESSAGES_FORM = MessagesForm()
