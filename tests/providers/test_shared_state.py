"""Routers that tell each other: what one learns, the other takes over. The wire between them is a list."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.health import CLOSED, Circuit, State
from providers.hearsay import newer
from providers.instances import Failed, Lease, Succeeded, Wish
from providers.registry import Registry, registry_of
from providers.secret import Secret
from providers.shared_state import Circuited, Loaded, News, Seated, Spent, shared_key
from providers.spec import Concurrency, Credentials, InstanceSpec, ProviderSpec
from tests.providers.specs import UNLIMITED, error_of, spec_of

RNG = random.Random(1)


@dataclass
class Wire:
    """Carries what one router tells to the others, at once, or later when told so."""

    routers: dict[str, Registry] = field(default_factory=dict)
    told: list[News] = field(default_factory=list)
    open: bool = True

    def join(self, name: str, *specs: ProviderSpec, workers: int = 1) -> Registry:
        registry = registry_of({spec.name: spec for spec in specs}, workers)
        registry.share(Voice(self, name))
        self.routers[name] = registry
        return registry


@dataclass(frozen=True)
class Voice:
    wire: Wire
    name: str

    @property
    def together(self) -> bool:
        return self.wire.open

    def tell(self, news: News) -> None:
        self.wire.told.append(news)
        for name, registry in self.wire.routers.items():
            if name != self.name and self.wire.open:
                registry.hear(self.name, news, 0.0)


def pair(
    *names: str, strategy: str = "round-robin", concurrency: Concurrency = UNLIMITED
) -> tuple[Registry, Registry, Wire]:
    wire = Wire()
    spec = spec_of(*names, strategy=strategy, concurrency=concurrency)
    return wire.join("one", spec), wire.join("other", spec), wire


def take(registry: Registry, session: str | None = None, now: float = 0.0) -> Lease:
    pool = registry["p"]
    pick = pool.pick(Wish("m", session), now, RNG)
    assert pick is not None
    return pool.take(pick, now)


def fail(registry: Registry, kind: str, now: float, *, model_only: bool = False) -> None:
    lease = take(registry, now=now)
    registry["p"].give_back(lease, Failed(error_of(kind, model_only=model_only)), now, RNG)


def test_what_rests_for_one_rests_for_all() -> None:
    """A refused credential is not tried by the second router; and when it works again, it works for both."""
    one, other, _ = pair("a")
    fail(one, "credential", 10.0)
    assert other["p"].health(11.0) == "down"
    assert other["p"].snapshot(11.0)[0]["reason"] == "credential"
    ends = one["p"].instances[0].record.circuit.rest_until
    one["p"].give_back(take(one, now=ends), Succeeded(), ends + 1, RNG)

    assert other["p"].health(ends + 2) == "up"


def test_a_model_that_rests_does_so_for_all() -> None:
    """A limit of one model leaves the others in use, everywhere."""
    one, other, _ = pair("a")
    fail(one, "rate_limit", 10.0, model_only=True)

    assert other["p"].instances[0].admits("m", 11.0) is False
    assert other["p"].instances[0].admits("another", 11.0) is True
    assert other["p"].health(11.0) == "up"


def test_faults_that_open_nothing_are_not_told() -> None:
    """What changes nobody's choice is kept to oneself, client mistakes above all."""
    one, _, wire = pair("a")
    for kind in ("server", "bad_request", "context_length"):
        fail(one, kind, 1.0)
    one["p"].give_back(take(one), Succeeded(), 2.0, RNG)

    assert wire.told == []


def test_a_session_sits_in_the_same_place_everywhere() -> None:
    """Also when it had to move: the second router sends it where the first one has put it."""
    one, other, wire = pair("a", "b", "c", strategy="sticky")
    first = take(one, "s", 0.0)
    one["p"].give_back(first, Failed(error_of("credential")), 0.0, RNG)
    second = take(one, "s", 1.0)
    assert second.instance.name != first.instance.name
    for registry in (one, other):
        registry["p"].wake(registry["p"].instances[first.instance.index])

    assert take(other, "s", 2.0).instance.name == second.instance.name
    assert "s" not in [news.session for news in wire.told if isinstance(news, Seated)]
    assert len([news for news in wire.told if isinstance(news, Seated)]) == 2


