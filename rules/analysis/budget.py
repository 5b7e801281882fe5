"""How much work a proof may cost, counted in steps and not in seconds, so that the same file gives the same report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

QUESTION = 4_000
"""Steps one question may take."""

TOTAL = 19_000
FOR_EACH = 13
"""Steps all questions about one configuration may take, and so many more for each rule: ordinary ones take about 13."""

CUT = 11_000
BOXED = 4_000
MADE_READY_FOR_EACH = 4
"""Steps that cutting facts into pieces may take, making boxes of conditions, and so many more of each for each rule."""

SHOWN = 3_000
"""Steps that requests may take which only make proofs clearer."""

EASY = 10
"""Steps that a question may take in a check of a file that has spent what there is for hard ones."""

HARD = 9_000
HARD_FOR_EACH = 6
"""Steps that all questions of such a check may take beyond the easy ones, and so many more for each rule."""

A_SHARE = 4
"""Of what is left for hard questions, one may take the fourth part: so those that lead nowhere get ever less."""

WASTED = 4
"""Steps for nothing count as so many: a file of which much is proved may have more than one of which nothing is."""

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
    hard: int | None = None
    _asked_about: int = 0
    _operations: int = 0
    _begun: int = 0
    _wasted: int = 0
    _given_up: bool = False

    def allow(self, outcomes: int) -> None:
        """More rules are asked about."""
        self._asked_about += outcomes
        self.total += self.for_each * outcomes

    def part(self, most: int) -> Budget:
        """A budget of its own, two thirds of what is left or so many steps, for what is done before the first question."""
        total = min(max(0, self.total - self.used) * 2 // 3, most + MADE_READY_FOR_EACH * self._asked_about)
        return Budget(total, total)

    def add(self, part: Budget) -> None:
        """What a part took is taken, and is no question's."""
        self._close()
        self.used += part.used
        self._begun = self.used

    @contextmanager
    def aside(self, steps: int) -> Iterator[None]:
        """Work that proves nothing: it takes so many steps at most, and what is given up in it is not counted."""
        self._close()
        total, unproven, hard, wasted = self.total, self.unproven, self.hard, self._wasted
        self.total = min(total, self.used + wasted + steps)
        try:
            yield
        finally:
            self._close()
            self.total, self.unproven, self.hard, self._wasted = total, unproven, hard, wasted

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left for any question."""
        return self.used + self._wasted > self.total

    def ask(self) -> None:
        """A new question begins. Raises `Spent` where nothing is left for any."""
        self._close()
        self.left = self.question if self.hard is None else min(self.question, EASY + max(0, self.hard) // A_SHARE)
        if self.is_spent:
            raise Spent

    def _close(self) -> None:
        """The question before is over: what it took of the steps for hard ones."""
        taken, self._begun = self.used - self._begun, self.used
        if self.hard is not None:
            if self._given_up:
                self._wasted += (WASTED - 1) * taken
                taken *= WASTED
            self.hard -= max(0, taken - EASY)
        self._given_up = False

    def step(self, steps: int = 1) -> None:
        """Some work. Raises `Spent`."""
        self.left -= steps
        self.used += steps
        if self.left < 0 or self.used + self._wasted > self.total:
            self._given_up = True
            raise Spent

    def need(self, operations: int) -> None:
        """Work that is about to be done, and counted after it. Raises `Spent` where less is left than it will take."""
        steps = operations // OPERATIONS
        if steps > self.left or self.used + self._wasted + steps > self.total:
            self._given_up = True
            raise Spent

    def work(self, operations: int) -> None:
        """Some work in smaller pieces. Raises `Spent`."""
        self._operations += operations
        if self._operations >= OPERATIONS:
            steps, self._operations = divmod(self._operations, OPERATIONS)
            self.step(steps)
