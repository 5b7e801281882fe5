"""The circuit: its table, who opens it, and for how long it rests."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import KINDS, Blame
from providers.health import (
    CLOSED,
    DEFAULT_HEALTH,
    SIGNALS,
    TRANSITIONS,
    Circuit,
    HealthPolicy,
    Signal,
    State,
    admitted,
    after,
    signal_of,
)
from tests.providers.specs import error_of

EXACT = HealthPolicy(jitter=0.0)


def heard(
    circuit: Circuit, signal: Signal, now: float, *, began: float | None = None, retry_after_s: float | None = None
) -> Circuit:
    since = now if began is None else began
    return after(circuit, signal, now, random.Random(1), EXACT, began=since, retry_after_s=retry_after_s)


def test_table_has_a_row_for_every_state_and_signal() -> None:
    """No state and signal is left to chance."""
    assert set(TRANSITIONS) == {(state, signal) for state in State for signal in Signal}


def test_every_error_kind_has_a_signal() -> None:
    """Each row of the error table says what it means for the instance."""
    assert set(SIGNALS) == set(KINDS)


@pytest.mark.parametrize("kind", sorted(name for name, kind in KINDS.items() if kind.blame is Blame.CLIENT))
def test_client_mistakes_never_change_a_circuit(kind: str) -> None:
    """Whatever the state, an error to blame on the client leaves the instance's health alone."""
    assert signal_of(error_of(kind)) is Signal.NEUTRAL
    for circuit in (CLOSED, Circuit(faults=2), heard(CLOSED, Signal.LIMITED, 1.0)):
        assert heard(circuit, Signal.NEUTRAL, 5.0) == circuit


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Signal),
            st.floats(0, 1000),
            st.floats(0, 1000),
            st.one_of(st.none(), st.floats(allow_nan=True)),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_state_stays_legal_whatever_comes(
    steps: list[tuple[Signal, float, float, float | None, bool]],
) -> None:
    """After any signals, late ones and odd retry-afters included, an open circuit has an end of its rest."""
    circuit, now, rng = CLOSED, 0.0, random.Random(1)
    for signal, wait, age, retry_after_s, admit in steps:
        now += wait
        if admit and circuit.admits(now):
            circuit = admitted(circuit, now)
            assert circuit.state is State.CLOSED or circuit.probing
        circuit = after(
            circuit, signal, now, rng, DEFAULT_HEALTH, began=now - age, reason="x", retry_after_s=retry_after_s
        )
        assert circuit.state in State
        assert (circuit.state is State.OPEN) <= (circuit.rest_until >= circuit.since)
        assert not (circuit.probing and circuit.state is not State.HALF_OPEN)
        assert circuit.state is not State.CLOSED or circuit.faults < DEFAULT_HEALTH.faults_to_open
        assert circuit.rest_until == circuit.rest_until < float("inf")


def test_faults_in_a_row_open_and_rests_double() -> None:
    """Three faults open for 5 s, the failed trial after it for 10 s, then 20 s, at most 300 s."""
    circuit = heard(heard(CLOSED, Signal.FAULT, 0.0), Signal.FAULT, 0.0)
    assert circuit.state is State.CLOSED
    rests, now = [], 0.0
    for _ in range(8):
        circuit = heard(admitted(circuit, now), Signal.FAULT, now)
        assert circuit.state is State.OPEN
        rests.append(circuit.rest_until - now)
        now = circuit.rest_until

    assert rests == [5, 10, 20, 40, 80, 160, 300, 300]


def test_success_between_faults_keeps_it_closed() -> None:
    """Only faults in a row count."""
    circuit = CLOSED
    for signal in (Signal.FAULT, Signal.FAULT, Signal.GOOD, Signal.FAULT, Signal.FAULT):
        circuit = heard(circuit, signal, 0.0)

    assert circuit.state is State.CLOSED


def test_half_open_admits_one_trial() -> None:
    """Once the rest is over one request may pass, the next only after its outcome."""
    circuit = heard(CLOSED, Signal.LIMITED, 0.0, retry_after_s=7.0)
    assert [circuit.admits(now) for now in (0.0, 6.9, 7.0)] == [False, False, True]

    trial = admitted(circuit, 7.0)
    assert (trial.state, trial.admits(8.0)) == (State.HALF_OPEN, False)
    assert heard(trial, Signal.NEUTRAL, 9.0).admits(9.0)
    assert heard(trial, Signal.GOOD, 9.0).state is State.CLOSED
    assert heard(trial, Signal.FAULT, 9.0).state is State.OPEN


@pytest.mark.parametrize(
    ("signal", "retry_after_s", "rest_s"),
    [
        (Signal.LIMITED, 42.0, 42.0),
        (Signal.LIMITED, 0.0, 0.0),
        (Signal.LIMITED, None, 10.0),
        (Signal.LIMITED, -1.0, 10.0),
        (Signal.LIMITED, float("inf"), 10.0),
        (Signal.DENIED, None, 300.0),
        (Signal.TRIP, None, 5.0),
    ],
)
def test_rest_is_as_long_as_the_upstream_says_else_ours(
    signal: Signal, retry_after_s: float | None, rest_s: float
) -> None:
    """`retry-after` is honoured to the second; without one (or with nonsense) the table's rest holds."""
    assert heard(CLOSED, signal, 100.0, retry_after_s=retry_after_s).rest_until == 100.0 + rest_s


def test_overload_with_retry_after_rests_like_a_limit() -> None:
    """A 503 that says when to come back opens at once, one that does not is a fault among others."""
    assert signal_of(error_of("unavailable", 9.0)) is Signal.LIMITED
    assert signal_of(error_of("unavailable")) is Signal.FAULT


def test_old_news_change_nothing_while_it_rests() -> None:
    """An attempt that began before the circuit opened neither closes it nor makes its rest longer."""
    opened = heard(CLOSED, Signal.TRIP, 10.0)

    assert heard(opened, Signal.GOOD, 11.0, began=9.0) == opened
    assert heard(opened, Signal.FAULT, 11.0, began=9.0) == opened
    assert heard(opened, Signal.GOOD, 11.0, began=10.5).state is State.CLOSED
    assert heard(opened, Signal.LIMITED, 11.0, began=9.0, retry_after_s=60.0).rest_until == 71.0


def test_jitter_keeps_rests_apart() -> None:
    """Instances that fail together do not come back together: rests differ by up to a fifth."""
    rests = {
        after(CLOSED, Signal.TRIP, 0.0, random.Random(seed), DEFAULT_HEALTH, began=0.0).rest_until for seed in range(50)
    }

    assert len(rests) == 50
    assert 4.0 <= min(rests) < max(rests) <= 6.0
