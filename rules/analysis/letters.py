"""Code points in classes that no string predicate of a fact tells apart, each with one to show."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache

from msgspec import Struct

from rules.patterns.regex import LAST, WORD, Ranges

NICE = "xabcdefghijklmnopqrstuvwyz0123456789-_. ABCDEFGHIJKLMNOPQRSTUVWXYZ,:;/!?"
_SURROGATES = range(0xD800, 0xE000)


class Alphabet(Struct, frozen=True):
    """`shown[i]` stands for class i; `starts` are the code points at which the class changes, `classes` which it then is."""

    shown: Sequence[str]
    starts: Sequence[int]
    classes: Sequence[int]

    def class_of(self, char: str) -> int:
        """The class that a character is in."""
        return self.classes[bisect_right(self.starts, ord(char)) - 1]


def alphabet_of(texts: Iterable[str], folded: Iterable[str], ranges: Iterable[Ranges]) -> Alphabet:
    """The classes for predicates that compare with `texts`, with `folded` texts in any case, and with ranges of patterns."""
    points = {ord(char) for text in texts for char in text}
    for char in {char for text in folded for char in text}:
        points.add(ord(char))
        points.update(_folding_to(char))
    sets = [*dict.fromkeys(ranges), WORD]
    starts = {0, *points, *(point + 1 for point in points), _SURROGATES.start, _SURROGATES.stop}
    for some in sets:
        for low, high in some:
            starts |= {low, high + 1}
    ordered = sorted(start for start in starts if start <= LAST)
    numbers: dict[object, int] = {}
    classes: list[int] = []
    for start in ordered:
        key: object = start if start in points else _signature(start, sets)
        classes.append(numbers.setdefault(key, len(numbers)))
    shown = [""] * len(numbers)
    for char in NICE:
        number = classes[bisect_right(ordered, ord(char)) - 1]
        shown[number] = shown[number] or char
    for start, number in zip(ordered, classes, strict=True):
        if not shown[number] and start not in _SURROGATES:
            shown[number] = chr(start)
    # a class of surrogates alone: no request holds one; the nicest come first, for of the shortest texts the first is shown
    kept = sorted((number for number, char in enumerate(shown) if char), key=lambda number: _place_of(shown[number]))
    renumbered = {number: index for index, number in enumerate(kept)}
    rest = renumbered[classes[bisect_right(ordered, LAST) - 1]]
    return Alphabet([shown[number] for number in kept], ordered, [renumbered.get(number, rest) for number in classes])


def _place_of(char: str) -> int:
    return NICE.index(char) if char in NICE else len(NICE)


def _signature(point: int, sets: Sequence[Ranges]) -> tuple[bool | str, ...]:
    inside = []
    for some in sets:
        at = bisect_right(some, (point, LAST + 1)) - 1
        inside.append(at >= 0 and point <= some[at][1])
    return tuple(inside) if point not in _SURROGATES else ("surrogate",)


@cache
def _folding_to(char: str) -> tuple[int, ...]:
    """The other code points whose folded form holds a character."""
    places = _LATIN_FOLDS if char.isascii() else (range(0x1E944),)
    return tuple(point for some in places for point in some if point != ord(char) and char in chr(point).casefold())


# where the code points stand whose folded form holds an ASCII letter
_LATIN_FOLDS = (range(0x250), range(0x1E00, 0x1F00), range(0x2120, 0x2130), range(0xFB00, 0xFB07))
