"""Boxes by the pieces they want: short ways give what going through all of them gives."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rules.analysis.budget import Budget
from rules.analysis.field import FEW, Field
from rules.analysis.space import Space

PIECES = 12


def mask_of(random: Random) -> int:
    """Some pieces, often without a gap between them; neither none nor all."""
    if random.random() < 0.3:
        return random.randrange(1, (1 << PIECES) - 1)
    first = random.randrange(PIECES - 1)
    return (1 << random.randrange(first + 1, PIECES)) - (1 << first)


@given(st.integers(0, 2**32))
def test_sides_are_those_of_each_box(seed: int) -> None:
    """Of few boxes and of many: those that a domain touches and those it is wholly inside."""
    random = Random(seed)
    space = Space()
    variable, other = space.add("number", PIECES), space.add("other", 2)
    masks = [mask_of(random) for _ in range(random.choice((2, 4 * FEW)))]
    field = Field(space, [{variable: mask, other: 1} for mask in masks])
    for _ in range(5):
        domain = random.randrange(1, 1 << PIECES)
        touched = sum(1 << number for number, mask in enumerate(masks) if mask & domain)
        inside = sum(1 << number for number, mask in enumerate(masks) if not domain & ~mask)
        assert field.sides(variable, domain) == (touched, inside)


@given(st.integers(0, 2**32))
def test_what_lone_boxes_leave_is_known_of_any_set_of_them(seed: int) -> None:
    """However the sets follow one another: the domains outside them, and the shared variables that are narrowed."""
    random = Random(seed)
    space = Space()
    variables = [space.add(f"v{number}", PIECES) for number in range(3)]
    shared = {variables[0]: 1, variables[1]: 1}
    boxes = [{random.choice(variables): mask_of(random)} for _ in range(10)]
    field = Field(space, [*boxes, shared])
    for _ in range(8):
        missing = random.randrange(1 << len(boxes))
        domains, narrowed = field.without_lone(missing, Budget(left=10**6))
        expected = [(1 << PIECES) - 1] * len(variables)
        for number, box in enumerate(boxes):
            for variable, mask in box.items():
                expected[variable] &= ~mask if missing >> number & 1 else -1
        assert domains == expected
        assert (
            {one for one in variables[:2] if expected[one] != (1 << PIECES) - 1} <= set(narrowed) <= set(variables[:2])
        )
