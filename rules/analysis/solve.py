"""Is there a point in a box that is in none of many others? A small DPLL over bit masks, all boxes at once.

For every variable the `Field` knows which boxes each piece is in, as one wide integer; so one round of unit propagation
over a thousand boxes is a few dozen operations on integers. A box is unit when a single variable can still miss it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.analysis.budget import Budget
from rules.analysis.space import Box, Space, bits_of


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
        self._within: list[dict[int, int]] = [{} for _ in range(count)]
        masks: list[dict[int, int]] = [{} for _ in range(count)]
        for number, box in enumerate(boxes):
            bit = 1 << number
            for variable, mask in box.items():
                self.restricting[variable] |= bit
                masks[variable][mask] = masks[variable].get(mask, 0) | bit
        # variable -> (mask, the boxes that restrict it to that mask)
        self._masks = [list(known.items()) for known in masks]
        self._known: list[dict[int, tuple[int, int]]] = [{} for _ in range(count)]
        self._pieces: list[dict[int, int]] = [{} for _ in range(count)]

    def sides(self, variable: int, domain: int) -> tuple[int, int]:
        """Of the boxes that restrict a variable: those a domain touches, and those it is wholly inside."""
        known = self._known[variable]
        found = known.get(domain)
        if found is None:
            touched = inside = 0
            if domain & (domain - 1):
                for mask, boxes in self._masks[variable]:
                    if mask & domain:
                        touched |= boxes
                        if not domain & ~mask:
                            inside |= boxes
            else:
                touched = inside = self._at(variable, domain)
            found = known[domain] = (touched, inside)
        return found

    def _at(self, variable: int, piece: int) -> int:
        boxes = 0
        for mask, some in self._masks[variable]:
            if mask & piece:
                boxes |= some
        return boxes

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


def solve(field: Field, box: Box, missing: int, budget: Budget) -> Found | Nowhere:
    """A point in `box` that is in none of the boxes whose bits are set in `missing`. Raises `Spent`."""
    start = list(field.space.full)
    for variable, mask in box.items():
        start[variable] &= mask
    used = 0
    waiting = [(start, missing)]
    while waiting:
        domains, alive = waiting.pop()
        reached = _propagate(field, domains, alive, budget)
        if isinstance(reached, Nowhere):
            used |= reached.used
            continue
        alive, opened = reached
        if not alive:
            return Found(domains)
        variable, boxes = max(opened, key=lambda pair: (pair[1].bit_count(), -pair[0]))
        number = (boxes & -boxes).bit_length() - 1
        used |= boxes & -boxes
        mask = field.boxes[number][variable]
        inner, outer = list(domains), domains
        inner[variable] &= mask
        outer[variable] &= ~mask
        waiting.append((inner, alive))
        waiting.append((outer, alive))
    return Nowhere(used)


def _propagate(
    field: Field, domains: list[int], alive: int, budget: Budget
) -> tuple[int, list[tuple[int, int]]] | Nowhere:
    """Narrows domains in place until nothing follows: the boxes still to be missed, and by which variables they can be."""
    used = 0
    restricting = field.restricting
    variables = [variable for variable, boxes in enumerate(restricting) if boxes & alive]
    while True:
        budget.step()
        for variable in variables:
            if restricting[variable] & alive:
                alive &= ~restricting[variable] | field.sides(variable, domains[variable])[0]
        if not alive:
            return 0, []
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
        if alive & ~once:
            hit = alive & ~once
            return Nowhere(used | (hit & -hit))
        unit = once & ~twice
        if not unit:
            return alive, opened
        for variable, missable in opened:
            forced = unit & missable
            if forced:
                domain = domains[variable]
                for number in bits_of(forced):
                    narrowed = domain & ~field.boxes[number][variable]
                    if narrowed != domain:
                        used |= 1 << number
                        domain = narrowed
                        if not domain:
                            return Nowhere(used)
                domains[variable] = domain
