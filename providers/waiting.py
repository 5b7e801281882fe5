"""Who waits for room at a provider that is at its own limit: a bounded queue, first come, first served. Pure.

Who comes later may go first only to an instance that nobody before it can use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field


def _nobody() -> None:
    return None


class Ticket(Struct, eq=False):
    """One request's place in line, in the queues of all pools that may serve it. `wake` is called when its turn has come."""

    wake: Callable[[], None] = _nobody


class _Place(Struct, frozen=True):
    ticket: Ticket
    avoid: frozenset[str]


class Queue(Struct):
    """The line before one pool. `most` may wait; `free` is how many more requests each instance takes, by name."""

    most: int
    _places: list[_Place] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def is_full(self) -> bool:
        """Whether nobody more may wait."""
        return len(self._places) >= self.most

    def join(self, ticket: Ticket, avoid: frozenset[str]) -> None:
        """The last place, for a request that no instance in `avoid` will do for.

        A request has one place, also where several of its targets are of this pool.
        """
        for index, place in enumerate(self._places):
            if place.ticket is ticket:
                self._places[index] = _Place(ticket, place.avoid & avoid)
                return
        self._places.append(_Place(ticket, avoid))

    def leave(self, ticket: Ticket) -> None:
        """Gives up the place, if there is one."""
        self._places = [place for place in self._places if place.ticket is not ticket]

    def room_for(self, ticket: Ticket | None, avoid: frozenset[str], free: Mapping[str, int]) -> frozenset[str]:
        """The instances with room once all before that ticket have theirs (None: whoever comes now, behind everybody)."""
        left = dict(free)
        for place in self._places:
            if place.ticket is ticket:
                break
            _seat(place, left)
        return frozenset(name for name, count in left.items() if count > 0 and name not in avoid)

    def call(self, free: Mapping[str, int]) -> None:
        """Wakes those whose turn it is."""
        left = dict(free)
        for place in list(self._places):
            if _seat(place, left):
                place.ticket.wake()


def _seat(place: _Place, left: dict[str, int]) -> bool:
    """Takes the roomiest instance for that place, if any will do."""
    name = max((name for name in left if name not in place.avoid), key=left.__getitem__, default=None)
    if name is None or left[name] <= 0:
        return False
    left[name] -= 1
    return True
