"""The space of all requests as this configuration can tell them apart: variables with finitely many pieces, and boxes.

A piece is a bit; a set of pieces is a mask; a box restricts some variables to masks, a region is a union of boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct, field

from rules.analysis.budget import Budget

Box: TypeAlias = Mapping[int, int]
"""Variable -> the pieces it may have; a variable that is not named is free. Never holds an empty or a full mask."""

Region: TypeAlias = tuple[Box, ...]
"""A union of boxes: `()` is nothing, `({},)` everything."""

NOTHING: Region = ()
EVERYTHING: Region = ({},)


class TooMany(Exception):  # noqa: N818 - says what happened
    """A region would need more than `MAX_BOXES` boxes."""


MAX_BOXES = 64

PASSED = 4
"""Boxes that another one is compared with in the time of an operation."""


class Space(Struct):
    """Variables by number. `impossible` are boxes in which there is no request."""

    names: list[str] = field(default_factory=list)
    full: list[int] = field(default_factory=list)
    usual: list[int] = field(default_factory=list)
    impossible: list[Box] = field(default_factory=list)

    def add(self, name: str, size: int, usual: int = 0) -> int:
        """A new variable of `size` pieces, of which number `usual` is the one an everyday request has."""
        self.names.append(name)
        self.full.append((1 << size) - 1)
        self.usual.append(usual)
        return len(self.names) - 1

    def where(self, variable: int, mask: int) -> Region:
        """The region in which a variable has one of these pieces."""
        if not mask:
            return NOTHING
        return EVERYTHING if mask == self.full[variable] else ({variable: mask},)

    def forbid(self, *parts: tuple[int, int]) -> None:
        """No request has all these variables in these pieces."""
        box = both(*({variable: mask} for variable, mask in parts if mask != self.full[variable]))
        if box is not None and all(mask for _, mask in parts):
            self.impossible.append(box)

    def is_everyday(self, box: Box) -> bool:
        """Whether the everyday pieces of all variables are in a box."""
        return all(mask >> self.usual[variable] & 1 for variable, mask in box.items())

    def but(self, box: Box, variable: int) -> Box:
        """The box with one variable free."""
        return {other: mask for other, mask in box.items() if other != variable}

    def piece_of(self, variable: int, domain: int) -> int:
        """The number of the piece to show for a domain: the usual one, else the first after it, else the last before it."""
        usual = self.usual[variable]
        after = domain >> usual
        return usual + (after & -after).bit_length() - 1 if after else domain.bit_length() - 1


def both(*boxes: Box) -> Box | None:
    """The common part of boxes; None where there is none."""
    result: dict[int, int] = {}
    for box in boxes:
        for variable, mask in box.items():
            common = result.get(variable, mask) & mask
            if not common:
                return None
            result[variable] = common
    return result


def meet(left: Region, right: Region, budget: Budget) -> Region:
    """The common part of two regions. Raises `TooMany` and `Spent`."""
    if left == EVERYTHING:
        return right
    if right == EVERYTHING:
        return left
    if len(left) == len(right) == 1:
        common = both(left[0], right[0])
        return NOTHING if common is None else (common,)
    budget.work(2 * len(left) * len(right))
    return tidy((common for one in left for other in right if (common := both(one, other)) is not None), budget)


def join(space: Space, regions: Iterable[Region], budget: Budget) -> Region:
    """The union of regions; boxes that restrict the same variable alone become one. Raises `TooMany` and `Spent`."""
    singles: dict[int, int] = {}
    rest: list[Box] = []
    for region in regions:
        for box in region:
            if len(box) == 1:
                ((variable, mask),) = box.items()
                singles[variable] = singles.get(variable, 0) | mask
                if singles[variable] == space.full[variable]:
                    return EVERYTHING
            elif box:
                rest.append(box)
            else:
                return EVERYTHING
    budget.work(len(rest) + len(singles))
    listed: list[Box] = [{variable: mask} for variable, mask in singles.items()]
    if not rest and len(listed) <= MAX_BOXES:
        return tuple(listed)
    return tidy([*listed, *rest], budget)


def tidy(boxes: Iterable[Box], budget: Budget) -> Region:
    """The boxes without those inside another. Raises `TooMany` and `Spent`."""
    # with the variables of each, as bits: a box with one that another lacks does not hold that other
    kept: list[tuple[int, Box]] = []
    for box in boxes:
        variables = 0
        for variable in box:
            variables |= 1 << variable
        alike = [(at, there & variables, there, other) for at, (there, other) in enumerate(kept)]
        alike = [one for one in alike if one[1] in (one[2], variables)]
        budget.work(2 + len(kept) // PASSED + 2 * len(alike))
        smaller: list[int] = []
        for at, common, there, other in alike:
            if common == there and inside(box, other):
                break
            if common == variables and inside(other, box):
                smaller.append(at)
        else:
            for at in reversed(smaller):
                del kept[at]
            kept.append((variables, box))
            if len(kept) > MAX_BOXES:
                raise TooMany
    return tuple(box for _, box in kept)


def inside(inner: Box, outer: Box) -> bool:
    """Whether every point of a box is in another one."""
    for variable, mask in outer.items():  # noqa: SIM110 - nothing is called more often
        if inner.get(variable, -1) & ~mask:
            return False
    return True
