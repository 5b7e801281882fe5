"""When an instance rests, and when it is tried again: one circuit, its transitions as a table.

A circuit is a value; `after` gives the next one. It belongs to an instance, or to one model of an instance when the
upstream limits only that model.
"""

from __future__ import annotations

import math
import random
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from providers.errors import ProviderError


class State(StrEnum):
    """Closed: in use. Open: rests. Half-open: one request may try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Signal(StrEnum):
    """What an attempt, a probe or the clock says about an instance."""

    GOOD = "good"
    NEUTRAL = "neutral"  # says nothing: the client's mistake, or the client went away
    FAULT = "fault"
    TRIP = "trip"  # the fault that was one too many
    LIMITED = "limited"
    DENIED = "denied"
    RESTED = "rested"  # the rest is over


TRANSITIONS: dict[tuple[State, Signal], State] = {
    (State.CLOSED, Signal.GOOD): State.CLOSED,
    (State.CLOSED, Signal.NEUTRAL): State.CLOSED,
    (State.CLOSED, Signal.FAULT): State.CLOSED,
    (State.CLOSED, Signal.TRIP): State.OPEN,
    (State.CLOSED, Signal.LIMITED): State.OPEN,
    (State.CLOSED, Signal.DENIED): State.OPEN,
    (State.CLOSED, Signal.RESTED): State.CLOSED,
    (State.OPEN, Signal.GOOD): State.CLOSED,
    (State.OPEN, Signal.NEUTRAL): State.OPEN,
    (State.OPEN, Signal.FAULT): State.OPEN,
    (State.OPEN, Signal.TRIP): State.OPEN,
    (State.OPEN, Signal.LIMITED): State.OPEN,
    (State.OPEN, Signal.DENIED): State.OPEN,
    (State.OPEN, Signal.RESTED): State.HALF_OPEN,
    (State.HALF_OPEN, Signal.GOOD): State.CLOSED,
    (State.HALF_OPEN, Signal.NEUTRAL): State.HALF_OPEN,
    (State.HALF_OPEN, Signal.FAULT): State.OPEN,
    (State.HALF_OPEN, Signal.TRIP): State.OPEN,
    (State.HALF_OPEN, Signal.LIMITED): State.OPEN,
    (State.HALF_OPEN, Signal.DENIED): State.OPEN,
    (State.HALF_OPEN, Signal.RESTED): State.HALF_OPEN,
}

SIGNALS: dict[str, Signal] = {
    "connect": Signal.FAULT,
    "timeout": Signal.FAULT,
    "cut": Signal.FAULT,
    "garbage": Signal.FAULT,
    "redirect": Signal.FAULT,
    "path": Signal.FAULT,
    "empty": Signal.FAULT,
    "server": Signal.FAULT,
    "unavailable": Signal.FAULT,
    "overloaded": Signal.FAULT,
    "request_timeout": Signal.FAULT,
    "rate_limit": Signal.LIMITED,
    "quota": Signal.DENIED,
    "credential": Signal.DENIED,
    "billing": Signal.DENIED,
    "permission": Signal.DENIED,
    "credential_expired": Signal.NEUTRAL,  # a refresh comes first; if that fails the plan reports `credential`
    "conflict": Signal.NEUTRAL,
    "bad_reply": Signal.NEUTRAL,  # the model's words, not the instance
    "silent": Signal.NEUTRAL,  # the same: any client could ask for silence
    "forwarded_credential": Signal.NEUTRAL,
    "model": Signal.NEUTRAL,
    "bad_request": Signal.NEUTRAL,
    "context_length": Signal.NEUTRAL,
    "too_large": Signal.NEUTRAL,
    "unprocessable": Signal.NEUTRAL,
    "loop": Signal.NEUTRAL,
    "busy": Signal.NEUTRAL,
}
"""Error kind -> what it says about the instance."""


class HealthPolicy(Struct, frozen=True):
    """How many faults in a row open a circuit, and for how long it rests (seconds; doubled each time up to the longest)."""

    faults_to_open: int = 3
    fault_rest_s: float = 5.0
    fault_rest_longest_s: float = 300.0
    limited_rest_s: float = 10.0
    limited_rest_longest_s: float = 300.0
    denied_rest_s: float = 300.0
    denied_rest_longest_s: float = 3600.0
    jitter: float = 0.2


DEFAULT_HEALTH = HealthPolicy()


class Circuit(Struct, frozen=True):
    """The health of one instance, or of one model there.

    `faults` in a row since the last success, `trips` since it was last closed; `probing`: the one trial is under way;
    `since` is when the state last changed; `cause` and `reason` (the kind of the error) are why it opened.
    """

    state: State = State.CLOSED
    faults: int = 0
    trips: int = 0
    since: float = 0.0
    rest_until: float = 0.0
    probing: bool = False
    cause: Signal | None = None
    reason: str | None = None

    def admits(self, now: float) -> bool:
        """Whether a request may be sent now (as itself, or as the one trial)."""
        if self is CLOSED:  # nearly always
            return True
        match self.state:
            case State.CLOSED:
                return True
            case State.OPEN:
                return now >= self.rest_until
            case State.HALF_OPEN:
                return not self.probing

    def seen_at(self, now: float) -> State:
        """The state that a reader should be told: a rest that is over is half-open, though no request came yet."""
        return State.HALF_OPEN if self.state is State.OPEN and now >= self.rest_until else self.state


CLOSED = Circuit()

_STALE = (Signal.GOOD, Signal.NEUTRAL, Signal.FAULT)


def signal_of(error: ProviderError) -> Signal:
    """What the error says about the instance. An upstream that says how long to stay away is limited, whatever its words."""
    signal = SIGNALS[error.kind.name]
    if signal is Signal.FAULT and error.retry_after_s is not None:
        return Signal.LIMITED
    return signal


def admitted(circuit: Circuit, now: float) -> Circuit:
    """The circuit once a request was let through: a circuit whose rest is over has its trial under way."""
    if circuit is CLOSED or circuit.state is State.CLOSED:
        return circuit
    if circuit.state is State.OPEN:
        if now < circuit.rest_until:
            return circuit  # used although it rests, since nothing else was left
        circuit = replace(circuit, state=TRANSITIONS[circuit.state, Signal.RESTED], since=now)
    return replace(circuit, probing=True)


def answering(circuit: Circuit) -> Circuit:
    """The circuit once the trial's answer has begun: the next may try too, for how a long answer ends is known late."""
    return replace(circuit, probing=False) if circuit.probing else circuit


