"""The line before a pool at its own limit: order, bounds, and nobody forgotten. With a clock that is a number."""

from __future__ import annotations

import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.instances import Failed, Lease, Succeeded
from providers.plan import GiveUp, Plan, PlannedTarget, Sleep, Try
from providers.pool import Pool
from providers.retry_budget import RetryBudget
from providers.spec import Concurrency
from providers.waiting import Queue, Ticket
from tests.providers.specs import error_of, spec_of

RNG = random.Random(1)


def pool_of(*names: str, most: int = 1, queue: int = 100, wait_s: float = 5.0) -> Pool:
    return Pool(spec_of(*names, concurrency=Concurrency(most, queue, wait_s)))


def plan_of(*pools: Pool, now: float = 0.0) -> Plan:
    return Plan([PlannedTarget(pool, "m") for pool in pools], RetryBudget(), started=now)


def next_of(plan: Plan, now: float = 0.0) -> Lease | Sleep | GiveUp:
    """What the plan says; a try is taken."""
    found = plan.next(now, RNG)
    return found.take(now) if isinstance(found, Try) else found


def held(plan: Plan, now: float = 0.0) -> Lease:
    lease = next_of(plan, now)
    assert isinstance(lease, Lease), lease
    return lease


def test_who_came_first_goes_first() -> None:
    """A place that becomes free is for the first in line; neither those behind it nor who comes now may take it."""
    pool = pool_of("a")
    lease = held(plan_of(pool))
    first, second = plan_of(pool), plan_of(pool)
    assert isinstance(next_of(first), Sleep)
    assert isinstance(next_of(second), Sleep)
    pool.give_back(lease, Succeeded(), 1.0, RNG)

    assert isinstance(next_of(second, 1.0), Sleep)
    assert isinstance(next_of(plan_of(pool), 1.0), Sleep)
    assert held(first, 1.0).instance.name == "a"


def with_a_at_rest(**how: int) -> tuple[Pool, Lease]:
    """A pool of which `a` was limited for a minute and `b` is at work; its lease."""
    pool = pool_of("a", "b", **how)
    limited = Failed(error_of("rate_limit", 60.0))
    pool.give_back(held(plan_of(pool)), limited, 0.0, RNG)
    return pool, held(plan_of(pool))


def test_one_that_is_well_but_full_is_waited_for_before_one_that_rests() -> None:
    """A limit of ours sends nobody to an instance that has asked to be left alone, and the line holds as ever."""
    pool, lease = with_a_at_rest()
    first, second = plan_of(pool), plan_of(pool)
    assert isinstance(next_of(first), Sleep)
    assert isinstance(next_of(second), Sleep)
    pool.give_back(lease, Succeeded(), 1.0, RNG)

    assert isinstance(next_of(second, 1.0), Sleep)
    assert isinstance(next_of(plan_of(pool), 1.0), Sleep)
    assert held(first, 1.0).instance.name == "b"
    assert held(second, 61.0).instance.name == "a"


def test_who_failed_on_one_waits_for_the_other() -> None:
    """A try that came to nothing is followed by one on the instance that has no room just now."""
    pool = pool_of("a", "b")
    plan, other = plan_of(pool), plan_of(pool)
    attempt = plan.next(0.0, RNG)
    assert isinstance(attempt, Try)
    lease, busy = attempt.take(0.0), held(other)
    error = error_of("rate_limit", 60.0)
    pool.give_back(lease, Failed(error), 0.0, RNG)
    plan.failed(attempt, error, 0.0, RNG)
    assert isinstance(next_of(plan), Sleep)
    pool.give_back(busy, Succeeded(), 1.0, RNG)

    assert held(plan, 1.0).instance.name == "b"


@pytest.mark.parametrize(("queue", "until"), [(100, 5.0), (0, 0.0)], ids=["a line", "no line"])
def test_where_one_rests_and_the_other_stays_full_that_is_said(queue: int, until: float) -> None:
    """The wait is bounded as ever, and where there is no line the answer is at once that all are busy."""
    pool, _ = with_a_at_rest(queue=queue)
    plan = plan_of(pool)
    if until:
        assert isinstance(next_of(plan), Sleep)
    told = next_of(plan, until)

    assert isinstance(told, GiveUp)
    assert told.error.kind.name == "busy"


def test_whose_turn_it_is_is_called() -> None:
    """The ticket wakes its owner when a place is free, and not before."""
    pool = pool_of("a")
    lease = held(plan_of(pool))
    called: list[str] = []
    plans = {name: plan_of(pool) for name in ("first", "second")}
    for name, plan in plans.items():
        found = next_of(plan)
        assert isinstance(found, Sleep)
        assert found.ticket is not None
        found.ticket.wake = partial(called.append, name)
    assert called == []
    pool.give_back(lease, Succeeded(), 1.0, RNG)
    assert called == ["first"]
    pool.give_back(held(plans["first"], 1.0), Succeeded(), 2.0, RNG)
    assert called[-1] == "second"


def test_who_gives_up_lets_the_next_one_in() -> None:
    """A client that goes away while its turn is called leaves the place to the next."""
    pool = pool_of("a")
    lease = held(plan_of(pool))
    first, second = plan_of(pool), plan_of(pool)
    next_of(first)
    found = next_of(second)
    assert isinstance(found, Sleep)
    assert found.ticket is not None
    called: list[int] = []
    found.ticket.wake = lambda: called.append(1)
    pool.give_back(lease, Succeeded(), 1.0, RNG)
    first.leave()

    assert called == [1]
    assert held(second, 1.0).instance.name == "a"
    assert len(pool.queue) == 0


