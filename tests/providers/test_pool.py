"""The pool's bookkeeping: who is counted, who rests, what a reload keeps."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from providers.errors import KINDS
from providers.health import State
from providers.instances import Abandoned, Failed, Lease, Outcome, Succeeded, Wish
from providers.pool import Pool
from providers.secret import Secret
from providers.spec import Concurrency, Credentials
from tests.providers.specs import error_of, spec_of

WISH = Wish("m")


def rng() -> random.Random:
    return random.Random(1)


def take(pool: Pool, now: float = 0.0, wish: Wish = WISH) -> Lease:
    pick = pool.pick(wish, now, rng()) or pool.pick_resting(wish)
    assert pick is not None
    return pool.take(pick, now)


def once(pool: Pool, outcome: Outcome, now: float = 0.0, wish: Wish = WISH) -> str:
    """One attempt with that outcome; the name of the instance that took it."""
    lease = take(pool, now, wish)
    pool.give_back(lease, outcome, now, rng())
    return lease.instance.name


def test_counters_follow_the_leases() -> None:
    """Requests, errors and what is in flight are counted per instance; client mistakes are no errors of it."""
    pool = Pool(spec_of("a"))
    held = take(pool)
    for outcome in (Succeeded(0.25), Failed(error_of("bad_request")), Failed(error_of("server")), Abandoned()):
        once(pool, outcome)

    (row,) = pool.snapshot(1.0)
    assert (row["requests"], row["errors"], row["inflight"], row["latencySeconds"]) == (5, 1, 1, 0.25)
    assert (row["lastError"], row["lastErrorSecondsAgo"]) == ("server happened", 1.0)

    pool.give_back(held, Succeeded(), 1.0, rng())
    assert pool.inflight == 0


def test_giving_back_twice_counts_once() -> None:
    """A lease that was given back is spent."""
    pool = Pool(spec_of("a"))
    lease = take(pool)
    pool.give_back(lease, Succeeded(), 0.0, rng())
    pool.give_back(lease, Failed(error_of("credential")), 0.0, rng())

    assert (pool.inflight, pool.health(0.0)) == (0, "up")


@pytest.mark.parametrize("model_only", [False, True])
def test_a_trial_that_answers_at_length_lets_others_try(model_only: bool) -> None:
    """Once the trial's answer has begun the next request may come, one at a time; how each ends counts as ever."""
    pool = Pool(spec_of("a", "b"))
    limited = replace(error_of("rate_limit"), retry_after_s=5.0, model_only=model_only)
    assert once(pool, Failed(limited)) == "a"

    def taken(count: int, now: float) -> list[str]:
        return [take(pool, now).instance.name for _ in range(count)]

    trial = pool.pick(Wish("m", avoid=frozenset("b")), 6.0, rng())
    assert trial is not None
    held = pool.take(trial, 6.0)
    assert taken(3, 6.0) == ["b", "b", "b"]
    pool.answering(trial)
    assert sorted(taken(3, 7.0)) == ["a", "b", "b"]
    pool.give_back(held, Failed(error_of("cut")), 8.0, rng())
    assert taken(2, 8.0) == ["b", "b"]


def test_resting_instance_is_passed_over() -> None:
    """A refused credential rests its instance, and the others take the requests."""
    pool = Pool(spec_of("a", "b"))
    assert once(pool, Failed(error_of("credential"))) == "a"

    assert [once(pool, Succeeded(), now) for now in (1.0, 2.0, 3.0)] == ["b", "b", "b"]
    assert pool.health(3.0) == "degraded"


def test_rate_limit_rests_as_long_as_it_says_then_one_trial_decides() -> None:
    """After `retry-after` one request tries; its success closes the circuit."""
    pool = Pool(spec_of("a", "b"))
    once(pool, Failed(error_of("rate_limit", 30.0)))
    assert pool.pick(replace(WISH, avoid=frozenset("b")), 29.9, rng()) is None

    trial = take(pool, 30.0, replace(WISH, avoid=frozenset("b")))
    assert trial.instance.record.circuit.state is State.HALF_OPEN
    assert pool.pick(replace(WISH, avoid=frozenset("b")), 31.0, rng()) is None
    pool.give_back(trial, Succeeded(), 31.0, rng())
    assert pool.health(31.0) == "up"


