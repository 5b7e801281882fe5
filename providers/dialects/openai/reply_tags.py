"""Thinking that a server leaves in the text, between tags at the beginning of the reply (`<think>hm</think>so`)."""

from __future__ import annotations

from enum import StrEnum

from providers.messages.parts import Part, Text, Thinking


class _At(StrEnum):
    BEFORE = "nothing but white space yet, or the beginning of the tag"
    INSIDE = "between the tags"
    GAP = "white space behind the closing tag"
    TEXT = "ordinary text, to the end"


class TaggedThinking:
    """Text in pieces; what the tag encloses at the beginning is thinking, all else passes unchanged.

    White space around what is enclosed is left out. Only what could still become a tag is held back.
    """

    __slots__ = ("_at", "_close", "_held", "_open")

    def __init__(self, tag: str) -> None:
        self._open = f"<{tag}>"
        self._close = f"</{tag}>"
        self._held = ""
        self._at = _At.BEFORE

    def feed(self, text: str) -> list[Part]:
        """The parts that `text` makes certain."""
        if self._at is _At.TEXT:
            return [Text(text)]
        self._held += text
        if self._at is _At.BEFORE:
            begun = self._held.lstrip()
            if begun.startswith(self._open):
                self._at, self._held = _At.INSIDE, begun[len(self._open) :].lstrip()
            elif self._open.startswith(begun):
                return []
            else:
                return self._rest()
        parts: list[Part] = []
        if self._at is _At.INSIDE:
            self._inside(parts)
        if self._at is _At.GAP and (begun := self._held.lstrip()):
            self._held = begun
            parts += self._rest()
        return parts

    def flush(self) -> list[Part]:
        """Something else follows, or the end: what was held back is what it looked like so far."""
        held, self._held = self._held, ""
        if not held or self._at is _At.GAP:
            return []
        return [Thinking(held) if self._at is _At.INSIDE else Text(held)]

    def _inside(self, parts: list[Part]) -> None:
        thought, closed, behind = self._held.partition(self._close)
        if closed:
            self._at, self._held = _At.GAP, behind
            thought = thought.rstrip()
        else:
            kept = _held_back(thought, self._close)
            thought, self._held = thought[: len(thought) - kept], thought[len(thought) - kept :]
        if thought:
            parts.append(Thinking(thought))

    def _rest(self) -> list[Part]:
        held, self._held, self._at = self._held, "", _At.TEXT
        return [Text(held)]


def _held_back(text: str, tag: str) -> int:
    """How many characters at the end may still turn out to be white space before the tag, or the tag's beginning."""
    begun = next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)
    before = text[: len(text) - begun]
    return begun + len(before) - len(before.rstrip())
