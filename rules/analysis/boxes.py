"""Conditions as regions: where they hold, where they do not, and where evaluating them fails.

What would need more than `MAX_BOXES` boxes gets a variable of its own that means the same, so nothing is ever cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import assert_never

from msgspec import Struct, field

from rules.analysis.atoms import Atoms
from rules.analysis.budget import Budget, Spent
from rules.analysis.space import EVERYTHING, MAX_BOXES, NOTHING, Region, TooMany, both, join, meet
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Reference, Test


class Sides(Struct, frozen=True):
    """The three regions of a condition; together they are everything, and no two overlap in a request."""

    holds: Region
    fails_to_hold: Region
    breaks: Region = NOTHING

    def negated(self) -> Sides:
        """Of the negation."""
        return Sides(self.fails_to_hold, self.holds, self.breaks)


UNCOUNTED = 1_000_000

TOGETHER = MAX_BOXES // 2
"""Parts of one box for each side that are one condition; of more, groups get a variable each."""

ALWAYS = Sides(EVERYTHING, NOTHING)


class Boxes(Struct):
    """Makes regions of conditions over one space; each part of a condition once."""

    atoms: Atoms
    budget: Budget
    _known: dict[int, tuple[Predicate, Sides]] = field(default_factory=dict)

    def sides_of(self, node: Predicate) -> Sides:
        """The regions of a condition."""
        known = self._known.get(id(node))
        if known is None:
            # the node is kept, so that its id stays its own
            known = self._known[id(node)] = (node, self._sides(node))
        return known[1]

    def _sides(self, node: Predicate) -> Sides:
        match node:
            case Test() | Compare() | Opaque():
                return Sides(*self.atoms.sides_of(node))
            case Constant(value):
                return ALWAYS if value else ALWAYS.negated()
            case Not(child):
                return self.sides_of(child).negated()
            case Reference(_, child):
                return self.sides_of(child)
            case All(children):
                return self.conjunction([self.sides_of(child) for child in children])
            case Any(children):
                return self.conjunction([self.sides_of(child).negated() for child in children]).negated()
            case _:
                assert_never(node)

    def conjunction(self, parts: Sequence[Sides]) -> Sides:
        """Of several parts, tried in this order: one that does not hold ends the trying, one that breaks breaks all."""
        if len(parts) == 1:
            return parts[0]
        try:
            self.budget.ask()
            return self._conjunction(parts, self.budget)
        except (TooMany, Spent):
            # of one box for each part this takes no time worth counting
            budget = Budget(UNCOUNTED, UNCOUNTED, left=UNCOUNTED)
            # what may break comes last, as it is tried
            named = sorted(map(self._named, parts), key=lambda part: bool(part.breaks))
            while len(named) > TOGETHER:
                groups = (named[at : at + TOGETHER] for at in range(0, len(named), TOGETHER))
                named = [self._named(self._conjunction(group, budget)) for group in groups]
            return self._conjunction(named, budget)

    def _conjunction(self, parts: Sequence[Sides], budget: Budget) -> Sides:
        space = self.atoms.space
        sound = [part for part in parts if not part.breaks]
        # those of one box each are met at once: one after the other would copy what is there for each
        common = both(*(part.holds[0] for part in sound if len(part.holds) == 1))
        others = [part.holds for part in sound if len(part.holds) != 1]
        holds = reduce(
            lambda region, other: meet(region, other, budget), others, NOTHING if common is None else (common,)
        )
        fails = join(space, (part.fails_to_hold for part in sound), budget)
        breaks = NOTHING
        for part in parts:
            if part.breaks:
                fails = join(space, (fails, meet(holds, part.fails_to_hold, budget)), budget)
                breaks = join(space, (breaks, meet(holds, part.breaks, budget)), budget)
                holds = meet(holds, part.holds, budget)
        return Sides(holds, fails, breaks)

    def _named(self, part: Sides) -> Sides:
        """A variable that says which side a request is on."""
        if max(len(part.holds), len(part.fails_to_hold), len(part.breaks)) <= 1:
            return part
        space = self.atoms.space
        regions = (part.fails_to_hold, part.holds, part.breaks)[: 3 if part.breaks else 2]
        # an everyday request is on the side on which everyday pieces are
        usual = next((number for number, region in enumerate(regions) if any(map(space.is_everyday, region))), 0)
        variable = space.add("part", len(regions), usual)
        for number, region in enumerate(regions):
            for box in region:
                space.impossible.append({**box, variable: space.full[variable] & ~(1 << number)})
        breaks = space.where(variable, 0b100) if part.breaks else NOTHING
        return Sides(space.where(variable, 0b010), space.where(variable, 0b001), breaks)
