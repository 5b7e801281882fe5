"""How much work a proof may cost, counted in steps and not in seconds, so that the same file gives the same report."""

from __future__ import annotations

from msgspec import Struct

QUESTION = 4_000
"""Steps one question may take."""

TOTAL = 10_000
"""Steps all questions about one configuration may take, and `FOR_EACH` more for each rule."""

FOR_EACH = 60
"""A step is a few hundredths of a millisecond; rules of an ordinary shape take about 25 steps each."""


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

    def allow(self, outcomes: int) -> None:
        """More rules are asked about."""
        self.total += self.for_each * outcomes

    def ask(self) -> None:
        """A new question begins."""
        self.left = self.question

    def step(self, steps: int = 1) -> None:
        """Some work. Raises `Spent`."""
        self.left -= steps
        self.used += steps
        if self.left < 0 or self.used > self.total:
            raise Spent
