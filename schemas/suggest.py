"""Did-you-mean: the known name nearest to a written one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import TypeAlias

from schemas.wording import visible

LOOKS = 400_000
"""How many names are compared for the words that one list of names does not have; for those after that none is near."""

Folded: TypeAlias = tuple[str, str, int]
"""A name, the same without what costs nothing, and its letters as bits."""


class Names:
    """The names of one list of the user's, made ready once for all words that are not among them."""

    def __init__(self, known: Iterable[str], looks: int = LOOKS) -> None:
        self.names = tuple(dict.fromkeys(known))
        self._known = frozenset(self.names)
        self._left = looks
        self._nearest: dict[str, str | None] = {}
        self._only: dict[str, str | None] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    @cached_property
    def _folded(self) -> list[Folded]:
        return [_folded(name) for name in self.names]

    def nearest(self, word: str) -> str | None:
        """As the function of that name."""
        if word not in self._nearest:
            near, looks = _nearest_of(word, self._folded) if self._left > 0 else (None, 0)
            self._left -= looks
            self._nearest[word] = near
        return self._nearest[word]

    def only_nearest(self, word: str) -> str | None:
        """As the function of that name."""
        if word not in self._only:
            best = self.nearest(word)
            rival, looks = (False, 0) if best is None else _has_rival(word, best, self._folded)
            self._left -= looks
            self._only[word] = None if rival else best
        return self._only[word]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` most likely meant, or None.

    Differences of case and of `-`, `_`, space cost nothing; otherwise at most a third of the letters may differ
    (insert, delete, replace, swap of neighbours). Ties go to the first in order.
    """
    return known.nearest(word) if isinstance(known, Names) else _nearest(word, tuple(known))


def only_nearest(word: str, known: Iterable[str]) -> str | None:
    """The nearest name where it is nearer than every other."""
    return known.only_nearest(word) if isinstance(known, Names) else _only_nearest(word, tuple(dict.fromkeys(known)))


@lru_cache(maxsize=16_384)  # for what is missing, for the help and for the fix; thousands of keys may be unknown
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    return _nearest_of(word, _all_folded(known))[0]


@lru_cache(maxsize=16_384)
def _only_nearest(word: str, known: tuple[str, ...]) -> str | None:
    best = _nearest(word, known)
    return None if best is None or _has_rival(word, best, _all_folded(known))[0] else best


@lru_cache(maxsize=64)  # the same few lists of names for thousands of words
def _all_folded(known: tuple[str, ...]) -> list[Folded]:
    return [_folded(name) for name in known]


def _folded(name: str) -> Folded:
    folded = name.casefold().replace("-", "").replace("_", "").replace(" ", "")
    letters = 0
    for char in folded:
        letters |= 1 << (ord(char) & 63)
    return name, folded, letters


def _nearest_of(word: str, names: Sequence[Folded]) -> tuple[str | None, int]:
    """The nearest name, and how much was looked at for it."""
    if len(word) > 100:
        return None, 0
    best, best_cost, looks = None, _bound(word) + 1, len(names)
    _, folded, letters = _folded(word)
    length, written = len(folded), len(word)
    for candidate, other, others in names:
        # an edit brings or takes one letter, so most names are too far at first sight
        if (
            not -best_cost < len(other) - length < best_cost
            or (letters & ~others).bit_count() >= best_cost
            or (others & ~letters).bit_count() >= best_cost
            or abs(len(candidate) - written) >= best_cost + 3
            or candidate == word
        ):
            continue
        looks += 1 + length * len(other) // 2
        cost = _distance(folded, other, best_cost)
        if cost < best_cost:
            best, best_cost = candidate, cost
        if not best_cost:
            break
    return best or _only_prefix(folded, names), looks


def _has_rival(word: str, best: str, names: Sequence[Folded]) -> tuple[bool, int]:
    """Whether another name is as near, and how much was looked at for that."""
    _, folded, letters = _folded(word)
    looks, limit = len(names), _bound(word) + 1
    cost = _distance(folded, _folded(best)[1], limit)
    if cost >= limit:
        return False, looks
    for candidate, other, others in names:
        if (
            (letters & ~others).bit_count() > cost
            or (others & ~letters).bit_count() > cost
            or candidate in (best, word)
        ):
            continue
        looks += 1 + len(folded) * len(other) // 2
        if _distance(folded, other, cost + 1) <= cost:
            return True, looks
    return False, looks


def did_you_mean(word: str, known: Iterable[str], *, listing: int = 8) -> str | None:
    """The help line for an unknown name: the nearest one, else all of them when they are few."""
    names = known if isinstance(known, Names) else tuple(dict.fromkeys(known))
    near = nearest(word, names)
    if near is not None:
        return f"did you mean `{visible(near)}`?"
    if 0 < len(names) <= listing:
        return "known: " + ", ".join(f"`{visible(name)}`" for name in names)
    return None


def _bound(word: str) -> int:
    return max(1, len(word) // 3) if len(word) > 2 else 0


def _only_prefix(folded: str, names: Sequence[Folded]) -> str | None:
    """The single known name that starts with the word (four letters at least): a name cut short."""
    if len(folded) < 4:
        return None
    longer = [name for name, other, _ in names if other.startswith(folded)]
    return longer[0] if len(longer) == 1 else None


def _distance(a: str, b: str, limit: int) -> int:
    """Edits between `a` and `b` (optimal string alignment); any value of `limit` or more means too many."""
    if abs(len(a) - len(b)) >= limit:
        return limit
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (char != other))
            if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
        before, last = last, row
    return last[-1]
