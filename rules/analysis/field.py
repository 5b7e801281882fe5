"""The boxes of all outcomes at once: for every variable, which boxes each of its pieces is in, as one wide integer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from msgspec import Struct

from rules.analysis.budget import Budget
from rules.analysis.runs import Runs
from rules.analysis.space import Box, Space, bits_of

WIDE = 4_000
"""Boxes that are looked at together as cheaply as one."""

LOOKS = 4
"""Masks that are looked at in the time of an operation."""

ENTRIES = 20
"""Entries of a list that are copied or skipped in the time of an operation."""

BLOCK = 32
"""Variables, or boxes, that are looked at together where all of them are as usual."""

FEW = 8
"""Masks that are gone through one by one."""

_NARROWED = 8


class Block(Struct, frozen=True):
    """Variables from number `start` on: their everyday pieces, their whole domains.

    Boxes as bits: `missed` by everyday pieces, and those that one of these variables is restricted by, and several are.
    """

    start: int
    usual: list[int]
    full: list[int]
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
        # boxes that restrict one variable alone: missing them is narrowing that variable, once for all questions
        self.lone = together([number for number, box in enumerate(boxes) if len(box) == 1])
        self.sharing = [variable for variable in range(count) if self.restricting[variable] & ~self.lone]
        self._shared = frozenset(self.sharing)
        self._narrowed: list[tuple[int, list[int], set[int]]] = [(0, list(space.full), set())]
        # operations that a look at every shared variable costs
        self.look = len(self.sharing) // 2 * (1 + len(boxes) // WIDE)
        self._owed = 0
        self._lone_blocks: dict[int, list[tuple[int, int]]] = {}
        self._blocks: list[Block] = []
        self._known_missed: list[tuple[Sequence[int], int]] = []

    def without_lone(self, missing: int, budget: Budget) -> tuple[list[int], Collection[int]]:
        """The domains outside all of these boxes that restrict one variable alone; a list of the caller's own.

        With it, the shared variables that these boxes leave less of. Raises `Spent`.
        """
        lone = missing & self.lone
        budget.work(len(self.space.full) // ENTRIES)
        for known, domains, narrowed in self._narrowed:
            if known == lone:
                return list(domains), narrowed
        known, domains, narrowed = min(self._narrowed, key=lambda one: (one[0] ^ lone).bit_count())
        domains, narrowed = list(domains), set(narrowed)
        budget.work((lone & ~known).bit_count())
        for number in bits_of(lone & ~known):
            ((variable, mask),) = self.boxes[number].items()
            domains[variable] &= ~mask
            if variable in self._shared:
                narrowed.add(variable)
        for variable in {variable for number in bits_of(known & ~lone) for variable in self.boxes[number]}:
            domains[variable] = self.space.full[variable]
            domains[variable] &= ~self._lone_union(lone, variable, budget)
        # the last one is without any box
        self._narrowed = [(lone, domains, narrowed), *self._narrowed[: _NARROWED - 2], self._narrowed[-1]]
        return list(domains), narrowed

    def _lone_union(self, lone: int, variable: int, budget: Budget) -> int:
        """All pieces of a variable that some boxes want that restrict it alone."""
        blocks = self._lone_blocks.get(variable)
        if blocks is None:
            numbers = list(bits_of(self.lone & self.restricting[variable]))
            blocks = self._lone_blocks[variable] = [
                (sum(1 << number for number in some), union_of(self.boxes[number][variable] for number in some))
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
                union |= union_of(self.boxes[number][variable] for number in bits_of(here))
        return union

    def lone_reasons(self, missing: int, used: int, box: Box, budget: Budget) -> int:
        """Of the boxes left out by `without_lone`, enough for a proof from the boxes `used` about `box`. Raises `Spent`."""
        budget.work(4 * used.bit_count())
        variables = {variable for number in bits_of(used) for variable in self.boxes[number]} | set(box)
        return union_of(self.lone_cover(missing, variable, box, budget) for variable in variables)

    def lone_cover(self, missing: int, variable: int, box: Box, budget: Budget) -> int:
        """Boxes that restrict one variable alone and leave as little of it as all of them do, the widest first. Raises `Spent`."""
        lone = missing & self.lone & self.restricting[variable]
        if not lone & (lone - 1):
            return lone
        budget.work(2 * lone.bit_count())
        masks = [(self.boxes[number][variable], number) for number in bits_of(lone)]
        open_ones = union_of(mask for mask, _ in masks) & box.get(variable, -1)
        kept = 0
        for mask, number in sorted(masks, key=lambda one: (one[0].bit_count(), one[1]), reverse=True):
            if mask & open_ones:
                open_ones &= ~mask
                kept |= 1 << number
        return kept

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

    def boxes_at(self, point: Sequence[int]) -> int:
        """The boxes a point (domains of one piece each) is in."""
        missed = 0
        blocks = self.blocks()
        self._known_missed = self._known_missed or [(block.usual, block.missed) for block in blocks]
        for number, block in enumerate(blocks):
            here = point[block.start : block.start + BLOCK]
            if here != self._known_missed[number][0]:
                self._known_missed[number] = (here, self._missed(block.start, here))
            missed |= self._known_missed[number][1]
        return self.everything & ~missed

    def left_as_usual(self, domains: Sequence[int], alive: int) -> int:
        """Of some boxes, those not missed by the point that has, of all domains, the piece to be shown."""
        piece_of = self.space.piece_of
        for block in self.blocks():
            here = domains[block.start : block.start + BLOCK]
            if here == block.full:
                alive &= ~block.missed
                continue
            for variable, domain in enumerate(here, block.start):
                restricting = self.restricting[variable]
                if restricting & alive:
                    alive &= ~restricting | self.sides(variable, 1 << piece_of(variable, domain))[0]
        return alive

    def missable(self, variable: int, domain: int) -> int:
        """The boxes that a variable can still miss: no box wants all of a whole domain."""
        boxes = self.restricting[variable]
        return boxes if domain == self.space.full[variable] else boxes & ~self.sides(variable, domain)[1]

    def missable_by_one(self, domains: Sequence[int], alive: int) -> tuple[int, int]:
        """The boxes that some variable can still miss, and those that several can; of no interest are those not alive."""
        once = twice = 0
        for block in self.blocks():
            here = domains[block.start : block.start + BLOCK]
            if here == block.full:
                twice |= once & block.once | block.twice
                once |= block.once
            else:
                concerned = (
                    self.missable(variable, domain)
                    for variable, domain in enumerate(here, block.start)
                    if self.restricting[variable] & alive
                )
                once, twice = counted(concerned, once, twice)
        return once, twice

    def restricted_by(self, boxes: int) -> list[int]:
        """The variables that some of the boxes restrict."""
        return sorted({variable for number in bits_of(boxes) for variable in self.boxes[number]})

    def _missed(self, start: int, domains: Sequence[int]) -> int:
        """The boxes that some of the domains miss, those of the variables from `start` on."""
        missed = 0
        for variable, domain in enumerate(domains, start):
            restricting = self.restricting[variable]
            if restricting:
                missed |= restricting & ~self.sides(variable, domain)[0]
        return missed

    def blocks(self) -> list[Block]:
        """All variables, some at a time."""
        if not self._blocks:
            owed = self._owed
            usual = [1 << piece for piece in self.space.usual]
            for start in range(0, len(usual), BLOCK):
                here, wanting = usual[start : start + BLOCK], self.restricting[start : start + BLOCK]
                once, twice = counted(wanting)
                full = self.space.full[start : start + BLOCK]
                self._blocks.append(Block(start, here, full, self._missed(start, here), once, twice))
            # once for all questions, as what was made with the field
            self._owed = owed
        return self._blocks

    def touched_by(self, box: Box) -> int:
        """The boxes that have a point in common with a box."""
        boxes = self.everything
        for variable, mask in box.items():
            boxes &= ~self.restricting[variable] | self.sides(variable, mask)[0]
        return boxes


def together(numbers: Sequence[int]) -> int:
    """The bits with these numbers, which ascend."""
    if len(numbers) < BLOCK:
        return union_of(1 << number for number in numbers)
    data = bytearray((numbers[-1] >> 3) + 1)
    for number in numbers:
        data[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(data, "little")


def union_of(masks: Iterable[int]) -> int:
    """All bits that one of the masks has."""
    union = 0
    for mask in masks:
        union |= mask
    return union


def counted(masks: Iterable[int], once: int = 0, twice: int = 0) -> tuple[int, int]:
    """The bits that one of the masks has, and those that several have; `once` and `twice` are those of masks before."""
    for mask in masks:
        twice |= once & mask
        once |= mask
    return once, twice