def test_limit_of_one_model_leaves_the_others() -> None:
    """A 429 for one model rests only that model there."""
    pool = Pool(spec_of("a"))
    once(pool, Failed(error_of("rate_limit", 30.0, model_only=True)))

    assert pool.pick(WISH, 1.0, rng()) is None
    assert pool.pick(Wish("other"), 1.0, rng()) is not None
    assert pool.snapshot(1.0)[0]["restingModels"] == ["m"]
    assert pool.health(1.0) == "up"

    once(pool, Succeeded(), 30.0)
    assert pool.instances[0].record.model_circuits == {}


def test_when_all_rest_the_one_whose_rest_ends_first_is_used_and_said() -> None:
    """With nothing else left the earliest is picked, and the pick says that it was forced."""
    pool = Pool(spec_of("a", "b", "c"))
    for seconds in (30.0, 10.0, 20.0):
        once(pool, Failed(error_of("rate_limit", seconds)))

    assert pool.pick(WISH, 1.0, rng()) is None
    pick = pool.pick_resting(WISH)
    assert pick is not None
    assert (pick.instance.name, pick.forced) == ("b", True)
    assert pool.health(1.0) == "down"


def test_forced_success_ends_the_rest() -> None:
    """An instance that answers while it rests is well again."""
    pool = Pool(spec_of("a"))
    once(pool, Failed(error_of("rate_limit", 30.0)))
    once(pool, Succeeded(), 5.0)

    assert pool.health(5.0) == "up"


def test_expired_credential_rests_only_after_a_refresh_did_not_help() -> None:
    """The first refusal leads to a refresh; the second says that it is no use."""
    pool = Pool(spec_of("a"))
    once(pool, Failed(error_of("credential_expired")))
    assert pool.health(0.0) == "up"

    pick = pool.pick(WISH, 0.0, rng())
    assert pick is not None
    pool.give_back(pool.take(pick, 0.0, refreshed=True), Failed(error_of("credential_expired")), 0.0, rng())
    assert pool.health(0.0) == "down"


def test_full_instances_are_not_picked() -> None:
    """Nothing goes beyond `concurrency.max`, not even when all rest."""
    pool = Pool(spec_of("a", "b", concurrency=Concurrency(1)))
    leases = [take(pool), take(pool)]

    assert pool.pick(WISH, 0.0, rng()) is None
    assert pool.pick_resting(WISH) is None
    assert pool.is_full(WISH, 0.0)
    pool.give_back(leases[0], Succeeded(), 0.0, rng())
    assert not pool.is_full(WISH, 0.0)


@pytest.mark.parametrize("name", ["connect", "timeout", "server"])
def test_probe_ends_only_a_rest_that_began_with_silence(name: str) -> None:
    """A probe that is answered proves the instance reachable, no more than that."""
    pool = Pool(spec_of("a"))
    for _ in range(3):
        once(pool, Failed(error_of(name)))
    assert pool.health(1.0) == "down"

    pool.probed(pool.instances[0], None, 1.0, rng())

    assert pool.health(1.0) == ("up" if name == "connect" else "down")


def test_failed_probes_open_once_and_a_good_one_closes() -> None:
    """Probes open the circuit, do not lengthen its rest, and close it."""
    pool = Pool(spec_of("a"))
    pool.probed(pool.instances[0], "no connection", 1.0, rng())
    rest = pool.instances[0].record.circuit.rest_until
    pool.probed(pool.instances[0], "no connection", 2.0, rng())

    assert pool.instances[0].record.circuit.rest_until == rest
    pool.probed(pool.instances[0], None, 3.0, rng())
    assert pool.health(3.0) == "up"


