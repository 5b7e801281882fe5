"""How large conditions are once the named ones stand in their places: as with aliases, few lines may stand for millions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct, field

MAX_PREDICATES = 50_000
"""Predicates of all conditions of a configuration together, those of named ones wherever they are named."""

MAX_NESTED = 60
"""Levels of conditions in conditions: what walks them goes deeper by a few calls for each."""


class Extent(Struct):
    """What has been compiled so far: how many predicates, in all and in the present named condition; how deep it is.

    `deepest` is the deepest place of that condition. `said`: that it is too much has been reported.
    """

    predicates: int = 0
    total: int = 0
    deep: int = 0
    deepest: int = 0
    said: bool = False
    _named: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def why(self) -> str:
        """What is too much."""
        if self.total > MAX_PREDICATES:
            return f"with named conditions in their places, there are more than {MAX_PREDICATES:,} predicates"
        return f"with named conditions in their places, conditions are nested more than {MAX_NESTED} levels deep"

    @contextmanager
    def deeper(self) -> Iterator[bool]:
        """A condition inside the present one; whether that is allowed."""
        self.deep += 1
        self.deepest = max(self.deepest, self.deep)
        try:
            yield self.deep <= MAX_NESTED
        finally:
            self.deep -= 1

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """A named condition is compiled, wherever that is."""
        before, around = self.predicates, self.deepest
        self.predicates, self.deepest = 0, self.deep
        yield
        self._named[name] = self.predicates, self.deepest - self.deep
        self.predicates, self.deepest = before, max(around, self.deepest)

    def count(self, predicates: int) -> None:
        """So many more."""
        self.predicates += predicates
        self.total += predicates

    def take(self, name: str) -> bool:
        """A named condition stands here, too; whether there is room for it."""
        predicates, levels = self._named[name]
        self.count(predicates)
        self.deepest = max(self.deepest, self.deep + levels)
        return self.total <= MAX_PREDICATES and self.deepest <= MAX_NESTED
