"""Boxes that restrict one variable alone: missing them is narrowing that variable, once for all questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from rules.analysis.bits import bits_of, union_of
from rules.analysis.budget import Budget
from rules.analysis.space import Box, Space

COPIED = 50
"""Entries of a list that are copied in the time of an operation."""

BLOCK = 32
"""Boxes whose pieces are put together once."""

_KEPT = 8


class Left(Struct):
    """What is left of every variable. As bits: those `narrowed`, those without their everyday piece, those with `nothing`.

    Of other boxes, those that what lone ones leave misses, and those near: they restrict a variable that is narrowed so.
    """

    domains: list[int]
    narrowed: int = 0
    odd: int = 0
    nothing: int = 0
    missed: int = 0
    near: int = 0

    def copy(self) -> Left:
        """To go on with."""
        return Left(self.domains.copy(), self.narrowed, self.odd, self.nothing, self.missed, self.near)

    def narrow(self, variable: int, domain: int, space: Space) -> None:
        """A variable has no more than a domain."""
        self.domains[variable] = domain
        bit = 1 << variable
        self.narrowed |= bit
        if not domain >> space.usual[variable] & 1:
            self.odd |= bit
            if not domain:
                self.nothing |= bit

    def widen(self, variable: int, domain: int, space: Space) -> None:
        """A variable has a domain, whatever it had before."""
        others = ~(1 << variable)
        self.narrowed &= others
        self.odd &= others
        self.nothing &= others
        self.domains[variable] = domain
        if domain != space.full[variable]:
            self.narrow(variable, domain, space)


class Lone:
    """Such boxes, `bits`, among others; `missed` gives the boxes that a variable misses with a domain."""

    def __init__(
        self,
        space: Space,
        boxes: Sequence[Box],
        restricting: Sequence[int],
        bits: int,
        missed: Callable[[int, int], int],
    ) -> None:
        self.bits = bits
        self._space, self._boxes, self._restricting, self._missed = space, boxes, restricting, missed
        self._left: list[tuple[int, Left]] = [(0, Left(list(space.full)))]
        self._blocks: dict[int, list[tuple[int, int]]] = {}

    def left(self, missing: int, budget: Budget) -> Left:
        """What is outside all of these boxes, to go on with. Raises `Spent`."""
        lone = missing & self.bits
        budget.work(len(self._space.full) // COPIED)
        for known, left in self._left:
            if known == lone:
                return left.copy()
        known, left = min(self._left, key=lambda one: (one[0] ^ lone).bit_count())
        left = left.copy()
        budget.work((lone & ~known).bit_count())
        changed: set[int] = set()
        for number in bits_of(lone & ~known):
            ((variable, mask),) = self._boxes[number].items()
            left.narrow(variable, left.domains[variable] & ~mask, self._space)
            changed.add(variable)
        if known & ~lone:
            for variable in {variable for number in bits_of(known & ~lone) for variable in self._boxes[number]}:
                domain = self._space.full[variable] & ~self._union(lone, variable, budget)
                left.widen(variable, domain, self._space)
            left.missed = left.near = 0
            changed.update(bits_of(left.narrowed))
        budget.work(len(changed))
        for variable in changed:
            others = self._restricting[variable] & ~self.bits
            if others:
                left.near |= others
                left.missed |= others & self._missed(variable, left.domains[variable])
        # the last one is without any box
        self._left = [(lone, left), *self._left[: _KEPT - 2], self._left[-1]]
        return left.copy()

    def _union(self, lone: int, variable: int, budget: Budget) -> int:
        """All pieces of a variable that some boxes want that restrict it alone."""
        blocks = self._blocks.get(variable)
        if blocks is None:
            numbers = list(bits_of(self.bits & self._restricting[variable]))
            blocks = self._blocks[variable] = [
                (sum(1 << number for number in some), union_of(self._boxes[number][variable] for number in some))
                for some in (numbers[at : at + BLOCK] for at in range(0, len(numbers), BLOCK))
            ]
        budget.work(1 + len(blocks) // 4)
        union = 0
        for bits, mask in blocks:
            here = lone & bits
            if here == bits:
                union |= mask
            elif here:
                budget.work(here.bit_count())
                union |= union_of(self._boxes[number][variable] for number in bits_of(here))
        return union

    def reasons(self, missing: int, used: int, box: Box, budget: Budget) -> int:
        """Of the boxes that `left` leaves out, enough for a proof from the boxes `used` about `box`. Raises `Spent`."""
        budget.work(4 * used.bit_count())
        variables = {variable for number in bits_of(used) for variable in self._boxes[number]} | set(box)
        return union_of(self.cover(missing, variable, box, budget) for variable in variables)

    def cover(self, missing: int, variable: int, box: Box, budget: Budget) -> int:
        """Boxes that restrict one variable alone and leave as little of it as all of them do, the widest first. Raises `Spent`."""
        lone = missing & self.bits & self._restricting[variable]
        if not lone & (lone - 1):
            return lone
        budget.work(2 * lone.bit_count())
        masks = [(self._boxes[number][variable], number) for number in bits_of(lone)]
        open_ones = union_of(mask for mask, _ in masks) & box.get(variable, -1)
        kept = 0
        for mask, number in sorted(masks, key=lambda one: (one[0].bit_count(), one[1]), reverse=True):
            if mask & open_ones:
                open_ones &= ~mask
                kept |= 1 << number
        return kept
