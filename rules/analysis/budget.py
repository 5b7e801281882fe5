"""How much work a proof may cost, counted in steps and not in seconds, so that the same file gives the same report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

QUESTION = 4_000
"""Steps one question may take."""

TOTAL = 12_000
"""Steps all questions about one configuration may take, and `FOR_EACH` more for each rule."""

FOR_EACH = 50
"""Rules of an ordinary shape take about 20 steps each."""

MANY = 1_000
FOR_EACH_OF_MORE = 25
"""And so many of each rule beyond a thousand."""

SHOWN = 6_000
"""Steps that requests may take which only make proofs clearer."""

OPERATIONS = 20
"""Operations that make a step: a glob tried, a variable narrowed, a box compared with another; half a microsecond to one each."""


class Spent(Exception):  # noqa: N818 - says what happened
    """The budget is spent: the question at hand is not proven either way."""


class Budget(Struct):
    """Steps left for all questions, and for the one at hand; `unproven` counts the questions given up."""

    total: int = TOTAL
    question: int = QUESTION
    for_each: int = FOR_EACH
    left: int = 0
    used: int = 0
    unproven: int = 0
    _operations: int = 0

    def allow(self, outcomes: int) -> None:
        """More rules are asked about."""
        few = min(outcomes, MANY)
        self.total += self.for_each * few + min(self.for_each, FOR_EACH_OF_MORE) * (outcomes - few)

    def part(self) -> Budget:
        """A budget of its own, half of what is left, for what is done before the first question."""
        total = max(0, self.total - self.used) // 2
        return Budget(total, total)

    @contextmanager
    def aside(self, steps: int) -> Iterator[None]:
        """Work that proves nothing: it takes so many steps at most, and what is given up in it is not counted."""
        total, unproven = self.total, self.unproven
        self.total = min(total, self.used + steps)
        try:
            yield
        finally:
            self.total, self.unproven = total, unproven

    def ask(self) -> None:
        """A new question begins. Raises `Spent` where nothing is left for any."""
        self.left = self.question
        if self.used > self.total:
            raise Spent

    def step(self, steps: int = 1) -> None:
        """Some work. Raises `Spent`."""
        self.left -= steps
        self.used += steps
        if self.left < 0 or self.used > self.total:
            raise Spent

    def need(self, operations: int) -> None:
        """Work that is about to be done, and counted after it. Raises `Spent` where less is left than it will take."""
        steps = operations // OPERATIONS
        if steps > self.left or self.used + steps > self.total:
            raise Spent

    def work(self, operations: int) -> None:
        """Some work in smaller pieces. Raises `Spent`."""
        self._operations += operations
        if self._operations >= OPERATIONS:
            steps, self._operations = divmod(self._operations, OPERATIONS)
            self.step(steps)
