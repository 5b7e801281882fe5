"""The solver against z3 on random boxes over random variables; z3 is for tests alone; 5,000 in `make fuzz`."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.analysis.bits import bits_of
from rules.analysis.budget import Budget
from rules.analysis.field import Field
from rules.analysis.prove import covered
from rules.analysis.solve import Found, solve
from rules.analysis.space import Box, Space

z3 = pytest.importorskip("z3")


def problem(random: Random) -> tuple[Space, list[Box]]:
    """Boxes over variables of up to 9 pieces."""
    space = Space()
    for number in range(random.randint(2, 7)):
        space.add(f"v{number}", random.randint(2, 9))
    boxes: list[Box] = []
    for _ in range(random.randint(1, 30)):
        box: dict[int, int] = {}
        for variable in random.sample(range(len(space.full)), random.randint(1, min(4, len(space.full)))):
            mask = random.randrange(1, space.full[variable])
            box[variable] = mask
        boxes.append(box)
    return space, boxes


def z3_finds(space: Space, start: Box, boxes: list[Box]) -> bool:
    """Whether z3 finds a point of `start` in none of the boxes."""
    solver = z3.Solver()
    names = [z3.Int(name) for name in space.names]
    for variable, full in enumerate(space.full):
        solver.add(names[variable] >= 0, names[variable] < full.bit_length())

    def inside(box: Box) -> object:
        return z3.And(*(z3.Or(*(names[variable] == bit for bit in bits_of(mask))) for variable, mask in box.items()))

    solver.add(inside(start), *(z3.Not(inside(box)) for box in boxes))
    return bool(solver.check() == z3.sat)


@settings(max_examples=5_000 if settings().max_examples >= 1_000 else settings().max_examples)
@given(st.integers(0, 2**32))
def test_points_are_found_exactly_where_z3_finds_some(seed: int) -> None:
    """And the second opinion agrees; of a point found, every choice is one; of none, the reasons alone are enough."""
    space, (start, *boxes) = problem(Random(seed))
    field = Field(space, boxes)
    budget = Budget(question=10**6)
    budget.ask()
    found = solve(field, start, field.everything, budget)
    assert isinstance(found, Found) == z3_finds(space, start, boxes)
    assert covered([start], boxes, space.full, budget) != isinstance(found, Found)
    if isinstance(found, Found):
        lowest = [domain & -domain for domain in found.domains]
        assert field.boxes_at(dict(enumerate(lowest))) == 0
        assert all(lowest[variable] & mask for variable, mask in start.items())
    else:
        assert not z3_finds(space, start, [boxes[bit] for bit in bits_of(found.used)])