def test_reload_keeps_what_is_known_of_unchanged_instances() -> None:
    """Same endpoint and credentials: health, counters and open leases live on; anything else starts anew."""
    spec = spec_of("a", "b", "c")
    old = Pool(spec)
    once(old, Failed(error_of("credential")))
    held = take(old)
    changed = dataclasses.replace(spec.instances[2], credentials=Credentials("bearer", Secret("new")))
    reweighted = dataclasses.replace(spec.instances[1], weight=9)
    new = Pool(replace(spec, instances=(spec.instances[0], reweighted, changed)))
    new.adopt(old)

    assert [one.record is before.record for one, before in zip(new.instances, old.instances, strict=True)] == [
        True,
        True,
        False,
    ]
    assert new.instances[1].weight == 9
    assert new.inflight == 1
    old.give_back(held, Succeeded(), 0.0, rng())
    assert new.inflight == 0
    assert once(new, Succeeded()) == "c", "the turn goes on where it was"


def test_reload_keeps_instances_apart_that_differ_in_their_names_only() -> None:
    """Two ways to one endpoint, as for their weights: each keeps its own record, and one alone the first of them."""
    spec = spec_of("a", "b")
    twin = dataclasses.replace(spec.instances[0], name="twin")
    old, new, later = (Pool(replace(spec, instances=kept)) for kept in ((spec.instances[0], twin),) * 2 + ((twin,),))
    held = take(old)
    new.adopt(old)

    assert [one.record is before.record for one, before in zip(new.instances, old.instances, strict=True)] == [
        True,
        True,
    ]
    assert new.inflight == 1
    later.adopt(new)
    assert later.inflight == 1
    old.give_back(held, Succeeded(), 0.0, rng())
    assert later.inflight == 0


def test_snapshot_is_json_and_holds_no_secret() -> None:
    """What `/status` shows has no user, password, query or key of an endpoint."""
    spec = spec_of("a")
    one = dataclasses.replace(
        spec.instances[0],
        endpoint="https://user:canary@api.test/v1?key=canary",
        credentials=Credentials("bearer", Secret("canary")),
    )
    pool = Pool(replace(spec, instances=(one,)))

    assert "canary" not in json.dumps(pool.snapshot(0.0)) + repr(pool) + repr(pool.instances)
    assert pool.snapshot(0.0)[0]["endpoint"] == "https://api.test/v1"


def test_repr_is_a_status_line() -> None:
    """A pool prints its strategy, how many rest and what is in flight."""
    pool = Pool(spec_of("a", "b"))
    once(pool, Failed(error_of("credential")))
    take(pool)

    assert repr(pool) == "<Pool p [round-robin: 1 closed, 1 resting | 1 in flight]>"


OUTCOMES = st.one_of(
    st.builds(Succeeded, st.one_of(st.none(), st.floats(0, 10))),
    st.just(Abandoned()),
    st.builds(
        lambda kind, after, only: Failed(error_of(kind, after, model_only=only)),
        st.sampled_from(sorted(KINDS)),
        st.one_of(st.none(), st.floats(0, 100)),
        st.booleans(),
    ),
)


@given(st.lists(st.tuples(OUTCOMES, st.floats(0, 50), st.sampled_from(["m", "n"])), max_size=30), st.integers(1, 3))
def test_every_request_finds_an_instance_and_nothing_stays_in_flight(
    steps: list[tuple[Outcome, float, str]], instances: int
) -> None:
    """Whatever the outcomes, there is always an instance to ask, and the counters end at zero."""
    pool, now, held = Pool(spec_of(*"abc"[:instances])), 0.0, []
    for outcome, wait, model in steps:
        now += wait
        held.append((take(pool, now, Wish(model)), outcome))
        if len(held) > 2:
            pool.give_back(*held.pop(0), now, rng())
    for lease, outcome in held:
        pool.give_back(lease, outcome, now, rng())

    assert pool.inflight == 0
    assert sum(int(str(row["requests"])) for row in pool.snapshot(now)) == len(steps)


@pytest.mark.parametrize(("most", "workers", "each"), [(8, 1, 8), (8, 2, 4), (9, 2, 4), (1, 4, 1)])
def test_workers_share_what_is_allowed(most: int, workers: int, each: int) -> None:
    """Together they stay within the limit; only where there are more workers than places has each of them one."""
    assert Pool(spec_of("a", concurrency=Concurrency(most)), workers=workers).max_inflight == each
