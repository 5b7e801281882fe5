"""Boxes by the pieces they want: short ways give what going through all of them gives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rules.analysis.bits import bits_of
from rules.analysis.budget import Budget
from rules.analysis.everyday import Everyday
from rules.analysis.field import BLOCK, FEW, Field
from rules.analysis.solve import MANY, Nowhere, Wanted, solve
from rules.analysis.space import Box, Space

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
        left = field.lone.left(missing, Budget(left=10**6))
        expected = [(1 << PIECES) - 1] * len(variables)
        for number, box in enumerate(boxes):
            for variable, mask in box.items():
                expected[variable] &= ~mask if missing >> number & 1 else -1
        assert left.domains == expected
        narrowed = [one for one in variables if expected[one] != (1 << PIECES) - 1]
        odd = [one for one in variables if not expected[one] >> space.usual[one] & 1]
        nothing = [one for one in variables if not expected[one]]
        assert [list(bits_of(bits)) for bits in (left.narrowed, left.odd, left.nothing)] == [narrowed, odd, nothing]


@given(st.integers(0, 2**32))
def test_the_boxes_at_a_point_are_those_it_is_in(seed: int) -> None:
    """Of more variables than are looked at together, few or many of them not everyday; and a variable may be named in vain."""
    random = Random(seed)
    space = Space()
    variables = [space.add(f"v{number}", 4, random.randrange(4)) for number in range(random.choice((3, 3 * BLOCK)))]
    boxes = [
        {one: random.randrange(1, 15) for one in random.sample(variables, random.randint(1, 3))} for _ in range(20)
    ]
    field = Field(space, boxes)
    for _ in range(8):
        odd = {one: 1 << random.randrange(4) for one in random.sample(variables, random.randint(0, 3))}
        point = [odd.get(one, 1 << space.usual[one]) for one in variables]
        inside = [number for number, box in enumerate(boxes) if all(point[one] & mask for one, mask in box.items())]
        assert list(bits_of(field.boxes_at(odd))) == inside


@given(st.integers(0, 2**32))
def test_an_everyday_request_is_in_a_box_only_if_some_is(seed: int) -> None:
    """What is seen without a search is there: gone through point by point."""
    random = Random(seed)
    space = Space()
    variables = [space.add(f"v{number}", 3, random.randrange(3)) for number in range(4)]
    for _ in range(random.randint(0, 8)):
        space.forbid(*((one, random.randrange(1, 7)) for one in random.sample(variables, random.randint(1, 3))))
    everyday = Everyday(space)
    points = [point for point in product((1, 2, 4), repeat=4) if not any(map(partial(_is_in, point), space.impossible))]
    for _ in range(8):
        box = {one: random.randrange(1, 7) for one in random.sample(variables, random.randint(0, 3))}
        if everyday.is_in(box):
            assert any(_is_in(point, box) for point in points)
        elif len(box) == 1 and points and (usual := tuple(1 << piece for piece in space.usual)) in points:
            near = [{**dict(enumerate(usual)), one: piece} for one in box for piece in (1, 2, 4) if piece & box[one]]
            assert not any(tuple(point.values()) in points for point in near)


@given(st.integers(0, 2**32), st.sampled_from(["domains", "point", "whether"]))
def test_a_point_is_found_exactly_where_one_is(seed: int, wanted: Wanted) -> None:
    """Among more boxes than are looked at one by one, asked again and again: the same as going through all points."""
    random = Random(seed)
    space = Space()
    variables = [space.add(f"v{number}", 3, random.randrange(3)) for number in range(5)]
    sizes = random.choice(((1, 2), (2, 3), (3, 4)))
    boxes = [
        {one: random.randrange(1, 7) for one in random.sample(variables, random.randint(*sizes))}
        for _ in range(random.choice((MANY // 2, 3 * MANY)))
    ]
    field = Field(space, boxes)
    for _ in range(4):
        missing = random.randrange(1 << len(boxes))
        start = {one: random.randrange(1, 7) for one in random.sample(variables, random.randint(0, 2))}
        asked = [box for number, box in enumerate(boxes) if missing >> number & 1]
        points = [
            point
            for point in product((1, 2, 4), repeat=5)
            if _is_in(point, start) and not any(map(partial(_is_in, point), asked))
        ]
        found = solve(field, start, missing, Budget(total=10**6, left=10**6), wanted)
        if isinstance(found, Nowhere):
            reasons = [boxes[number] for number in bits_of(found.used)]
            assert not found.used & ~missing
            assert all(
                any(map(partial(_is_in, point), reasons))
                for point in product((1, 2, 4), repeat=5)
                if _is_in(point, start)
            )
            continue
        assert points
        assert list(bits_of(found.odd)) == [one for one in variables if not found.domains[one] >> space.usual[one] & 1]
        if wanted != "whether":
            assert all(point in points for point in product(*map(_pieces_of, found.domains)))


def _pieces_of(domain: int) -> list[int]:
    return [1 << piece for piece in bits_of(domain)]


def _is_in(point: Sequence[int], box: Box) -> bool:
    return all(point[variable] & mask for variable, mask in box.items())