def test_the_line_is_bounded() -> None:
    """Who finds no place in line is told at once, with a time to come back."""
    pool = pool_of("a", queue=1)
    held(plan_of(pool))
    assert isinstance(next_of(plan_of(pool)), Sleep)
    found = next_of(plan_of(pool))

    assert isinstance(found, GiveUp)
    assert (found.error.kind.name, found.error.kind.status, found.error.retry_after_s) == ("busy", 529, 1.0)
    assert len(pool.queue) == 1


def test_waiting_ends() -> None:
    """After `wait` the request is told, and its place is free again."""
    pool = pool_of("a", wait_s=2.0)
    held(plan_of(pool))
    plan = plan_of(pool)
    assert isinstance(next_of(plan, 0.0), Sleep)
    assert isinstance(next_of(plan, 1.9), Sleep)
    assert isinstance(next_of(plan, 2.0), GiveUp)
    assert len(pool.queue) == 0


def test_a_fallback_with_room_is_better_than_waiting() -> None:
    """Nobody waits while another target can serve."""
    full, spare = pool_of("a"), pool_of("b")
    held(plan_of(full))

    assert held(plan_of(full, spare)).instance.name == "b"


def test_one_waits_for_every_target_at_once() -> None:
    """Whichever has room first serves, and the place in the other line is given up."""
    one, other = pool_of("a"), pool_of("b")
    held(plan_of(one))
    lease = held(plan_of(other))
    plan = plan_of(one, other)
    assert isinstance(next_of(plan), Sleep)
    assert (len(one.queue), len(other.queue)) == (1, 1)
    other.give_back(lease, Succeeded(), 1.0, RNG)

    assert held(plan, 1.0).instance.name == "b"
    assert (len(one.queue), len(other.queue)) == (0, 0)


def test_targets_of_one_pool_are_one_place() -> None:
    """A rule whose fallback is another model of the same provider takes no more of the line than any other."""
    pool = pool_of("a", most=2, queue=2)
    leases = [held(plan_of(pool)) for _ in range(2)]
    first, second = plan_of(pool, pool), plan_of(pool, pool)
    assert isinstance(next_of(first), Sleep)
    assert isinstance(next_of(second), Sleep)
    assert len(pool.queue) == 2
    assert isinstance(next_of(plan_of(pool)), GiveUp)
    for lease in leases:
        pool.give_back(lease, Succeeded(), 1.0, RNG)

    assert held(second, 1.0).instance.name == "a", "there is room for both"
    assert held(first, 1.0).instance.name == "a"
    assert len(pool.queue) == 0


def test_a_reload_keeps_the_line() -> None:
    """Those who wait on the old snapshot are called by what ends on the new one."""
    old, new = pool_of("a"), pool_of("a")
    lease = held(plan_of(old))
    plan = plan_of(old)
    next_of(plan)
    new.adopt(old)
    assert isinstance(next_of(plan_of(new)), Sleep)
    old.give_back(lease, Succeeded(), 1.0, RNG)

    assert isinstance(next_of(plan_of(new), 1.0), Sleep)
    assert held(plan, 1.0).instance.name == "a"


@pytest.mark.parametrize(
    ("before", "avoid", "room"),
    [
        ([], set(), {"a", "b"}),
        ([set()], set(), {"b"}),
        ([set(), set()], set(), set()),
        ([{"a"}], set(), {"a"}),
        ([{"a"}, {"a"}], {"b"}, {"a"}),
        ([{"a", "b"}], set(), {"a", "b"}),
        ([{"b"}], {"a"}, {"b"}),
    ],
)
def test_room_is_what_those_before_leave(before: list[set[str]], avoid: set[str], room: set[str]) -> None:
    """Each of those before takes one place where it may; one that may go nowhere holds nobody up."""
    queue = Queue(10)
    for one in before:
        queue.join(Ticket(), frozenset(one))

    assert queue.room_for(None, frozenset(avoid), {"a": 1, "b": 1}) == room


@given(st.integers(1, 3), st.integers(1, 3), st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 9))
def test_limits_hold_and_nobody_is_overtaken(instances: int, most: int, steps: list[int], seed: int) -> None:
    """Whatever comes and goes in whatever order: never above the limit, served in order of arrival, nothing left behind."""
    pool, rng = pool_of(*"abc"[:instances], most=most, wait_s=1e9), random.Random(seed)
    waiting: list[Plan] = []
    leases: list[Lease] = []
    for step in steps:
        if step <= 2:
            waiting.append(plan_of(pool))
        elif leases:
            pool.give_back(leases.pop(rng.randrange(len(leases))), Succeeded(), 0.0, RNG)
        elif waiting:
            waiting.pop(rng.randrange(len(waiting))).leave()
        order = rng.sample(waiting, len(waiting))
        served: set[Plan] = set()
        while asked := {plan: next_of(plan) for plan in order if plan not in served}:
            taken = {plan: found for plan, found in asked.items() if isinstance(found, Lease)}
            if not taken:
                break
            leases += taken.values()
            served |= taken.keys()
        assert all(one.inflight <= most for one in pool.instances)
        left = [plan for plan in waiting if plan not in served]
        assert not left or pool.inflight == instances * most
        assert all(waiting.index(plan) < waiting.index(other) for plan in served for other in left)
        waiting = left
    for plan in waiting:
        plan.leave()
    assert len(pool.queue) == 0
