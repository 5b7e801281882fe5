"""Is there a point in a box that is in none of many others? A small DPLL over bit masks, all boxes at once.

For every variable the `Field` knows which boxes each piece is in, as one wide integer; so one round of unit propagation
over a thousand boxes is a few dozen operations on integers. A box is unit when a single variable can still miss it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from rules.analysis.budget import Budget
from rules.analysis.field import ENTRIES, Field, union_of
from rules.analysis.space import Box, bits_of

MANY = 48
"""Boxes from which on all are looked at together, one wide integer per variable, and not one by one."""

ROUND = 10
"""Operations that a round of propagation costs before it looks at anything."""


class Found(Struct, frozen=True):
    """A point, more exactly: any choice of a piece out of each domain is one."""

    domains: Sequence[int]


class Nowhere(Struct, frozen=True):
    """There is no point; `used` are the boxes that show it, as bits."""

    used: int


def solve(field: Field, start_box: Box, missing: int, budget: Budget, *, only_whether: bool = False) -> Found | Nowhere:
    """A point in `start_box` that is in none of the boxes whose bits are set in `missing`. Raises `Spent`.

    `only_whether`: that there is one is all that is asked; not every choice out of its domains is one then.
    """
    start, narrowed = field.without_lone(missing, budget)
    for variable, mask in start_box.items():
        start[variable] &= mask
    budget.work(ROUND + len(start_box))
    if everywhere := missing & field.everywhere:
        return Nowhere(everywhere & -everywhere)
    if not all(start):
        return Nowhere(field.lone_cover(missing, start.index(0), start_box, budget))
    used = 0
    waiting = [(start, missing & ~field.lone & field.touched_by(start_box), [*start_box, *narrowed])]
    while waiting:
        domains, alive, changed = waiting.pop()
        alive, lost, reasons = _propagate(field, domains, alive, changed, budget)
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
        waiting.append((inner, alive, [variable]))
        waiting.append((outer, alive, [variable]))
    return Nowhere(used | field.lone_reasons(missing, used, start_box, budget))


def _everyday(field: Field, domains: list[int], alive: int, budget: Budget, only_whether: bool) -> bool:
    """Narrows domains in place until all boxes are missed, if the point with all everyday pieces misses them."""
    many = alive.bit_count() > MANY
    budget.work(field.look if many else len(field.sharing) // ENTRIES)
    if many:
        left = field.left_as_usual(domains, alive)
        if left or only_whether:
            return not left
    space = field.space
    usual: list[tuple[int, int]] = []
    inside = alive
    for variable in field.sharing if many else field.restricted_by(alive):
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


def _propagate(
    field: Field, domains: list[int], alive: int, changed: Sequence[int], budget: Budget
) -> tuple[int, bool, int]:
    """Narrows domains in place until nothing follows from what has `changed`.

    The boxes still to be missed (none: any choice is a point), whether there is no point, and the boxes that were reasons.
    """
    reasons = 0
    restricting = field.restricting
    while True:
        budget.work(ROUND + len(changed))
        field.pay(budget)
        for variable in changed:
            if restricting[variable] & alive:
                alive &= ~restricting[variable] | field.sides(variable, domains[variable])[0]
        if not alive:
            return 0, False, reasons
        # only a box that a narrowed variable is in can have become unit: none has one variable alone
        near = alive & union_of(restricting[variable] for variable in changed)
        if near.bit_count() > MANY:
            unit, hit = _units(field, domains, near, budget)
        else:
            unit, hit = near, 0
        changed = []
        if hit:
            return alive, True, reasons | (hit & -hit)
        budget.work(5 * unit.bit_count())
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
        variables = field.restricted_by(alive)
    else:
        budget.work(field.look)
        variables = [variable for variable in field.sharing if restricting[variable] & alive]
    opened = []
    for variable in variables:
        missable = alive & field.missable(variable, domains[variable])
        if missable:
            opened.append((variable, missable))
    return opened


def _units(field: Field, domains: Sequence[int], alive: int, budget: Budget) -> tuple[int, int]:
    """Of many boxes, those that a single variable can still miss, and those that none can."""
    budget.work(field.look)
    once, twice = field.missable_by_one(domains, alive)
    return alive & once & ~twice, alive & ~once
