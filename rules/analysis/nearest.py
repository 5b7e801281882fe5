"""The points nearest to a request at which an outcome decides: with the fewest facts changed, cheapest first.

Facts that change together count as one change. What stands in the way of a set of changes, as the solver's reasons say,
is what is tried next: so the first point found is one with the least changes, and where none is left there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from msgspec import Struct

from rules.analysis.atoms import Atoms
from rules.analysis.bits import bits_of
from rules.analysis.budget import Budget
from rules.analysis.listing import Listing
from rules.analysis.members import Members
from rules.analysis.scales import Scale
from rules.analysis.solve import Found, solve
from rules.analysis.space import Box
from rules.analysis.texts import Texts
from rules.facts import is_state

MAX_NODES = 2_000
"""Sets of changes that one question may try."""

TOGETHER: Mapping[str, str] = {
    "toolCount": "tools", "hasTools": "tools", "toolNames": "tools", "serverTools": "tools",
    "thinkingBudget": "thinking", "subagent": "requestClass", "path": "stream",
}  # fmt: skip
"""Facts that one change of a request is likely to change together."""

_ONE = 1_000
_DEARER: Mapping[str, int] = {
    "stream": 1, "tools": 2, "inputTokens": 3, "messageLength": 4, "messageCount": 5, "lastUserText": 6, "systemText": 7,
    "sessionId": 20, "explicit": 30, "clientKey": 40, "clientIp": 41, "time": 42, "tags": 2_500,
}  # fmt: skip
"""Among as many changes, those are offered last that a client is least likely to make; what filters do, behind two more."""


def change_of(fact: str) -> str:
    """The change that a fact belongs to."""
    return TOGETHER.get(fact, fact)


def price_of(facts: Iterable[str]) -> int:
    """What changing these facts costs: mostly how many changes that is."""
    return sum(_ONE + _price(change) for change in {change_of(fact) for fact in facts})


class Nearby(Struct, frozen=True):
    """A point at which outcome `number` decides. `changes` may differ from the request, all other facts are as they were.

    `domains` has one piece for each variable that belongs to a change, and all pieces for those that stay.
    """

    number: int
    box: int
    changes: frozenset[str]
    domains: Sequence[int]


@dataclass(slots=True)
class Nearest:
    """The search for one question. `point` is the request's, as `point_of` gives it; `numbers` are the outcomes wanted."""

    listing: Listing
    owners: Sequence[tuple[str, ...]]
    point: Mapping[int, int]
    numbers: Sequence[int]
    budget: Budget
    _waiting: list[tuple[int, int, int, int, frozenset[str]]] = field(default_factory=list)
    _seen: set[tuple[int, int, frozenset[str]]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for number in self.numbers:
            for place in range(len(self.listing.outcomes[number].region)):
                self.also(number, place, frozenset())

    def also(self, number: int, box: int, changes: Iterable[str]) -> None:
        """Tries a set of changes, too."""
        wanted = frozenset(changes)
        if (number, box, wanted) not in self._seen and len(self._seen) < MAX_NODES:
            self._seen.add((number, box, wanted))
            heappush(self._waiting, (price_of(wanted), len(self._seen), number, box, wanted))

    @property
    def gave_up(self) -> bool:
        """Whether there were more sets of changes than may be tried."""
        return len(self._seen) >= MAX_NODES

    def next(self) -> Nearby | None:
        """The next nearest point; None: there is no further one. Raises `Spent`."""
        while self._waiting:
            _, _, number, place, changes = heappop(self._waiting)
            found = self._solved(number, place, changes)
            if found is not None:
                return Nearby(number, place, changes, self._chosen(found.domains, changes))
        return None

    def _solved(self, number: int, place: int, changes: frozenset[str]) -> Found | None:
        """A point with these changes alone; None where more must change, which is queued."""
        box = self.listing.outcomes[number].region[place]
        start: dict[int, int] = dict(box)
        for variable, mask in self.point.items():
            if self._stays(variable, changes):
                start[variable] = box.get(variable, mask) & mask
        if self._add_wanted(number, place, changes, start):
            return None
        found = solve(self.listing.field, start, self.listing.before(number), self.budget)
        if isinstance(found, Found):
            return found
        ways: dict[str, None] = {}
        for used in bits_of(found.used):
            for variable, mask in self.listing.field.boxes[used].items():
                if self._stays(variable, changes) and self.point[variable] & mask:
                    ways.update(dict.fromkeys(self.owners[variable]))
        for way in ways:
            if way not in changes:
                self.also(number, place, changes | {way})
        return None

    def _add_wanted(self, number: int, place: int, changes: frozenset[str], start: Box) -> bool:
        """Whether variables that stay are not as the box wants them; then what must change is queued."""
        wrong = [self.owners[variable] for variable, mask in start.items() if not mask]
        if not wrong:
            return False
        surely = changes | {owners[0] for owners in wrong if len(owners) == 1}
        open_ones = [owners for owners in wrong if not surely & set(owners)]
        if open_ones:
            for owner in open_ones[0]:
                self.also(number, place, surely | {owner})
        else:
            self.also(number, place, surely)
        return True

    def _stays(self, variable: int, changes: frozenset[str]) -> bool:
        return variable in self.point and not any(owner in changes for owner in self.owners[variable])

    def _chosen(self, domains: Sequence[int], changes: frozenset[str]) -> list[int]:
        """One piece for what changes, the request's own wherever it may stay; everything for the rest."""
        space = self.listing.atoms.space
        numbers = {axis.variable for axis in self.listing.atoms.axes.values() if isinstance(axis, Scale)}
        chosen = list(space.full)
        for variable, domain in enumerate(domains):
            owners = self.owners[variable]
            if not owners or (variable in self.point and self._stays(variable, changes)):
                continue
            own = self.point.get(variable, 0)
            if domain & own:
                chosen[variable] = own & domain
            elif len(owners) > 1:
                chosen[variable] = domain
            elif variable in numbers and own:
                chosen[variable] = _closest(domain, own)
            else:
                chosen[variable] = 1 << space.piece_of(variable, domain)
        return chosen


def owners_of(atoms: Atoms) -> list[tuple[str, ...]]:
    """By variable, the changes that can change it: several for an expression over several facts, none for a part of a condition."""
    owners: list[tuple[str, ...]] = [()] * len(atoms.space.full)
    for fact, axis in atoms.axes.items():
        own = (change_of(fact),)
        match axis:
            case Members():
                for _, variable in axis.asked.values():
                    owners[variable] = own
                if axis.size is not None:
                    owners[axis.size.variable] = own
            case Texts():
                owners[axis.variable] = own
                for variable in axis.aside:
                    owners[variable] = own
            case _:
                owners[axis.variable] = own
    for test, variable in atoms.uncut.values():
        owners[variable] = (change_of(test.fact),)
    for leaf, variable in atoms.unknowns.values():
        owners[variable] = tuple(dict.fromkeys(map(change_of, leaf.facts)))
    for variable in atoms.words.values():
        owners[variable] = ("contentKeywords",)
    owners[atoms.way] = ("stream",)
    owners[atoms.choice] = ("explicit",)
    return owners


def _price(change: str) -> int:
    if is_state(change):
        return 50
    return _DEARER.get(change, 10 if change.startswith("header.") else 0)


def _closest(domain: int, own: int) -> int:
    """The piece of a domain with the least pieces between it and the request's own."""
    above = domain & ~(own - 1)
    below = domain & (own - 1)
    low = above & -above
    high = 1 << below.bit_length() - 1 if below else 0
    if not low or not high:
        return low or high
    place = own.bit_length()
    return low if low.bit_length() - place <= place - high.bit_length() else high
