"""Is there a point in a box that is in none of many others? A small DPLL over bit masks, all boxes at once.

For every variable the `Field` knows which boxes each piece is in, as one wide integer; so one round of unit propagation
over a thousand boxes is a few dozen operations on integers. A box is unit when a single variable can still miss it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rules.analysis.budget import Budget
from rules.analysis.space import Box, Space, bits_of

FEW = 16
"""Boxes up to which their variables are gathered from them."""

_NARROWED = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A point, more exactly: any choice of a piece out of each domain is one."""

    domains: Sequence[int]


@dataclass(frozen=True, slots=True)
class Nowhere:
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
        # boxes that restrict one variable alone: missing them is narrowing that variable, once for all questions
        self.lone = sum(1 << number for number, box in enumerate(boxes) if len(box) == 1)
        self.sharing = [variable for variable in range(count) if self.restricting[variable] & ~self.lone]
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


def solve(field: Field, start_box: Box, missing: int, budget: Budget) -> Found | Nowhere:
    """A point in `start_box` that is in none of the boxes whose bits are set in `missing`. Raises `Spent`."""
    start = field.without_lone(missing)
    for variable, mask in start_box.items():
        start[variable] &= mask
    budget.step()
    if not all(start):
        return Nowhere(missing & field.lone & field.restricting[start.index(0)])
    used = 0
    waiting = [(start, missing & ~field.lone & field.touched_by(start_box))]
    while waiting:
        domains, alive = waiting.pop()
        alive, opened, reasons = _propagate(field, domains, alive, budget)
        used |= reasons
        if not alive:
            return Found(domains)
        if not opened:
            continue
        if _everyday(field, domains, alive, opened, budget):
            return Found(domains)
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


def _everyday(field: Field, domains: list[int], alive: int, opened: Sequence[tuple[int, int]], budget: Budget) -> bool:
    """Narrows domains in place until all boxes are missed, if the point with all everyday pieces misses them."""
    space = field.space
    usual = {variable: 1 << space.piece_of(variable, domains[variable]) for variable, _ in opened}
    inside = alive
    for variable, piece in usual.items():
        inside &= ~field.restricting[variable] | field.sides(variable, piece)[0]
    if inside:
        return False
    for variable, missable in opened:
        boxes = alive & missable
        if not boxes:
            continue
        boxes &= ~field.sides(variable, usual[variable])[0]
        for number in bits_of(boxes):
            if alive >> number & 1:
                domains[variable] &= ~field.boxes[number][variable]
        alive &= ~field.restricting[variable] | field.sides(variable, domains[variable])[0]
        budget.step()
        if not alive:
            break
    return True


def _any(masks: Iterable[int]) -> int:
    together = 0
    for mask in masks:
        together |= mask
    return together


def _propagate(field: Field, domains: list[int], alive: int, budget: Budget) -> tuple[int, list[tuple[int, int]], int]:
    """Narrows domains in place until nothing follows.

    The boxes still to be missed (none: there is a point), the variables that can still miss them, each with its boxes
    (none: there is no point), and the boxes that were reasons.
    """
    reasons = 0
    restricting = field.restricting
    if alive.bit_count() <= FEW:
        variables = sorted({variable for number in bits_of(alive) for variable in field.boxes[number]})
    else:
        variables = [variable for variable in field.sharing if restricting[variable] & alive]
    while True:
        budget.step()
        for variable in variables:
            if restricting[variable] & alive:
                alive &= ~restricting[variable] | field.sides(variable, domains[variable])[0]
        if not alive:
            return 0, [], reasons
        once = twice = 0
        opened: list[tuple[int, int]] = []
        for variable in variables:
            concerned = restricting[variable] & alive
            if concerned:
                missable = concerned & ~field.sides(variable, domains[variable])[1]
                if missable:
                    twice |= once & missable
                    once |= missable
                    opened.append((variable, missable))
        hit = alive & ~once
        if hit:
            return alive, [], reasons | (hit & -hit)
        unit = once & ~twice
        if not unit:
            return alive, opened, reasons
        for variable, missable in opened:
            domain = domains[variable]
            for number in bits_of(unit & missable):
                narrowed = domain & ~field.boxes[number][variable]
                if narrowed != domain:
                    reasons |= 1 << number
                    domain = narrowed
                    if not domain:
                        return alive, [], reasons
            domains[variable] = domain
