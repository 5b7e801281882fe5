"""Tool names and call ids in the form this service takes, one for one with the client's within a request.

Names: a letter, then up to 63 letters, digits, `_` or `-`, and two names may not differ in case alone. Ids: up to 64 of
these characters, each used once in a conversation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_BAD_CHAR = re.compile(r"[^a-zA-Z0-9_-]")
_STEM_CHARS = 54
_HASH_CHARS = 8


def sent_names(names: Iterable[str]) -> Mapping[str, str]:
    """Client's name -> name to send, for every name of the request. A name that fits is sent as it is.

    Another has its bad characters replaced and, where it is too long or taken, ends in eight hex digits of its SHA-256:
    the same tool has the same name in every turn.
    """
    # INVARIANT: one to one, also when case is ignored.
    wanted = tuple(dict.fromkeys(names))
    sent: dict[str, str] = {}
    taken: set[str] = set()
    for name in wanted:
        if _NAME.fullmatch(name) and name.lower() not in taken:
            sent[name] = name
            taken.add(name.lower())
    for name in wanted:
        if name not in sent:
            plain = _BAD_CHAR.sub("_", name)
            plain = plain if _NAME.match(plain) else f"t_{plain}"
            sent[name] = _free(name, plain, _NAME, lambda candidate: candidate.lower() in taken)
            taken.add(sent[name].lower())
    return sent


class Ids:
    """Gives every call of a conversation an id of its own; the same conversation gets the same ids again."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def sent(self, client_id: str) -> str:
        """The id for a call; one that occurred before in the conversation gets another."""
        sent = _free(client_id, _BAD_CHAR.sub("_", client_id), _ID, self._taken.__contains__)
        self._taken.add(sent)
        return sent


def _free(original: str, plain: str, form: re.Pattern[str], is_taken: Callable[[str], bool]) -> str:
    """`plain` if it has the form and is free, else its beginning with a hash of `original` that is."""
    if form.fullmatch(plain) and not is_taken(plain):
        return plain
    salt = 0
    while True:
        text = original if salt == 0 else f"{original}\0{salt}"
        candidate = f"{plain[:_STEM_CHARS]}_{hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARS]}"
        if not is_taken(candidate):
            return candidate
        salt += 1
