"""What other routers tell, taken into the pools: whichever is newer holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from providers.balance import seat_taken
from providers.health import CLOSED, Circuit, State
from providers.instances import Record
from providers.pool import Pool
from providers.shared_state import Circuited, Loaded, News, Seated, Spent, shared_key


def hear(pools: Iterable[Pool], teller: str, news: News) -> None:
    """Takes over what `teller` said. News of what is not known here, and news older than what is known, change nothing."""
    match news:
        case Seated(name, session, instance):
            for pool in pools:
                if pool.name == name and any(one.name == instance for one in pool.instances):
                    seat_taken(pool.turn, session, instance)
        case Circuited(key, model, circuit):
            for _, record in _found(pools, key):
                _rest(record, model, circuit)
        case Loaded(key, inflight):
            for pool, record in _found(pools, key):
                _load(pool, record, teller, inflight)
        case Spent():
            return  # of the budget, which is not the pools'
        case _:
            assert_never(news)


def forget(pools: Iterable[Pool], teller: str) -> None:
    """The router has gone: nothing of it is in flight any more."""
    for pool in pools:
        for one in pool.instances:
            if one.record.elsewhere.pop(teller, 0):
                pool.call()


def _found(pools: Iterable[Pool], key: str) -> list[tuple[Pool, Record]]:
    return [(pool, one.record) for pool in pools for one in pool.instances if shared_key(pool.name, one.spec) == key]


def _load(pool: Pool, record: Record, teller: str, inflight: int) -> None:
    if inflight > 0:
        record.elsewhere[teller] = inflight
    else:
        record.elsewhere.pop(teller, None)
    pool.call()


def _rest(record: Record, model: str | None, said: Circuit) -> None:
    known = record.circuit if model is None else record.model_circuits.get(model, CLOSED)
    taken = newer(known, replace(said, probing=False))
    if model is None:
        record.circuit = taken
    elif taken.state is State.CLOSED:
        record.model_circuits.pop(model, None)
    else:
        record.model_circuits[model] = taken


def newer(known: Circuit, said: Circuit) -> Circuit:
    """The circuit after hearing of another's: the later change of state; of two that rest, the longer rest."""
    if known.state is not State.CLOSED and said.state is not State.CLOSED:
        return said if said.rest_until > known.rest_until else known
    if known.state is said.state:
        return known
    return said if said.since > known.since else known
