"""Is there a point in a box that is in none of many others? A small DPLL over bit masks, all boxes at once.

For every variable the `Field` knows which boxes each piece is in, as one wide integer; so one round of unit propagation
over a thousand boxes is a few dozen operations on integers. A box is unit when a single variable can still miss it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from rules.analysis.budget import Budget
from rules.analysis.space import Box, Space, bits_of

MANY = 48
"""Boxes from which on all are looked at together, one wide integer per variable, and not one by one."""

ROUND = 10
"""Operations that a round of propagation costs before it looks at anything."""

WIDE = 4_000
"""Boxes that are looked at together as cheaply as one."""

LOOKS = 4
"""Masks that are looked at in the time of an operation."""

ENTRIES = 20
"""Entries of a list that are copied or skipped in the time of an operation."""

BLOCK = 32
"""Variables, or boxes, that are looked at together where all of them are as usual."""

_NARROWED = 8


class Found(Struct, frozen=True):
    """A point, more exactly: any choice of a piece out of each domain is one."""

    domains: Sequence[int]


class Nowhere(Struct, frozen=True):
    """There is no point; `used` are the boxes that show it, as bits."""

    used: int


class Field:
    """The boxes to be missed, by number, turned so that a piece knows the boxes it is in."""

    def __init__(self, space: Space, boxes: Sequence[Box]) -> None:
        self.space = space
        self.boxes = boxes
        count = len(space.full)
        self.everything = (1 << len(boxes)) - 1
        # variable -> boxes that restrict it
        self.restricting = [0] * count
        # variable -> mask -> the boxes that restrict it to that mask; apart from those, the masks of one piece
        self._single: list[dict[int, int]] = [{} for _ in range(count)]
        self._masks: list[dict[int, int]] = [{} for _ in range(count)]
        self._singles = [0] * count
        for number, box in enumerate(boxes):
            bit = 1 << number
            for variable, mask in box.items():
                self.restricting[variable] |= bit
                if mask & (mask - 1):
                    same = self._masks[variable]
                else:
                    same = self._single[variable]
                    self._singles[variable] |= bit
                same[mask] = same.get(mask, 0) | bit
        self._known: list[dict[int, tuple[int, int]]] = [{} for _ in range(count)]
        self.everywhere = sum(1 << number for number, box in enumerate(boxes) if not box)
        # boxes that restrict one variable alone: missing them is narrowing that variable, once for all questions
        self.lone = sum(1 << number for number, box in enumerate(boxes) if len(box) == 1)
        self.sharing = [variable for variable in range(count) if self.restricting[variable] & ~self.lone]
        self._narrowed: list[tuple[int, list[int]]] = [(0, list(space.full))]
        # operations that a look at every shared variable costs
        self.look = len(self.sharing) // 2 * (1 + len(boxes) // WIDE)
        self._owed = 0
        self._lone_blocks: dict[int, list[tuple[int, int]]] = {}
        self._usual: list[tuple[int, list[int], int]] = []

    def without_lone(self, missing: int, budget: Budget) -> list[int]:
        """The domains outside all of these boxes that restrict one variable alone; a list of the caller's own. Raises `Spent`."""
        lone = missing & self.lone
        known, domains = min(self._narrowed, key=lambda one: (one[0] ^ lone).bit_count())
        budget.work(len(domains) // ENTRIES)
        if known == lone:
            return list(domains)
        domains = list(domains)
        budget.work((lone & ~known).bit_count())
        for number in bits_of(lone & ~known):
            ((variable, mask),) = self.boxes[number].items()
            domains[variable] &= ~mask
        for variable in {variable for number in bits_of(known & ~lone) for variable in self.boxes[number]}:
            domains[variable] = self.space.full[variable]
            domains[variable] &= ~self._lone_union(lone, variable, budget)
        # the last one is without any box
        self._narrowed = [(lone, domains), *self._narrowed[: _NARROWED - 2], self._narrowed[-1]]
        return list(domains)

    def _lone_union(self, lone: int, variable: int, budget: Budget) -> int:
        """All pieces of a variable that some boxes want that restrict it alone."""
        blocks = self._lone_blocks.get(variable)
        if blocks is None:
            numbers = list(bits_of(self.lone & self.restricting[variable]))
            blocks = self._lone_blocks[variable] = [
                (sum(1 << number for number in some), _any(self.boxes[number][variable] for number in some))
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
                union |= _any(self.boxes[number][variable] for number in bits_of(here))
        return union

    def lone_reasons(self, missing: int, used: int, box: Box, budget: Budget) -> int:
        """Of the boxes left out by `without_lone`, enough for a proof from the boxes `used` about `box`. Raises `Spent`."""
        budget.work(4 * used.bit_count())
        variables = {variable for number in bits_of(used) for variable in self.boxes[number]} | set(box)
        return _any(self.lone_cover(missing, variable, box, budget) for variable in variables)

    def lone_cover(self, missing: int, variable: int, box: Box, budget: Budget) -> int:
        """Boxes that restrict one variable alone and leave as little of it as all of them do, the widest first. Raises `Spent`."""
        lone = missing & self.lone & self.restricting[variable]
        if not lone & (lone - 1):
            return lone
        budget.work(2 * lone.bit_count())
        masks = [(self.boxes[number][variable], number) for number in bits_of(lone)]
        open_ones = _any(mask for mask, _ in masks) & box.get(variable, -1)
        kept = 0
        for mask, number in sorted(masks, key=lambda one: (one[0].bit_count(), one[1]), reverse=True):
            if mask & open_ones:
                open_ones &= ~mask
                kept |= 1 << number
        return kept

    def sides(self, variable: int, domain: int) -> tuple[int, int]:
        """Of the boxes that restrict a variable: those a domain touches, and those it is wholly inside."""
        known = self._known[variable]
        found = known.get(domain)
        if found is None:
            touched = inside = 0
            self._owed += len(self._masks[variable])
            for mask, boxes in self._masks[variable].items():
                if mask & domain:
                    touched |= boxes
                    if not domain & ~mask:
                        inside |= boxes
            single = self._single[variable]
            if not domain & (domain - 1):
                boxes = single.get(domain, 0)
                inside |= boxes
            elif single:
                boxes = self._touched_singles(variable, domain)
            else:
                boxes = 0
            found = known[domain] = (touched | boxes, inside)
        return found

    def pay(self, budget: Budget) -> None:
        """For the looks at masks since the last time. Raises `Spent`."""
        owed, self._owed = self._owed, 0
        budget.work(owed // LOOKS)

    def _touched_singles(self, variable: int, domain: int) -> int:
        """Of the boxes that want one piece: those whose piece is in the domain; the smaller side is gone through."""
        single = self._single[variable]
        outside = self.space.full[variable] & ~domain
        fewer = outside if outside.bit_count() < domain.bit_count() else domain
        boxes = 0
        for piece in bits_of(fewer) if fewer.bit_count() < len(single) else ():
            boxes |= single.get(1 << piece, 0)
        if fewer.bit_count() >= len(single):
            for piece_mask, some in single.items():
                boxes |= some if piece_mask & fewer else 0
        return self._singles[variable] & ~boxes if fewer is outside else boxes

    def boxes_at(self, point: Sequence[int]) -> int:
        """The boxes a point (domains of one piece each) is in."""
        missed = 0
        for start, usual, boxes in self._blocks():
            here = point[start : start + BLOCK]
            missed |= boxes if here == usual else self._missed(start, here)
        return self.everything & ~missed

    def _missed(self, start: int, domains: Sequence[int]) -> int:
        """The boxes that some of the domains miss, those of the variables from `start` on."""
        missed = 0
        for variable, domain in enumerate(domains, start):
            restricting = self.restricting[variable]
            if restricting:
                missed |= restricting & ~self.sides(variable, domain)[0]
        return missed

    def _blocks(self) -> list[tuple[int, list[int], int]]:
        """The variables in blocks: the first, the everyday pieces, the boxes that these miss."""
        if not self._usual:
            usual = [1 << piece for piece in self.space.usual]
            for start in range(0, len(usual), BLOCK):
                here = usual[start : start + BLOCK]
                self._usual.append((start, here, self._missed(start, here)))
        return self._usual

    def touched_by(self, box: Box) -> int:
        """The boxes that have a point in common with a box."""
        boxes = self.everything
        for variable, mask in box.items():
            boxes &= ~self.restricting[variable] | self.sides(variable, mask)[0]
        return boxes


def solve(field: Field, start_box: Box, missing: int, budget: Budget, *, only_whether: bool = False) -> Found | Nowhere:
    """A point in `start_box` that is in none of the boxes whose bits are set in `missing`. Raises `Spent`.

    `only_whether`: that there is one is all that is asked; not every choice out of its domains is one then.
    """
    start = field.without_lone(missing, budget)
    for variable, mask in start_box.items():
        start[variable] &= mask
    budget.work(ROUND + len(start_box))
    if everywhere := missing & field.everywhere:
        return Nowhere(everywhere & -everywhere)
    if not all(start):
        return Nowhere(field.lone_cover(missing, start.index(0), start_box, budget))
    used = 0
    waiting = [(start, missing & ~field.lone & field.touched_by(start_box))]
    while waiting:
        domains, alive = waiting.pop()
        alive, lost, reasons = _propagate(field, domains, alive, budget)
        used |= reasons
        if lost:
            continue
        if _everyday(field, domains, alive, budget, only_whether):
            return Found(domains)
        opened = _opened(field, domains, alive, budget)
        variable, boxes = max(opened, key=lambda pair: (pair[1].bit_count(), -pair[0]))
        first = boxes & -boxes
        used |= first
        box = field.boxes[first.bit_length() - 1]
        everyday = (one for one, missable in opened if missable & first and not box[one] >> field.space.usual[one] & 1)
        variable = next(everyday, variable)
        mask = box[variable]
        inner, outer = list(domains), domains
        inner[variable] &= mask
        outer[variable] &= ~mask
        waiting.append((inner, alive))
        waiting.append((outer, alive))
    return Nowhere(used | field.lone_reasons(missing, used, start_box, budget))


def _everyday(field: Field, domains: list[int], alive: int, budget: Budget, only_whether: bool) -> bool:
    """Narrows domains in place until all boxes are missed, if the point with all everyday pieces misses them."""
    budget.work(field.look if alive.bit_count() > MANY else len(field.sharing) // ENTRIES)
    space = field.space
    usual: list[tuple[int, int]] = []
    inside = alive
    for variable in field.sharing:
        concerned = field.restricting[variable] & inside
        if concerned:
            missed = concerned & ~field.sides(variable, 1 << space.piece_of(variable, domains[variable]))[0]
            if missed:
                inside &= ~missed
                usual.append((variable, missed))
        elif not inside:
            break
    if inside or only_whether:
        return not inside
    budget.work(4 * len(usual))
    for variable, missed in usual:
        for number in bits_of(missed):
            domains[variable] &= ~field.boxes[number][variable]
    return True


def _any(masks: Iterable[int]) -> int:
    together = 0
    for mask in masks:
        together |= mask
    return together


def _propagate(field: Field, domains: list[int], alive: int, budget: Budget) -> tuple[int, bool, int]:
    """Narrows domains in place until nothing follows.

    The boxes still to be missed (none: any choice is a point), whether there is no point, and the boxes that were reasons.
    """
    reasons = 0
    restricting, full = field.restricting, field.space.full
    changed = [variable for variable in field.sharing if domains[variable] != full[variable]]
    while True:
        budget.work(ROUND + len(changed))
        field.pay(budget)
        for variable in changed:
            if restricting[variable] & alive:
                alive &= ~restricting[variable] | field.sides(variable, domains[variable])[0]
        if not alive:
            return 0, False, reasons
        # only a box that a narrowed variable is in can have become unit: none has one variable alone
        near = alive & _any(restricting[variable] for variable in changed)
        if near.bit_count() > MANY:
            unit, hit = _units(field, domains, near, budget)
        else:
            unit, hit = near, 0
        changed = []
        if hit:
            return alive, True, reasons | (hit & -hit)
        budget.work(2 * unit.bit_count())
        for number in bits_of(unit):
            box = field.boxes[number]
            open_in = [variable for variable, mask in box.items() if domains[variable] & ~mask]
            if not open_in:
                return alive, True, reasons | 1 << number
            if len(open_in) == 1 and (domain := domains[open_in[0]]) & box[open_in[0]]:
                reasons |= 1 << number
                domains[open_in[0]] = domain & ~box[open_in[0]]
                changed.append(open_in[0])
        if not changed:
            return alive, False, reasons


def _opened(field: Field, domains: Sequence[int], alive: int, budget: Budget) -> list[tuple[int, int]]:
    """The variables that can still miss some boxes, each with those boxes."""
    restricting = field.restricting
    budget.work(min(alive.bit_count(), MANY, len(field.sharing)))
    if alive.bit_count() <= MANY:
        variables = sorted({variable for number in bits_of(alive) for variable in field.boxes[number]})
    else:
        budget.work(field.look)
        variables = [variable for variable in field.sharing if restricting[variable] & alive]
    opened = []
    for variable in variables:
        missable = restricting[variable] & alive & ~field.sides(variable, domains[variable])[1]
        if missable:
            opened.append((variable, missable))
    return opened


def _units(field: Field, domains: Sequence[int], alive: int, budget: Budget) -> tuple[int, int]:
    """Of many boxes, those that a single variable can still miss, and those that none can."""
    budget.work(field.look)
    once = twice = 0
    for variable in field.sharing:
        concerned = field.restricting[variable] & alive
        if concerned:
            missable = concerned & ~field.sides(variable, domains[variable])[1]
            twice |= once & missable
            once |= missable
    return once & ~twice, alive & ~once
