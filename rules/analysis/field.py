"""The boxes of all outcomes at once: for every variable, which boxes each of its pieces is in, as one wide integer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from rules.analysis.bits import bits_of, counted, together, union_of
from rules.analysis.budget import Budget
from rules.analysis.lone import Left, Lone
from rules.analysis.runs import Runs
from rules.analysis.space import Box, Space

WIDE = 4_000
"""Boxes that are looked at together as cheaply as one."""

LOOKS = 4
"""Masks that are looked at in the time of an operation."""

BLOCK = 32
"""Variables that are looked at together where all of them are as usual."""

A_BLOCK = 6
"""Operations that looking at each of them costs."""

FEW = 8
"""Masks that are gone through one by one."""

_ALL = (1 << BLOCK) - 1


class Block(Struct, frozen=True):
    """Some variables.

    Boxes as bits: `missed` by everyday pieces, and those that one of these variables is restricted by, and several are.
    """

    variables: range
    missed: int
    once: int
    twice: int


class Field:
    """The boxes to be missed, by number, turned so that a piece knows the boxes it is in."""

    def __init__(self, space: Space, boxes: Sequence[Box]) -> None:
        self.space = space
        self.boxes = boxes
        count = len(space.full)
        self.everything = (1 << len(boxes)) - 1
        # variable -> piece or mask -> the boxes that restrict it to that
        self._single: list[dict[int, list[int]]] = [{} for _ in range(count)]
        wanting: list[dict[int, list[int]]] = [{} for _ in range(count)]
        for number, box in enumerate(boxes):
            for variable, mask in box.items():
                if mask & (mask - 1):
                    wanting[variable].setdefault(mask, []).append(number)
                else:
                    # by its piece: as keys, powers of two are all alike
                    self._single[variable].setdefault(mask.bit_length() - 1, []).append(number)
        self._masks = [{mask: together(numbers) for mask, numbers in known.items()} for known in wanting]
        self._singles = [together(sorted(chain(*known.values()))) for known in self._single]
        # variable -> boxes that restrict it
        self.restricting = [
            singles | union_of(known.values()) for singles, known in zip(self._singles, self._masks, strict=True)
        ]
        self._runs: list[Runs | None] = [None] * count
        self._known: list[dict[int, tuple[int, int]]] = [{} for _ in range(count)]
        self.everywhere = together([number for number, box in enumerate(boxes) if not box])
        lone = together([number for number, box in enumerate(boxes) if len(box) == 1])
        self.lone = Lone(space, boxes, self.restricting, lone, self._missed)
        # the variables that other boxes restrict, as bits
        self.shared = together([variable for variable in range(count) if self.restricting[variable] & ~lone])
        self._owed = 0
        self._blocks: list[Block] = []
        self._usual: list[int] = []

    def sides(self, variable: int, domain: int) -> tuple[int, int]:
        """Of the boxes that restrict a variable: those a domain touches, and those it is wholly inside."""
        known = self._known[variable]
        single_piece = not domain & (domain - 1)
        key = -domain.bit_length() if single_piece else domain
        found = known.get(key)
        if found is None:
            touched, inside = self._sides_of_masks(variable, domain)
            single = self._single[variable]
            if single_piece:
                boxes = together(single.get(domain.bit_length() - 1, ()))
                inside |= boxes
            elif single:
                boxes = self._touched_singles(variable, domain)
            else:
                boxes = 0
            found = known[key] = (touched | boxes, inside)
        return found

    def _sides_of_masks(self, variable: int, domain: int) -> tuple[int, int]:
        """The same of boxes that want several pieces."""
        if self._runs[variable] is None and len(self._masks[variable]) > FEW:
            self._runs[variable] = Runs(self._masks[variable])
        runs = self._runs[variable]
        masks = self._masks[variable] if runs is None else runs.others
        touched, inside = (0, 0) if runs is None else runs.sides(domain)
        self._owed += len(masks)
        for mask, boxes in masks.items():
            if mask & domain:
                touched |= boxes
                if not domain & ~mask:
                    inside |= boxes
        return touched, inside

    def pay(self, budget: Budget) -> None:
        """For the looks at masks since the last time. Raises `Spent`."""
        owed, self._owed = self._owed, 0
        budget.work(owed // LOOKS)

    def _touched_singles(self, variable: int, domain: int) -> int:
        """Of the boxes that want one piece: those whose piece is in the domain; the smaller side is gone through."""
        single = self._single[variable]
        outside = self.space.full[variable] & ~domain
        fewer = outside if outside.bit_count() < domain.bit_count() else domain
        numbers: list[int] = []
        for piece in bits_of(fewer) if fewer.bit_count() < len(single) else ():
            numbers += single.get(piece, ())
        if fewer.bit_count() >= len(single):
            for piece, some in single.items():
                numbers += some if fewer >> piece & 1 else ()
        boxes = together(sorted(numbers))
        return self._singles[variable] & ~boxes if fewer is outside else boxes

    def boxes_at(self, odd: Mapping[int, int]) -> int:
        """The boxes a point is in that has the everyday pieces of all variables but for some."""
        return self.everything & ~self._missed_at(odd)

    def left_as_usual(self, left: Left, alive: int) -> int:
        """Of some boxes, those not missed by the point that has, of all domains, the piece to be shown."""
        piece_of, domains = self.space.piece_of, left.domains
        return alive & ~self._missed_at({odd: 1 << piece_of(odd, domains[odd]) for odd in bits_of(left.odd)})

    def missing_as_usual(self, left: Left, alive: int, variables: Iterable[int]) -> tuple[list[tuple[int, int]], int]:
        """Of these variables, those that miss some boxes that none before does, at that point; and what all leave of the boxes."""
        _ = self.blocks()
        missing: list[tuple[int, int]] = []
        for variable in variables:
            missed = self._usual[variable] & alive
            if left.odd >> variable & 1:
                piece = self.space.piece_of(variable, left.domains[variable])
                missed = self._missed(variable, 1 << piece) & alive
            if missed:
                missing.append((variable, missed))
                alive &= ~missed
                if not alive:
                    break
        return missing, alive

    def _missed_at(self, odd: Mapping[int, int]) -> int:
        """The boxes that a point misses."""
        blocks, missed = self.blocks(), 0
        changed = {variable // BLOCK for variable in odd}
        for number, block in enumerate(blocks):
            if number in changed:
                missed |= union_of([self._usual[variable] for variable in block.variables if variable not in odd])
            else:
                missed |= block.missed
        return missed | union_of([self._missed(variable, piece) for variable, piece in odd.items()])

    def cost_of(self, variables: int) -> int:
        """Operations that a look at all variables costs where so many are not as usual."""
        blocks = len(self.space.full) // BLOCK
        return (1 + blocks // 4 + A_BLOCK * min(variables, 1 + blocks)) * (1 + len(self.boxes) // WIDE)

    def missable(self, variable: int, domain: int) -> int:
        """The boxes that a variable can still miss: no box wants all of a whole domain."""
        boxes = self.restricting[variable]
        return boxes if domain == self.space.full[variable] else boxes & ~self.sides(variable, domain)[1]

    def missable_by_one(self, left: Left, alive: int) -> tuple[int, int]:
        """The boxes that some variable can still miss, and those that several can; of no interest are those not alive."""
        once = twice = 0
        narrowed = left.narrowed & self.shared
        for block in self.blocks():
            if narrowed >> block.variables.start & _ALL:
                concerned = (
                    self.missable(variable, left.domains[variable])
                    for variable in block.variables
                    if self.restricting[variable] & alive
                )
                once, twice = counted(concerned, once, twice)
            else:
                twice |= once & block.once | block.twice
                once |= block.once
        return once, twice

    def concerned(self, boxes: int) -> Iterator[int]:
        """The variables that may restrict some of the boxes, in order."""
        for block in self.blocks():
            if block.once & boxes:
                yield from block.variables

    def restricted_by(self, boxes: int) -> list[int]:
        """The variables that some of the boxes restrict."""
        return sorted({variable for number in bits_of(boxes) for variable in self.boxes[number]})

    def _missed(self, variable: int, domain: int) -> int:
        """The boxes that a variable misses with a domain."""
        restricting = self.restricting[variable]
        return restricting & ~self.sides(variable, domain)[0] if restricting else 0

    def blocks(self) -> list[Block]:
        """All variables, some at a time."""
        if not self._blocks:
            owed = self._owed
            self._usual = [self._missed(variable, 1 << piece) for variable, piece in enumerate(self.space.usual)]
            for start in range(0, len(self._usual), BLOCK):
                variables = range(len(self._usual))[start : start + BLOCK]
                once, twice = counted(self.restricting[start : start + BLOCK])
                self._blocks.append(Block(variables, union_of(self._usual[start : start + BLOCK]), once, twice))
            # once for all questions, as what was made with the field
            self._owed = owed
        return self._blocks

    def touched_by(self, box: Box) -> int:
        """The boxes that have a point in common with a box."""
        boxes = self.everything
        for variable, mask in box.items():
            boxes &= ~self.restricting[variable] | self.sides(variable, mask)[0]
        return boxes
