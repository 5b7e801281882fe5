"""Which of many words are inside a text, without looking for each of them."""

from __future__ import annotations

from collections.abc import Iterable

SCANNED = 4
"""Words that are looked for in the time that one place of a text is looked up."""

AN_OPERATION = 10
"""Words that are looked for in the time of an operation of the budget."""


class Inside:
    """Words with numbers, by length: a text is cut into pieces of those lengths, and the pieces are looked up."""

    def __init__(self, words: Iterable[tuple[str, int]]) -> None:
        self._words: dict[str, list[int]] = {}
        for word, number in words:
            self._words.setdefault(word, []).append(number)
        self._lengths = sorted({len(word) for word in self._words})

    def cost(self, text: str) -> int:
        """What finding those that a text contains costs, in operations of the budget."""
        return 1 + min(len(text) * len(self._lengths) * SCANNED, len(self._words)) // AN_OPERATION

    def anywhere(self, text: str) -> list[int]:
        """The numbers of the words that a text contains."""
        if len(text) * len(self._lengths) * SCANNED > len(self._words):
            return [number for word, numbers in self._words.items() if word in text for number in numbers]
        pieces = {text[at : at + size] for size in self._lengths for at in range(len(text) - size + 1)}
        return self._of(pieces)

    def at_start(self, text: str) -> list[int]:
        """The numbers of those it starts with."""
        return self._of(text[:size] for size in self._lengths if size <= len(text))

    def at_end(self, text: str) -> list[int]:
        """The numbers of those it ends with."""
        return self._of(text[len(text) - size :] for size in self._lengths if size <= len(text))

    def whole(self, text: str) -> list[int]:
        """The numbers of those it is."""
        return self._words.get(text, [])

    def _of(self, pieces: Iterable[str]) -> list[int]:
        return [number for piece in pieces for number in self._words.get(piece, ())]
