"""Is there a point in a box that is in none of many others? A small DPLL over bit masks, all boxes at once.

For every variable the `Field` knows which boxes each piece is in, as one wide integer; so one round of unit propagation
over a thousand boxes is a few dozen operations on integers. A box is unit when a single variable can still miss it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from rules.analysis.bits import bits_of, union_of
from rules.analysis.budget import Budget
from rules.analysis.field import WIDE, Field
from rules.analysis.lone import Left
from rules.analysis.space import Box

MANY = 48
"""Boxes from which on all are looked at together, one wide integer per variable, and not one by one."""

ROUND = 10
"""Operations that a round of propagation costs before it looks at anything."""


Wanted: TypeAlias = Literal["domains", "point", "whether"]
"""Of a point: as much of the domains as is left, one piece wherever that matters, or nothing but that there is one."""


class Found(Struct, frozen=True):
    """A point, more exactly: any choice of a piece out of each domain is one. As bits: the variables that are `narrowed`,
    and the `odd` ones, which do not have their everyday piece.
    """

    domains: Sequence[int]
    narrowed: int
    odd: int


class Nowhere(Struct, frozen=True):
    """There is no point; `used` are the boxes that show it, as bits."""

    used: int


def solve(field: Field, start_box: Box, missing: int, budget: Budget, wanted: Wanted = "domains") -> Found | Nowhere:
    """A point in `start_box` that is in none of the boxes whose bits are set in `missing`. Raises `Spent`."""
    lone, space = field.lone, field.space
    start = lone.left(missing, budget)
    budget.work(ROUND + len(start_box))
    if everywhere := missing & field.everywhere:
        return Nowhere(everywhere & -everywhere)
    for variable, mask in start_box.items():
        start.narrow(variable, start.domains[variable] & mask, space)
    if start.nothing:
        return Nowhere(lone.cover(missing, next(bits_of(start.nothing)), start_box, budget))
    used = 0
    near, alive = start.near, missing & ~lone.bits & ~start.missed & field.touched_by(start_box)
    waiting = [(start, alive, [*start_box])]
    while waiting:
        left, alive, changed = waiting.pop()
        alive, lost, reasons = _propagate(field, left, alive, changed, near, budget)
        near = 0
        used |= reasons
        if lost:
            continue
        if _everyday(field, left, alive, budget, wanted):
            return Found(left.domains, left.narrowed, left.odd)
        variable, first = _opened(field, left, alive, budget)
        used |= 1 << first
        box = field.boxes[first]
        everyday = (
            one for one in sorted(box) if left.domains[one] & ~box[one] and not box[one] >> space.usual[one] & 1
        )
        variable = next(everyday, variable)
        domain, mask = left.domains[variable], box[variable]
        inner, outer = left.copy(), left
        inner.narrow(variable, domain & mask, space)
        outer.narrow(variable, domain & ~mask, space)
        waiting.append((inner, alive, [variable]))
        waiting.append((outer, alive, [variable]))
    return Nowhere(used | lone.reasons(missing, used, start_box, budget))


def _everyday(field: Field, left: Left, alive: int, budget: Budget, wanted: Wanted) -> bool:
    """Narrows domains in place until all boxes are missed, if the point with all everyday pieces misses them."""
    if not alive:
        return True
    many = alive.bit_count() > MANY
    budget.work(field.cost_of(left.odd.bit_count()) if many else 1)
    if many:
        taken = field.left_as_usual(left, alive)
        if taken or wanted == "whether":
            return not taken
    missing, inside = field.missing_as_usual(
        left, alive, field.concerned(alive) if many else field.restricted_by(alive)
    )
    if inside or wanted == "whether":
        return not inside
    budget.work(2 * len(missing))
    for variable, missed in missing:
        domain = left.domains[variable]
        if wanted == "point":
            domain = 1 << field.space.piece_of(variable, domain)
        else:
            budget.work(missed.bit_count() // 2)
            domain &= ~union_of(field.boxes[number][variable] for number in bits_of(missed))
        left.narrow(variable, domain, field.space)
    return True


def _propagate(
    field: Field, left: Left, alive: int, changed: Sequence[int], near: int, budget: Budget
) -> tuple[int, bool, int]:
    """Narrows domains in place until nothing follows from what has `changed`, and for boxes that are `near` from what had.

    The boxes still to be missed (none: any choice is a point), whether there is no point, and the boxes that were reasons.
    """
    reasons = 0
    restricting, domains = field.restricting, left.domains
    while True:
        budget.work(ROUND + len(changed))
        field.pay(budget)
        for variable in changed:
            if restricting[variable] & alive:
                alive &= ~restricting[variable] | field.sides(variable, domains[variable])[0]
        if not alive:
            return 0, False, reasons
        # only a box that a narrowed variable is in can have become unit: none has one variable alone
        near = alive & (near | union_of([restricting[variable] for variable in changed]))
        if near.bit_count() > MANY:
            unit, hit = _units(field, left, near, budget)
        else:
            unit, hit = near, 0
        changed, near = [], 0
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
                left.narrow(open_in[0], domain & ~box[open_in[0]], field.space)
                changed.append(open_in[0])
        if not changed:
            return alive, False, reasons


def _opened(field: Field, left: Left, alive: int, budget: Budget) -> tuple[int, int]:
    """The variable that can still miss most of some boxes, and the first of these."""
    restricting = field.restricting
    budget.work(min(alive.bit_count(), MANY))
    most = found = first = 0
    looked = 0
    for variable in field.restricted_by(alive) if alive.bit_count() <= MANY else field.concerned(alive):
        if restricting[variable] & alive:
            looked += 1
            missable = alive & field.missable(variable, left.domains[variable])
            count = missable.bit_count()
            if count > most:
                most, found, first = count, variable, (missable & -missable).bit_length() - 1
    budget.work(looked * (1 + len(field.boxes) // WIDE))
    return found, first


def _units(field: Field, left: Left, alive: int, budget: Budget) -> tuple[int, int]:
    """Of many boxes, those that a single variable can still miss, and those that none can."""
    budget.work(field.cost_of((left.narrowed & field.shared).bit_count()))
    once, twice = field.missable_by_one(left, alive)
    return alive & once & ~twice, alive & ~once
