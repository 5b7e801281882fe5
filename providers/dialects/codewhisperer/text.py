"""Text in pieces: halves of characters joined, and thinking told apart from the answer by its tags."""

from __future__ import annotations

import re

_LONE = re.compile(r"[\ud800-\udfff]")
_OPEN, _CLOSE = "<thinking>", "</thinking>"


class Pieces:
    """Joins pieces so that none given on ends in half a character.

    JSON may escape a character as two UTF-16 halves, and an upstream that counts in those can cut between them. A half
    without its other half becomes U+FFFD.
    """

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str) -> str:
        """What can be given on, now that `piece` came."""
        if piece.isascii() and not self._half:
            return piece
        piece, self._half = self._half + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return _whole(piece)

    def rest(self) -> str:
        """What is still held back, at the end."""
        rest, self._half = self._half, ""
        return _whole(rest)


def _whole(text: str) -> str:
    if not _LONE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class ThinkingTags:
    """Tells simulated thinking from the answer: `<thinking>…</thinking>` at the very start of the reply, nowhere else.

    Text is held back only while it can still be part of a tag.
    """

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._state = "before"  # before -> inside -> gap -> after
        self._held = ""

    @property
    def unclosed(self) -> bool:
        """Whether the thinking has not ended."""
        return self._state == "inside"

    def add(self, text: str) -> tuple[str, str]:
        """The thinking and the answer that became certain with `text`."""
        if self._state == "after":
            return "", text
        text, self._held = self._held + text, ""
        thinking = ""
        if self._state == "before":
            start = text.lstrip()
            if _OPEN.startswith(start) and len(start) < len(_OPEN):
                self._held = text
                return "", ""
            if not start.startswith(_OPEN):
                self._state = "after"
                return "", text
            self._state, text = "inside", start.removeprefix(_OPEN)
        if self._state == "inside":
            thinking, closed, text = text.partition(_CLOSE)
            if not closed:
                kept = _beginning_of(_CLOSE, thinking)
                self._held = thinking[len(thinking) - kept :]
                return thinking[: len(thinking) - kept], ""
            self._state = "gap"
        answer = text.lstrip("\r\n")
        if answer:
            self._state = "after"
        return thinking, answer

    def rest(self) -> tuple[str, str]:
        """What is still held back, at the end, as thinking or answer."""
        held, self._held = self._held, ""
        if self._state == "inside":
            return held, ""
        self._state = "after"
        return "", held


def _beginning_of(tag: str, text: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:size])), 0)
