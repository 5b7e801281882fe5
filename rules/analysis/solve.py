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

_NARROWED = 4


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
        # what one round over all boxes costs, in steps
        self.weight = 1 + len(self.sharing) // 250
        self._narrowed: list[tuple[int, list[int]]] = [(0, list(space.full))]

    def without_lone(self, missing: int) -> list[int]:
        """The domains outside all of these boxes that restrict one variable alone; a list of the caller's own."""
        lone = missing & self.lone
        known, domains = min(self._narrowed, key=lambda one: (one[0] ^ lone).bit_count())
        if known == lone:
            return list(domains)
        domains = list(domains)
        for number in bits_of(lone & ~known):
            ((variable, mask),) = self.boxes[number].items()
            domains[variable] &= ~mask
        for variable in {variable for number in bits_of(known & ~lone) for variable in self.boxes[number]}:
            domains[variable] = self.space.full[variable]
            for number in bits_of(lone & self.restricting[variable]):
                domains[variable] &= ~self.boxes[number][variable]
        self._narrowed = [(lone, domains), *self._narrowed[: _NARROWED - 1]]
        return list(domains)

    def lone_reasons(self, missing: int, used: int, box: Box) -> int:
        """The boxes left out by `without_lone` that a proof from the boxes `used` about `box` may rest on."""
        variables = {variable for number in bits_of(used) for variable in self.boxes[number]} | set(box)
        return missing & self.lone & _any(self.restricting[variable] for variable in variables)

    def sides(self, variable: int, domain: int) -> tuple[int, int]:
        """Of the boxes that restrict a variable: those a domain touches, and those it is wholly inside."""
        known = self._known[variable]
        found = known.get(domain)
        if found is None:
            touched = inside = 0
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

    def boxes_at(self, domains: Sequence[int]) -> int:
        """The boxes a point (domains of one piece each) is in."""
        boxes = self.everything
        for variable, domain in enumerate(domains):
            restricting = self.restricting[variable]
            if restricting:
                boxes &= ~restricting | self.sides(variable, domain)[0]
        return boxes

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
    start = field.without_lone(missing)
    for variable, mask in start_box.items():
        start[variable] &= mask
    budget.step(field.weight)
    if everywhere := missing & field.everywhere:
        return Nowhere(everywhere & -everywhere)
    if not all(start):
        return Nowhere(missing & field.lone & field.restricting[start.index(0)])
    used = 0
    waiting = [(start, missing & ~field.lone & field.touched_by(start_box))]
    while waiting:
        domains, alive = waiting.pop()
        alive, lost, reasons = _propagate(field, domains, alive, budget)
        used |= reasons
        if lost:
            continue
        if _everyday(field, domains, alive, only_whether):
            return Found(domains)
        opened = _opened(field, domains, alive)
        budget.step(len(opened) // MANY)
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
    return Nowhere(used | field.lone_reasons(missing, used, start_box))


def _everyday(field: Field, domains: list[int], alive: int, only_whether: bool) -> bool:
    """Narrows domains in place until all boxes are missed, if the point with all everyday pieces misses them."""
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
        budget.step(field.weight)
        for variable in changed:
            if restricting[variable] & alive:
                alive &= ~restricting[variable] | field.sides(variable, domains[variable])[0]
        if not alive:
            return 0, False, reasons
        # only a box that a narrowed variable is in can have become unit: none has one variable alone
        near = alive & _any(restricting[variable] for variable in changed)
        if near.bit_count() > MANY:
            unit, hit = _units(field, domains, near)
        else:
            unit, hit = near, 0
        changed = []
        if hit:
            return alive, True, reasons | (hit & -hit)
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


def _opened(field: Field, domains: Sequence[int], alive: int) -> list[tuple[int, int]]:
    """The variables that can still miss some boxes, each with those boxes."""
    restricting = field.restricting
    if alive.bit_count() <= MANY:
        variables = sorted({variable for number in bits_of(alive) for variable in field.boxes[number]})
    else:
        variables = [variable for variable in field.sharing if restricting[variable] & alive]
    opened = []
    for variable in variables:
        missable = restricting[variable] & alive & ~field.sides(variable, domains[variable])[1]
        if missable:
            opened.append((variable, missable))
    return opened


def _units(field: Field, domains: Sequence[int], alive: int) -> tuple[int, int]:
    """Of many boxes, those that a single variable can still miss, and those that none can."""
    once = twice = 0
    for variable in field.sharing:
        concerned = field.restricting[variable] & alive
        if concerned:
            missable = concerned & ~field.sides(variable, domains[variable])[1]
            twice |= once & missable
            once |= missable
    return once & ~twice, alive & ~once
