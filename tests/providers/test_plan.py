"""The failover plan: what is tried in which order, and when it ends."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import KINDS, Blame, ProviderError
from providers.instances import Failed, Wish
from providers.plan import GiveUp, Plan, PlannedTarget, PlanPolicy, Sleep, Try, within
from providers.pool import Pool
from providers.retry_budget import RetryBudget
from providers.spec import Concurrency, Timeouts
from tests.providers.specs import error_of, spec_of


class Drive:
    """Runs a plan with scripted errors and a clock that only sleeps and tries move; keeps what happened as words."""

    def __init__(self, plan: Plan, now: float = 0.0, try_s: float = 0.0) -> None:
        self.plan, self.now, self.try_s, self.rng = plan, now, try_s, random.Random(1)
        self.told: ProviderError | None = None
        self.story: list[str] = []
        self.tries: list[Try] = []

    def run(self, *kinds: str, retry_after_s: float | None = None, most: int = 200) -> list[str]:
        """Each try fails with the next kind (the last one again and again; `ok` commits)."""
        for _ in range(most):
            match self.plan.next(self.now, self.rng):
                case GiveUp(error):
                    self.told = error
                    self.story.append(f"give up: {error.kind.name}")
                    return self.story
                case Sleep(seconds):
                    self.now += seconds
                    self.story.append("sleep")
                case Try() as attempt:
                    lease = attempt.take(self.now)
                    self.tries.append(attempt)
                    mark = ("!" if lease.forced else "") + ("*" if attempt.refresh else "")
                    self.story.append(f"{attempt.target.pool.name}/{attempt.pick.instance.name}{mark}")
                    self.now += self.try_s
                    kind = kinds[min(len(self.tries), len(kinds)) - 1]
                    if kind == "ok":
                        self.plan.committed()
                        return self.story
                    error = error_of(kind, retry_after_s)
                    attempt.target.pool.give_back(lease, Failed(error), self.now, self.rng)
                    self.plan.failed(attempt, error, self.now, self.rng)
        raise AssertionError(f"no end: {self.story}")


def targets_of(*pools: str, windows: Sequence[int | None] = ()) -> list[PlannedTarget]:
    """One target for each text of instance names: `ab` is a pool of two."""
    return [
        PlannedTarget(Pool(spec_of(*names, provider=f"p{index}")), "m", windows[index] if windows else None)
        for index, names in enumerate(pools)
    ]


def drive(targets: list[PlannedTarget], try_s: float = 0.0) -> Drive:
    return Drive(Plan(targets, RetryBudget(), started=0.0), try_s=try_s)


@pytest.mark.parametrize(
    ("pools", "kinds", "story"),
    [
        (["a"], ["ok"], ["p0/a"]),
        (["ab"], ["server", "ok"], ["p0/a", "p0/b"]),
        (["a", "b"], ["connect", "ok"], ["p0/a", "p1/b"]),
        (["ab", "c"], ["overloaded", "timeout", "ok"], ["p0/a", "p0/b", "p1/c"]),
        (["a"], ["server", "ok"], ["p0/a", "sleep", "p0/a"]),
        (["a"], ["server"], ["p0/a", "sleep", "p0/a", "give up: server"]),
        (["ab"], ["server"], ["p0/a", "p0/b", "sleep", "p0/a", "sleep", "p0/b", "give up: server"]),
        (["a", "b"], ["credential", "ok"], ["p0/a", "p1/b"]),
        (["a"], ["credential"], ["p0/a", "give up: credential"]),
        (["ab"], ["quota", "billing"], ["p0/a", "p0/b", "give up: quota"]),
        (["a"], ["credential_expired", "ok"], ["p0/a", "p0/a*"]),
        (["ab"], ["credential_expired", "credential_expired", "ok"], ["p0/a", "p0/a*", "p0/b"]),
        (["ab"], ["bad_request"], ["p0/a", "give up: bad_request"]),
        (["ab", "c"], ["model"], ["p0/a", "give up: model"]),
        (["ab", "c"], ["context_length"], ["p0/a", "give up: context_length"]),
    ],
)
def test_order_of_tries(pools: list[str], kinds: list[str], story: list[str]) -> None:
    """Other instances first, then fallbacks, then a second round after a pause; what cannot help is not tried."""
    assert drive(targets_of(*pools)).run(*kinds) == story


@pytest.mark.parametrize("kind", sorted(name for name, kind in KINDS.items() if kind.blame is Blame.CLIENT))
def test_client_mistakes_stop_at_once(kind: str) -> None:
    """An error to blame on the client is told after one try."""
    assert drive(targets_of("ab", "c")).run(kind) == ["p0/a", f"give up: {kind}"]


@pytest.mark.parametrize(
    ("windows", "story"),
    [
        ([100, 100, 200], ["p0/a", "p2/c"]),
        ([100, None, 50], ["p0/a", "give up: context_length"]),
        ([None, 200, 300], ["p0/a", "give up: context_length"]),
    ],
)
def test_too_long_a_request_goes_only_to_a_larger_window(windows: list[int | None], story: list[str]) -> None:
    """`context_length` leads to the first fallback known to take more, if there is one."""
    assert drive(targets_of("a", "b", "c", windows=windows)).run("context_length", "ok") == story


def test_awake_fallback_comes_before_a_resting_target() -> None:
    """A target whose instances all rest is passed over while a fallback is well."""
    targets = targets_of("a", "b")
    drive(targets[:1]).run("credential")

    assert drive(targets).run("ok") == ["p1/b"]


def test_where_all_rest_the_first_to_wake_is_tried() -> None:
    """A new request with nothing awake is sent to the instance whose rest ends first, of whatever target."""
    targets = targets_of("a", "b")
    drive(targets[:1]).run("rate_limit", retry_after_s=60.0)
    drive(targets[1:]).run("rate_limit", retry_after_s=20.0)

    assert drive(targets).run("ok") == ["p1/b!"]


def test_short_retry_after_is_waited_for() -> None:
    """A wait of seconds is done here, to the second."""
    one = drive(targets_of("a"))

    assert one.run("rate_limit", "ok", retry_after_s=3.0) == ["p0/a", "sleep", "p0/a"]
    assert one.now == 3.0


def test_long_retry_after_is_handed_to_the_client() -> None:
    """A wait of a minute is the client's to do: it reads the upstream's own `retry-after`."""
    one = drive(targets_of("a"))

    assert one.run("rate_limit", retry_after_s=60.0) == ["p0/a", "give up: rate_limit"]
    assert one.told is not None
    assert one.told.retry_after_s == 60.0


def test_told_error_is_not_about_our_credentials_where_another_is_known() -> None:
    """A client that reads 401 would ask its user to log in; an upstream's overload says more."""
    assert drive(targets_of("a", "b")).run("overloaded", "credential")[-1] == "give up: overloaded"


