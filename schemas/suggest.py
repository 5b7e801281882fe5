"""Did-you-mean: the known name nearest to a written one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from schemas.wording import visible


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` most likely meant, or None.

    Differences of case and of `-`, `_`, space cost nothing; otherwise at most a third of the letters may differ
    (insert, delete, replace, swap of neighbours). Ties go to the first in order.
    """
    return None if len(word) > 100 else _nearest(word, tuple(known))


@lru_cache(maxsize=16_384)  # for what is missing, for the help and for the fix; thousands of keys may be unknown
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    best, best_cost = None, _bound(word) + 1
    folded = _fold(word)
    letters, length = frozenset(folded), len(folded)
    for candidate, other, others in _folded(known):
        # an edit brings or takes one letter, so most names are too far at first sight
        if (
            not -best_cost < len(other) - length < best_cost
            or len(letters - others) >= best_cost
            or len(others - letters) >= best_cost
            or abs(len(candidate) - len(word)) >= best_cost + 3
            or candidate == word
        ):
            continue
        cost = _distance(folded, other, best_cost)
        if cost < best_cost:
            best, best_cost = candidate, cost
    return best or _only_prefix(folded, known)


@lru_cache(maxsize=64)  # the same few lists of names for thousands of words
def _folded(known: tuple[str, ...]) -> list[tuple[str, str, frozenset[str]]]:
    """The names, without what costs nothing, and their letters."""
    return [(name, folded, frozenset(folded)) for name in known for folded in (_fold(name),)]


def only_nearest(word: str, known: Iterable[str]) -> str | None:
    """The nearest name where it is nearer than every other."""
    names = list(dict.fromkeys(known))
    best = nearest(word, names)
    if best is None:
        return None
    folded, limit = _fold(word), _bound(word) + 1
    cost = _distance(folded, _fold(best), limit)
    rivals = (name for name in names if name not in (best, word))
    return None if cost < limit and any(_distance(folded, _fold(name), limit) <= cost for name in rivals) else best


def did_you_mean(word: str, known: Iterable[str], *, listing: int = 8) -> str | None:
    """The help line for an unknown name: the nearest one, else all of them when they are few."""
    names = list(dict.fromkeys(known))
    near = nearest(word, names)
    if near is not None:
        return f"did you mean `{visible(near)}`?"
    if names and len(names) <= listing:
        return "known: " + ", ".join(f"`{visible(name)}`" for name in names)
    return None


def _bound(word: str) -> int:
    return max(1, len(word) // 3) if len(word) > 2 else 0


@lru_cache(maxsize=1024)  # the names that there are, for every one that there is not
def _fold(word: str) -> str:
    return word.casefold().replace("-", "").replace("_", "").replace(" ", "")


def _only_prefix(folded: str, known: tuple[str, ...]) -> str | None:
    """The single known name that starts with the word (four letters at least): a name cut short."""
    if len(folded) < 4:
        return None
    longer = [name for name, other, _ in _folded(known) if other.startswith(folded)]
    return longer[0] if len(longer) == 1 else None


def _distance(a: str, b: str, limit: int) -> int:
    """Edits between `a` and `b` (optimal string alignment); any value of `limit` or more means too many."""
    if abs(len(a) - len(b)) >= limit:
        return limit
    if len(set(a).difference(b)) >= limit or len(set(b).difference(a)) >= limit:
        return limit  # an edit brings or takes one letter
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
