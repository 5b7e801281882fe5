"""A rule set as a list of outcomes over one space, first match first, and the questions that can be asked of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from rules.analysis.atoms import Atoms
from rules.analysis.bits import bits_of
from rules.analysis.boxes import Boxes
from rules.analysis.budget import Budget
from rules.analysis.everyday import Everyday
from rules.analysis.field import BLOCK, Field
from rules.analysis.offered import Place, Providers, RouteKey, is_offered, key_of_route, places_of
from rules.analysis.solve import Found, Nowhere, Wanted, solve
from rules.analysis.space import Box, Region, both
from rules.evaluate import EXPLICIT, refusal_of, route_of
from rules.nodes import Category, Route, Rule, RuleSet, Target

Kind: TypeAlias = Literal["filter", "rule", "refusing", "explicit", "category"]


class Outcome(Struct, frozen=True):
    """One way in which a request is decided: `region` is where it is, unless an earlier one is there.

    A rule that refuses where it fails has two: the second, `refusing`, is where its condition breaks. The explicit
    choice has one for each target. A filter that blocks comes before all, and its `entry` is a rule that refuses.
    """

    name: str
    route: Route
    key: RouteKey
    region: Region
    entry: Rule | Category | None
    kind: Kind
    places: tuple[Place, ...] = ()


WIDE = 16
"""Pieces from which on a fact is first tried with its everyday one."""


class Listing:
    """The outcomes of a rule set, all their boxes as one field; the boxes without requests come first in it."""

    def __init__(self, atoms: Atoms, outcomes: Sequence[Outcome], budget: Budget) -> None:
        self.atoms = atoms
        self.outcomes = outcomes
        self.budget = budget
        boxes: list[Box] = list(atoms.space.impossible)
        self._starts = [len(boxes)]
        for outcome in outcomes:
            boxes += outcome.region
            self._starts.append(len(boxes))
        self.field = Field(atoms.space, boxes)
        self._wide = [variable for variable, full in enumerate(atoms.space.full) if full.bit_length() > WIDE]
        self.impossible = (1 << self._starts[0]) - 1
        self.everyday = Everyday(atoms.space)
        self.alike: dict[RouteKey, int] = {}
        for number, outcome in enumerate(outcomes):
            self.alike[outcome.key] = self.alike.get(outcome.key, 0) | self.bits(number)

    def bits(self, number: int) -> int:
        """The boxes of an outcome."""
        return (1 << self._starts[number + 1]) - (1 << self._starts[number])

    def before(self, number: int) -> int:
        """The boxes of all earlier outcomes, and those without requests."""
        return (1 << self._starts[number]) - 1

    def behind(self, number: int) -> int:
        """The boxes of all later outcomes."""
        return (1 << self._starts[-1]) - (1 << self._starts[number + 1])

    def owner(self, box: int) -> int:
        """The outcome that a box belongs to; -1: it holds no request."""
        return bisect_right(self._starts, box) - 1

    def owners(self, boxes: int) -> list[int]:
        """The outcomes that boxes belong to, in order."""
        found: list[int] = []
        boxes &= ~self.impossible
        while boxes:
            number = self.owner((boxes & -boxes).bit_length() - 1)
            found.append(number)
            boxes &= ~((1 << self._starts[number + 1]) - 1)
        return found

    def point(self, found: Found) -> dict[int, int]:
        """One point of what was found: the pieces that are not everyday ones."""
        return {odd: found.domains[odd] & -found.domains[odd] for odd in bits_of(found.odd)}

    def decided(self, point: Mapping[int, int], boxes: int | None = None) -> int:
        """The first outcome at a point, all other pieces being everyday ones, among those with these boxes. Raises `Spent`."""
        self.budget.work(BLOCK // 2 + self.field.cost_of(len(point)))
        at = self.field.boxes_at(point) & ~self.impossible
        if boxes is not None:
            at &= boxes
        assert at, "the last category always holds"
        return self.owner((at & -at).bit_length() - 1)

    def first_in(self, region: Iterable[Box], missing: int) -> Found | None:
        """A point of a region in none of the boxes; None: there is none. Raises `Spent`."""
        self.budget.ask()
        for box in region:
            for start in self._first_guesses(box):
                found = solve(self.field, start, missing, self.budget)
                if isinstance(found, Found):
                    return found
        return None

    def _first_guesses(self, box: Box) -> Iterator[Box]:
        """A corner of a box in which a fact with many pieces has its everyday one, as most points worth showing; then the box."""
        space = self.atoms.space
        corner = dict(box)
        for variable in self._wide:
            domain = box.get(variable, space.full[variable])
            if domain & (domain - 1):
                corner[variable] = 1 << space.piece_of(variable, domain)
        if corner != box:
            yield corner
        yield box

    def found_in(self, region: Iterable[Box], missing: int, wanted: Wanted = "point") -> Found | Nowhere:
        """A point of a region in none of the boxes, or those of them that cover it. Raises `Spent`."""
        self.budget.ask()
        used = 0
        for box in region:
            found = solve(self.field, box, missing, self.budget, wanted)
            if isinstance(found, Found):
                return found
            used |= found.used
        return Nowhere(used)

    def reasons(self, region: Iterable[Box], missing: int) -> int | None:
        """Boxes that cover a region together; None where a point is left. Raises `Spent`."""
        found = self.found_in(region, missing, "whether")
        return found.used if isinstance(found, Nowhere) else None

    def goes_elsewhere(self, found: Found, number: int, ignoring: int = 0) -> bool:
        """Whether without an outcome, of those after it and not in `ignoring`, one sends a point elsewhere. Raises `Spent`."""
        other = self.decided(self.point(found), self.behind(number) & ~ignoring)
        return self.outcomes[other].key != self.outcomes[number].key

    def differing(self, region: Iterable[Box], number: int, missing: int, ignoring: int = 0) -> Found | None:
        """A point of a region, in none of `missing`, that a later outcome than `number` sends elsewhere than it would.

        `ignoring` are boxes of outcomes taken as gone. Raises `Spent`.
        """
        self.budget.ask()
        key = self.outcomes[number].key
        later = self.behind(number) & ~ignoring
        same = self.alike[key] & later
        for box in region:
            found: Found | Nowhere = Nowhere(0)
            for start in self._first_guesses(box):
                found = solve(self.field, start, missing, self.budget)
                if isinstance(found, Found) and self.goes_elsewhere(found, number, ignoring):
                    return found
            if isinstance(found, Nowhere):
                continue
            found = solve(self.field, box, missing | same, self.budget)
            if isinstance(found, Found):
                return found
            near = self.field.touched_by(box) & later & ~same
            for other in self.owners(near):
                between = same & self.before(other)
                for part in self.outcomes[other].region:
                    common = both(box, part)
                    if common is not None:
                        found = solve(self.field, common, missing | between, self.budget)
                        if isinstance(found, Found):
                            return found
        return None


def outcomes_of(rules: RuleSet, boxes: Boxes, providers: Providers, filters: Iterable[Rule] = ()) -> list[Outcome]:
    """The outcomes of a rule set, in order, behind those of filters. All conditions must be in the space already."""
    outcomes: list[Outcome] = []

    def add(
        name: str,
        route: Route,
        region: Region,
        entry: Rule | Category | None,
        kind: Kind,
    ) -> None:
        key, places = key_of_route(route, providers), places_of(route, providers)
        outcomes.append(Outcome(name, route, key, region, entry, kind, places))

    for one in filters:
        sides = boxes.sides_of(one.condition)
        add(one.name, one.route, (*sides.holds, *sides.breaks), one, "filter")
    for rule in rules.rules:
        if rule.enabled:
            sides = boxes.sides_of(rule.condition)
            add(rule.name, rule.route, sides.holds, rule, "rule")
            if rule.on_error == "reject" and sides.breaks:
                add(rule.name, refusal_of(rule, "failed"), sides.breaks, rule, "refusing")
    atoms = boxes.atoms
    if rules.explicit_models:
        for number, choice in enumerate(atoms.choices):
            if choice is not None and is_offered(rules, choice):
                region = atoms.space.where(atoms.choice, 1 << number)
                add(EXPLICIT, Route(Target(*choice)), region, None, "explicit")
    for category in rules.categories:
        add(category.name, route_of(category), boxes.sides_of(category.condition).holds, category, "category")
    return outcomes