def test_tries_are_capped() -> None:
    """However many instances there are, no more tries than the policy allows."""
    one = drive(targets_of("abcdefghijkl"))

    assert one.run("connect")[-1] == "give up: connect"
    assert len(one.tries) == 6


def test_deadline_ends_it_and_cuts_the_timeouts() -> None:
    """No try begins after the deadline, and none may take longer than what is left."""
    one = drive(targets_of("abcdef"), try_s=250.0)
    one.run("timeout")

    assert [attempt.timeouts.first_byte_s for attempt in one.tries] == [300.0, 300.0, 90.0]


def test_empty_retry_budget_ends_it() -> None:
    """Where the whole process has made too many retries, the first failure is told."""
    plan = Plan(targets_of("ab"), RetryBudget(tokens=0.0, per_second=0.0), started=0.0)

    assert Drive(plan).run("server") == ["p0/a", "give up: server"]


def test_full_pool_is_waited_for_then_busy() -> None:
    """At our own limit a request waits a short, bounded time and then reads 529 with a `retry-after`."""
    pool = Pool(spec_of("a", concurrency=Concurrency(1)))
    pick = pool.would_pick(Wish("m"), 0.0)
    assert pick is not None
    pool.take(pick, 0.0)
    one = drive([PlannedTarget(pool, "m")])

    assert set(one.run("ok")) == {"sleep", "give up: busy"}
    assert 4.9 < one.now < 5.2
    assert one.told is not None
    assert (one.told.kind.status, one.told.retry_after_s) == (529, 1.0)


def test_within_cuts_only_what_is_too_long() -> None:
    """What is left of the deadline bounds connecting and the first byte, nothing else."""
    assert within(Timeouts(), 5.0) == Timeouts(connect_s=5.0, first_byte_s=5.0)
    assert within(Timeouts(), 500.0) == Timeouts()


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.lists(
        st.tuples(st.sampled_from(sorted(KINDS)), st.one_of(st.none(), st.floats(0, 700)), st.floats(0, 400)),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 12),
    st.integers(0, 99),
)
def test_no_try_after_commit_cap_or_deadline(
    sizes: list[int], ends: list[tuple[str, float | None, float]], commit_at: int, seed: int
) -> None:
    """Whatever the upstreams do, a plan ends, within its tries and its time, and not one try follows the commit."""
    pools = [Pool(spec_of(*"abcd"[:size], provider=f"p{index}")) for index, size in enumerate(sizes)]
    policy = PlanPolicy()
    plan = Plan([PlannedTarget(pool, "m") for pool in pools], RetryBudget(), started=0.0, policy=policy)
    now, rng, tries, committed = 0.0, random.Random(seed), 0, False
    for _ in range(100):
        found = plan.next(now, rng)
        if isinstance(found, GiveUp):
            break
        if isinstance(found, Sleep):
            assert 0 < found.seconds <= policy.sleep_longest_s
            now += found.seconds
            continue
        assert not committed
        assert now < policy.deadline_s
        assert found.timeouts.first_byte_s <= policy.deadline_s - now
        lease = found.take(now)
        kind, retry_after_s, took = ends[tries % len(ends)]
        tries += 1
        now += min(took, found.timeouts.first_byte_s)
        if tries == commit_at:
            plan.committed()
            committed = True
        error = error_of(kind, retry_after_s)
        found.target.pool.give_back(lease, Failed(error), now, rng)
        plan.failed(found, error, now, rng)
    else:
        raise AssertionError("no end")

    assert 1 <= tries <= policy.most_tries
    assert now <= policy.deadline_s + 1e-6
