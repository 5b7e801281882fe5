"""Which of several instances takes the next request: the strategies as a table.

A strategy is two functions over a shared `Turn`: `choose` looks and changes nothing, `took` records the choice. So a
choice can be shown (`ccr explain`) without being made. All randomness comes in as `rng`.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct, field


class Candidate(Protocol):
    """What a strategy may look at. `index` is the place in the file; `cost` grows with latency and load."""

    @property
    def name(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def weight(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def inflight(self) -> int: ...
    def cost(self, now: float) -> float:
        """Expected seconds of a request sent now."""
        ...


SEATS = 10_000
"""Sessions that are remembered per pool; beyond it the longest unused is forgotten and hashed anew."""


class Turn(Struct):
    """What the strategies of one pool remember: whose turn it was, smooth weights, where sessions (by `seat_of`) sit."""

    last_index: int = -1
    credit: dict[str, int] = field(default_factory=dict)
    seats: OrderedDict[str, str] = field(default_factory=OrderedDict)


class Ballot(Struct, frozen=True):
    """One choice to make: who may be chosen (never empty, in file order), for which session, when."""

    candidates: Sequence[Candidate]
    session: str | None
    now: float


Choose = Callable[[Ballot, Turn, random.Random], Candidate]
Took = Callable[[Ballot, Turn, Candidate], None]


class Strategy(Struct, frozen=True):
    """One row of the table. `random` tells that two equal ballots may be answered differently."""

    choose: Choose
    took: Took
    random: bool = False


def _next_in_turn(candidates: Sequence[Candidate], turn: Turn) -> Candidate:
    return next((one for one in candidates if one.index > turn.last_index), candidates[0])


def _note_turn(_ballot: Ballot, turn: Turn, chosen: Candidate) -> None:
    turn.last_index = chosen.index


def _round_robin(ballot: Ballot, turn: Turn, _rng: random.Random) -> Candidate:
    return _next_in_turn(ballot.candidates, turn)


def _weighing(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """The candidates with a weight; all of them when none has one."""
    return [one for one in candidates if one.weight > 0] or candidates


def _share(one: Candidate) -> int:
    return max(one.weight, 1)  # 0 stands beside others only where all have 0


def _weighted(ballot: Ballot, turn: Turn, _rng: random.Random) -> Candidate:
    return max(_weighing(ballot.candidates), key=lambda one: (turn.credit.get(one.name, 0) + _share(one), -one.index))


def _note_weights(ballot: Ballot, turn: Turn, chosen: Candidate) -> None:
    """Smooth weighting: every candidate earns its weight, the chosen one pays the sum."""
    weighing = _weighing(ballot.candidates)
    for one in weighing:
        turn.credit[one.name] = turn.credit.get(one.name, 0) + _share(one)
    turn.credit[chosen.name] = turn.credit.get(chosen.name, 0) - sum(map(_share, weighing))


def _random(ballot: Ballot, _turn: Turn, rng: random.Random) -> Candidate:
    weighing = _weighing(ballot.candidates)
    return rng.choices(weighing, weights=list(map(_share, weighing)))[0]


def _least_busy(ballot: Ballot, turn: Turn, _rng: random.Random) -> Candidate:
    """The fewest requests in flight for its weight; equal ones take turns."""
    loads = [(one.inflight / _share(one), one) for one in _weighing(ballot.candidates)]
    least = min(load for load, _ in loads)
    return _next_in_turn([one for load, one in loads if load == least], turn)


def _least_latency(ballot: Ballot, _turn: Turn, rng: random.Random) -> Candidate:
    """Two at random, then the one with the lower cost: good on average, and no herd on the fastest."""
    if len(ballot.candidates) == 1:
        return ballot.candidates[0]
    first, second = rng.sample(ballot.candidates, 2)
    return second if second.cost(ballot.now) < first.cost(ballot.now) else first


def _priority(ballot: Ballot, _turn: Turn, _rng: random.Random) -> Candidate:
    return min(ballot.candidates, key=lambda one: (one.priority, one.index))


def _sticky(ballot: Ballot, turn: Turn, _rng: random.Random) -> Candidate:
    """The instance the session sits on, else its favourite by rendezvous hashing; without a session, turns."""
    weighing = _weighing(ballot.candidates)
    if ballot.session is None:
        return _next_in_turn(weighing, turn)
    seat = turn.seats.get(seat_of(ballot.session))
    for one in ballot.candidates:
        if one.name == seat:
            return one
    return max(weighing, key=lambda one: (affinity(ballot.session or "", one.name, _share(one)), -one.index))


def _note_seat(ballot: Ballot, turn: Turn, chosen: Candidate) -> None:
    if ballot.session is None:
        turn.last_index = chosen.index
        return
    seat_taken(turn, seat_of(ballot.session), chosen.name)


def seat_taken(turn: Turn, session: str, instance: str) -> None:
    """The session (as `seat_of` gives it) sits there from now on."""
    turn.seats[session] = instance
    turn.seats.move_to_end(session)
    if len(turn.seats) > SEATS:
        turn.seats.popitem(last=False)


def seat_of(session: str) -> str:
    """What is remembered of a session's name: enough to know it again, here and on other routers."""
    return hashlib.blake2b(session.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def affinity(session: str, instance: str, weight: int = 1) -> float:
    """How much a session likes an instance (weighted rendezvous hashing); the highest wins.

    Equal on every machine. Adding an instance moves only the sessions that like the new one best: its share by weight.
    """
    digest = hashlib.blake2b(f"{session}\0{instance}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    share = (int.from_bytes(digest, "big") + 0.5) / 2.0**64
    return -weight / math.log(share) if share < 1.0 else math.inf


def _note_nothing(_ballot: Ballot, _turn: Turn, _chosen: Candidate) -> None:
    return None


STRATEGIES: dict[str, Strategy] = {
    "round-robin": Strategy(_round_robin, _note_turn),
    "weighted": Strategy(_weighted, _note_weights),
    "random": Strategy(_random, _note_nothing, random=True),
    "least-busy": Strategy(_least_busy, _note_turn),
    "least-latency": Strategy(_least_latency, _note_nothing, random=True),
    "priority": Strategy(_priority, _note_nothing),
    "sticky": Strategy(_sticky, _note_seat),
}

SYNONYMS: dict[str, str] = {
    "round_robin": "round-robin",
    "weighted_round_robin": "weighted",
    "least_connections": "least-busy",
    "least_response_time": "least-latency",
    "hash": "sticky",
}
"""Names of the original's later versions -> ours."""


class Latency(Struct, frozen=True):
    """Peak-sensitive moving average of the time to the first byte: rises at once, falls slowly. None: never measured."""

    ewma_s: float | None = None
    at: float = 0.0

    def observed(self, latency_s: float, now: float) -> Latency:
        """The average after one more answer."""
        if self.ewma_s is None or latency_s >= self.ewma_s:
            return Latency(latency_s, now)
        keep = math.exp(-max(0.0, now - self.at) / DECAY_S)
        return Latency(latency_s + (self.ewma_s - latency_s) * keep, now)

    def cost(self, inflight: int, now: float) -> float:
        """Expected seconds under that load. An instance nobody measured costs nothing until it has a request to answer;
        a slow one is forgiven with time, so that it is tried again."""
        if self.ewma_s is None:
            return UNMEASURED_S * inflight
        return self.ewma_s * math.exp(-max(0.0, now - self.at) / FORGIVE_S) * (inflight + 1)


DECAY_S = 10.0
FORGIVE_S = 60.0
UNMEASURED_S = 1_000.0
UNMEASURED = Latency()