def test_a_limit_counts_for_all() -> None:
    """What the others have in flight takes room; when they end, or are gone, it is free."""
    one, other, _ = pair("a", concurrency=Concurrency(2))
    held = take(one)
    take(other)
    assert one["p"].pick(Wish("m"), 0.0, RNG) is None
    assert other["p"].pick(Wish("m"), 0.0, RNG) is None
    one["p"].give_back(held, Succeeded(), 1.0, RNG)
    assert other["p"].pick(Wish("m"), 1.0, RNG) is not None
    one.forget("other")

    assert one["p"].instances[0].load == 0


def test_the_retry_budget_is_one_for_all() -> None:
    """What one spends, the others have not; what requests earn, all have."""
    one, other, _ = pair("a")
    for _ in range(100):
        one.retries.spend(0.0)
    one.retries.earn(0.0)
    other.hear("one", Spent(one.retries.news()), 0.0)

    assert other.retries.tokens == pytest.approx(one.retries.tokens)
    assert one.retries.news() == 0.0


def test_a_reload_goes_on_telling() -> None:
    """The new snapshot tells and hears as the old one did."""
    one, other, wire = pair("a")
    new = registry_of({"p": spec_of("a")})
    new.adopt(one)
    wire.routers["one"] = new
    fail(new, "credential", 5.0)

    assert other["p"].health(6.0) == "down"


def test_news_of_the_unknown_changes_nothing() -> None:
    """Another configuration, another version, another credential: nothing here is meant."""
    one, _, _ = pair("a", strategy="sticky")
    resting = Circuit(State.OPEN, since=5.0, rest_until=1e9)
    for news in (
        Circuited("0" * 24, None, resting),
        Loaded("0" * 24, 7),
        Seated("p", "x", "gone"),
        Seated("q", "x", "a"),
    ):
        one.hear("other", news, 0.0)

    assert one["p"].health(6.0) == "up"
    assert not one["p"].turn.seats
    assert one["p"].instances[0].load == 0


def test_a_key_tells_credentials_apart_and_gives_none_away() -> None:
    """Two routers with different keys for one endpoint do not make each other rest."""
    keys = {
        shared_key("p", InstanceSpec("a", "http://a.test", Credentials("bearer", api_key=Secret(value))))
        for value in ("canary-one", "canary-two")
    }

    assert len(keys) == 2
    assert not any("canary" in key for key in keys)


CIRCUITS = st.builds(
    Circuit,
    state=st.sampled_from([State.CLOSED, State.OPEN]),
    since=st.floats(0, 100),
    rest_until=st.floats(0, 1000),
)


@given(st.lists(CIRCUITS, max_size=6), st.randoms(use_true_random=False))
def test_news_in_any_order_gives_one_result_for_resting(said: list[Circuit], order: random.Random) -> None:
    """Hearing the same again changes nothing, and an instance told to rest is not woken by older news."""
    shuffled = order.sample(said, len(said))
    known = CLOSED
    for one in shuffled:
        after = newer(known, one)
        assert newer(after, one) == after
        if known.state is State.OPEN and one.state is State.CLOSED and one.since <= known.since:
            assert after == known
        known = after


def test_workers_that_do_not_hear_each_other_keep_to_their_part() -> None:
    """A limit is for all of them while they are together; when the wire is cut, they do not multiply it."""
    wire = Wire()
    spec = spec_of("a", concurrency=Concurrency(4))
    one = wire.join("one", spec, workers=2)["p"]
    assert one.max_inflight == 4
    wire.open = False
    assert one.max_inflight == 2
