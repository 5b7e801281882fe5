"""Why a reply ended, by a dialect's table; a word that no table has is kept, so that the log can name it."""

from __future__ import annotations

from collections.abc import Mapping

from providers.messages.parts import Stop

_MOST_CHARS = 80


def stop_from(word: str, table: Mapping[str, str], otherwise: str = "end_turn") -> Stop:
    """The stop that `word` means; of one that `table` does not have, `otherwise`."""
    reason = table.get(word)
    return Stop(otherwise, unknown=word[:_MOST_CHARS]) if reason is None else Stop(reason)