def after(
    circuit: Circuit,
    signal: Signal,
    now: float,
    rng: random.Random,
    policy: HealthPolicy,
    *,
    began: float,
    reason: str | None = None,
    retry_after_s: float | None = None,
) -> Circuit:
    """The circuit after what an attempt that `began` then has shown.

    News older than the present state (an attempt that began before the circuit opened) neither closes it nor makes its
    rest longer; limits and refusals count whenever they come.
    """
    if circuit.state is not State.CLOSED and began < circuit.since and signal in _STALE:
        return circuit
    faults = circuit.faults + 1 if signal is Signal.FAULT else circuit.faults
    if signal is Signal.FAULT and faults >= policy.faults_to_open:
        signal = Signal.TRIP
    state = TRANSITIONS[circuit.state, signal]
    match state:
        case State.CLOSED if signal in (Signal.GOOD, Signal.RESTED):
            return CLOSED if circuit.state is State.CLOSED else replace(CLOSED, since=now)
        case State.CLOSED:
            return replace(circuit, faults=faults)
        case State.HALF_OPEN:
            return replace(circuit, probing=False)
        case State.OPEN if signal is Signal.NEUTRAL:
            return circuit
        case State.OPEN:
            rest_s = _rest_s(signal, circuit.trips, retry_after_s, rng, policy)
            return Circuit(
                state=state,
                faults=faults,
                trips=circuit.trips + 1,
                since=circuit.since if circuit.state is State.OPEN else now,
                rest_until=max(now + rest_s, circuit.rest_until),
                cause=signal,
                reason=reason,
            )


def _rest_s(signal: Signal, trips: int, retry_after_s: float | None, rng: random.Random, policy: HealthPolicy) -> float:
    """How long to rest: as long as the upstream asked, else doubled with every trip, with jitter so that not all return at once."""
    if retry_after_s is not None and math.isfinite(retry_after_s) and retry_after_s >= 0:
        return retry_after_s
    match signal:
        case Signal.LIMITED:
            first, longest = policy.limited_rest_s, policy.limited_rest_longest_s
        case Signal.DENIED:
            first, longest = policy.denied_rest_s, policy.denied_rest_longest_s
        case _:
            first, longest = policy.fault_rest_s, policy.fault_rest_longest_s
    rest_s = min(longest, first * 2.0 ** min(trips, 30))
    return rest_s * (1.0 + policy.jitter * (2.0 * rng.random() - 1.0))
