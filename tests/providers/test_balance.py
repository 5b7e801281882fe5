"""Each strategy's distribution, exactly."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from providers.balance import STRATEGIES, SYNONYMS, Latency, affinity
from providers.instances import Abandoned, Lease, Succeeded, Wish
from providers.pool import Pool
from tests.providers.specs import spec_of


def take(pool: Pool, rng: random.Random, now: float = 0.0, session: str | None = None) -> Lease:
    pick = pool.pick(Wish("m", session), now, rng)
    assert pick is not None
    return pool.take(pick, now)


def order_of(pool: Pool, count: int, sessions: list[str] | None = None) -> str:
    """The names of the instances of `count` requests that follow each other."""
    rng = random.Random(1)
    names = []
    for number in range(count):
        lease = take(pool, rng, session=sessions[number] if sessions else None)
        names.append(lease.instance.name)
        pool.give_back(lease, Succeeded(), 0.0, rng)
    return "".join(names)


@pytest.mark.parametrize(
    ("strategy", "weights", "expected"),
    [
        ("round-robin", (1, 1, 1), "abcabcabc"),
        ("weighted", (5, 1, 1), "aabacaaaabacaa"),
        ("weighted", (1, 1, 1), "abcabc"),
        ("weighted", (2, 0, 1), "acaaca"),
        ("weighted", (0, 0, 0), "abcabc"),
        ("least-busy", (1, 0, 1), "acac"),
        ("least-busy", (0, 0, 0), "abcabc"),
        ("sticky", (1, 0, 1), "acac"),
        ("least-busy", (1, 1, 1), "abcabc"),
        ("priority", (1, 1, 1), "aaaa"),
        ("sticky", (1, 1, 1), "abcabc"),
    ],
)
def test_order_of_requests_one_after_another(strategy: str, weights: tuple[int, ...], expected: str) -> None:
    """Every strategy without chance gives exactly this order."""
    pool = Pool(spec_of("a", "b", "c", strategy=strategy, weights=weights))

    assert order_of(pool, len(expected)) == expected


def test_random_shares_follow_the_weights() -> None:
    """With a fixed seed the shares of `random` are these, near 1 to 3."""
    pool = Pool(spec_of("a", "b", strategy="random", weights=(1, 3)))

    assert Counter(order_of(pool, 1000)) == {"a": 227, "b": 773}


def test_least_busy_prefers_the_fewest_in_flight_for_its_weight() -> None:
    """Requests that stay fill the instances in proportion to their weights."""
    pool = Pool(spec_of("a", "b", "c", strategy="least-busy", weights=(2, 1, 1)))
    rng = random.Random(1)

    held = Counter(take(pool, rng).instance.name for _ in range(12))

    assert held == {"a": 6, "b": 3, "c": 3}


def test_least_latency_avoids_the_slow_one() -> None:
    """Of two choices the faster wins: the slowest of three is only ever chosen with nothing to compare to."""
    pool = Pool(spec_of("fast", "slow", "mid", strategy="least-latency"))
    rng = random.Random(1)
    for instance, seconds in zip(pool.instances, (0.1, 3.0, 0.5), strict=True):
        instance.record.latency = Latency(seconds, 0.0)

    chosen: Counter[str] = Counter()
    for _ in range(300):
        lease = take(pool, rng)
        chosen[lease.instance.name] += 1
        pool.give_back(lease, Abandoned(), 0.0, rng)

    assert chosen == {"fast": 201, "mid": 99}


def test_least_latency_counts_load_and_forgives_with_time() -> None:
    """A busy fast instance costs more than an idle slower one, and an old measurement fades."""
    measured = Latency(1.0, 0.0)

    assert measured.cost(3, 0.0) == 4.0
    assert measured.cost(0, 120.0) < 0.2
    assert Latency().cost(0, 0.0) == 0.0 < Latency().cost(1, 0.0)


def test_latency_rises_at_once_and_falls_slowly() -> None:
    """A peak counts fully; better news are believed over seconds."""
    peak = Latency().observed(0.1, 0.0).observed(2.0, 1.0)

    assert peak.ewma_s == 2.0
    assert 1.7 < (peak.observed(0.1, 2.0).ewma_s or 0) < 2.0
    assert (peak.observed(0.1, 60.0).ewma_s or 0) < 0.11


def test_session_stays_while_its_instance_is_well() -> None:
    """`sticky` sends every request of a session to one instance, and sessions spread."""
    pool = Pool(spec_of("a", "b", "c", strategy="sticky"))
    sessions = [f"s{number % 30}" for number in range(300)]

    order = order_of(pool, 300, sessions)

    assert order[:30] * 10 == order
    assert set(order) == {"a", "b", "c"}


def test_session_that_had_to_move_does_not_move_back() -> None:
    """After its instance rested, a session stays where its cache now is."""
    pool = Pool(spec_of("a", "b", strategy="sticky"))
    rng = random.Random(1)
    home = take(pool, rng, session="s").instance
    away = next(one for one in pool.instances if one is not home)

    pick = pool.pick(Wish("m", "s", frozenset([home.name])), 0.0, rng)
    assert pick is not None
    pool.take(pick, 0.0)

    assert take(pool, rng, session="s").instance is away


def test_new_instance_takes_only_its_share_of_sessions() -> None:
    """Rendezvous hashing: of 2,000 sessions those that move all move to the new instance, about a quarter."""
    names = ["a", "b", "c"]
    before = [max(names, key=lambda name: affinity(f"s{n}", name)) for n in range(2000)]
    after = [max([*names, "d"], key=lambda name: affinity(f"s{n}", name)) for n in range(2000)]

    moved = [new for old, new in zip(before, after, strict=True) if old != new]

    assert set(moved) == {"d"}
    assert 440 < len(moved) < 560


def test_affinity_follows_weight() -> None:
    """An instance of weight 3 gets about three times the sessions of one of weight 1."""
    heavy = sum(affinity(f"s{n}", "a", 3) > affinity(f"s{n}", "b", 1) for n in range(2000))

    assert 1430 < heavy < 1570


@pytest.mark.parametrize("strategy", ["weighted", "random", "least-busy", "sticky"])
def test_weight_0_is_for_when_there_is_no_other(strategy: str) -> None:
    """Nothing new goes there while another can; a session that sits there stays."""
    pool = Pool(spec_of("a", "b", "c", strategy=strategy, weights=(1, 0, 0)))
    rng = random.Random(1)
    sessions = [f"s{n}" for n in range(200)]

    assert set(order_of(pool, 200, sessions)) == {"a"}
    without_a = [pool.pick(Wish("m", session, frozenset("a")), 0.0, rng) for session in sessions]
    assert without_a[7] is not None
    pool.take(without_a[7], 0.0)
    assert pool.take(without_a[7], 0.0).instance.name in "bc"
    if strategy in ("random", "sticky"):
        assert {pick.instance.name for pick in without_a if pick is not None} == {"b", "c"}
    if strategy == "sticky":
        assert take(pool, rng, session="s7").instance is without_a[7].instance


@pytest.mark.parametrize("healthy", [1, 2, 3, 7])
def test_round_robin_differs_by_at_most_one(healthy: int) -> None:
    """Over k instances that are well, no instance gets two requests more than another, at any moment."""
    pool = Pool(spec_of(*"abcdefgh", strategy="round-robin"))
    rng = random.Random(1)
    avoid = frozenset(one.name for one in pool.instances[healthy:])
    counts: Counter[str] = Counter({one.name: 0 for one in pool.instances[:healthy]})
    for _ in range(50):
        pick = pool.pick(Wish("m", None, avoid), 0.0, rng)
        assert pick is not None
        pool.take(pick, 0.0)
        counts[pick.instance.name] += 1

        assert max(counts.values()) - min(counts.values()) <= 1


def test_picking_changes_nothing() -> None:
    """A choice may be shown any number of times before it is made."""
    for strategy in STRATEGIES:
        pool = Pool(spec_of("a", "b", "c", strategy=strategy))
        picks = [pool.would_pick(Wish("m", "s"), 0.0) for _ in range(5)]

        assert None not in picks
        assert len({pick.instance.name for pick in picks if pick is not None}) == 1


def test_every_synonym_names_a_strategy() -> None:
    """The names of the original's later versions lead to strategies there are."""
    assert set(SYNONYMS.values()) <= set(STRATEGIES)
