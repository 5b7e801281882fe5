"""The instances of one provider with what is known of them: health, load, counters. Bookkeeping only, nothing waits.

    pick = pool.pick(wish, now, rng)      who should take it (changes nothing)
    lease = pool.take(pick, now)          it is taken: counted, in flight
    pool.answering(pick)                  its answer has begun
    pool.give_back(lease, outcome, now, rng)

`outcome` is how the attempt ended: `Succeeded`, `Failed` or `Abandoned` (the client went away: says nothing).
"""

from __future__ import annotations

import random
from typing import Literal, assert_never

from providers.balance import STRATEGIES, Ballot, Turn, seat_of
from providers.errors import Blame, ProviderError
from providers.health import (
    CLOSED,
    DEFAULT_HEALTH,
    Circuit,
    HealthPolicy,
    Signal,
    State,
    admitted,
    after,
    answering,
    signal_of,
)
from providers.instances import Abandoned, Failed, Instance, Lease, Outcome, Pick, Record, Succeeded, Wish, standing_of
from providers.shared_state import Alone, Circuited, Loaded, Seated, SharedState, shared_key
from providers.spec import ProviderSpec
from providers.waiting import Queue, Ticket


class Pool:
    """The instances of one provider. `workers` processes share what `concurrency` allows."""

    __slots__ = ("_policy", "_strategy", "_workers", "instances", "queue", "spec", "state", "turn")

    def __init__(self, spec: ProviderSpec, health: HealthPolicy = DEFAULT_HEALTH, workers: int = 1) -> None:
        self.spec = spec
        self._policy = health
        self._workers = workers
        self.queue = Queue(spec.concurrency.queue)
        self.state: SharedState = Alone()
        self.instances = tuple(
            Instance(f"{spec.name}/{one.name}", index, one, Record()) for index, one in enumerate(spec.instances)
        )
        self._strategy = STRATEGIES[spec.load_balancing.strategy]
        self.turn = Turn()

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.spec.name

    @property
    def max_inflight(self) -> int | None:
        """The most that each instance works on: all of it while other processes are heard, else the part of this one.

        That is at least one, or a worker could not serve at all.
        """
        most = self.spec.concurrency.most
        return most if most is None or self.state.together else max(1, most // self._workers)

    def pick(self, wish: Wish, now: float, rng: random.Random) -> Pick | None:
        """The instance whose turn it is among those awake, or None. Changes nothing; `take` does."""
        awake = [one for one in self.open_to(wish) if one.admits(wish.model, now)]
        if not awake:
            return None
        if len(awake) == 1:
            return Pick(awake[0], wish, awake)
        ballot = Ballot(awake, wish.session, now)
        chosen = self._strategy.choose(ballot, self.turn, rng)
        return Pick(self.instances[chosen.index], wish, awake)

    def pick_resting(self, wish: Wish) -> Pick | None:
        """The instance whose rest ends first, for when all rest; None where all are full or to be avoided."""
        free = self.open_to(wish)
        if not free:
            return None
        first = min(free, key=lambda one: (one.rests_until(wish.model), one.index))
        return Pick(first, wish, (first,), forced=True)

    def open_to(self, wish: Wish) -> list[Instance]:
        """The instances that are not to be avoided and have room for one more, whether they rest or not.

        Room is what those before it in line leave.
        """
        if self.max_inflight is None:
            return [one for one in self.instances if one.name not in wish.avoid]
        room = self.queue.room_for(wish.ticket, wish.avoid, self._free())
        return [one for one in self.instances if one.name in room]

    def is_full(self, wish: Wish, now: float) -> bool:
        """Whether every instance that would do is at its limit; those that rest count only where all do."""
        wanted = [one for one in self.instances if one.name not in wish.avoid]
        wanted = [one for one in wanted if one.admits(wish.model, now)] or wanted
        room = self.open_to(wish)
        return bool(wanted) and not any(one in room for one in wanted)

    def resting(self, model: str, now: float) -> frozenset[str]:
        """The names of the instances that may not be used for that model now."""
        return frozenset(one.name for one in self.instances if not one.admits(model, now))

    def leave(self, ticket: Ticket) -> None:
        """The request waits no more; whose turn it is now is told."""
        self.queue.leave(ticket)
        self.call()

    def call(self) -> None:
        """Wakes those in line for whom there is room."""
        if len(self.queue) and self.max_inflight is not None:
            self.queue.call(self._free())

    def _free(self) -> dict[str, int]:
        most = self.max_inflight
        assert most is not None, "only a limited pool has a queue"
        return {one.name: most - one.load for one in self.instances}

    def take(self, pick: Pick, now: float, *, refreshed: bool = False) -> Lease:
        """The picked instance, counted and in flight. Take a pick at once: nothing may happen to the pool in between.

        `refreshed`: its credential was just renewed, so that another refusal of it is final.
        """
        instance, record = pick.instance, pick.instance.record
        self._sit(pick, now)
        record.circuit = admitted(record.circuit, now)
        per_model = record.model_circuits.get(pick.wish.model)
        if per_model is not None:
            record.model_circuits[pick.wish.model] = admitted(per_model, now)
        record.inflight += 1
        record.requests += 1
        self._tell_load(instance)
        return Lease(instance, pick.wish.model, now, pick.forced, refreshed)

    def answering(self, pick: Pick) -> None:
        """The picked instance has begun to answer."""
        record, model = pick.instance.record, pick.wish.model
        record.circuit = answering(record.circuit)
        if model in record.model_circuits:
            record.model_circuits[model] = answering(record.model_circuits[model])

    def give_back(self, lease: Lease, outcome: Outcome, now: float, rng: random.Random) -> None:
        """The attempt is over. Client mistakes leave the instance's health alone."""
        if lease.returned:
            return
        lease.returned = True
        record = lease.instance.record
        record.inflight -= 1
        self.call()
        self._tell_load(lease.instance)
        match outcome:
            case Succeeded(first_byte_s):
                if record.circuit is not CLOSED or record.model_circuits:
                    self._signal(lease, Signal.GOOD, None, now, rng)
                if first_byte_s is not None:
                    record.latency = record.latency.observed(first_byte_s, now)
            case Failed(error):
                signal = signal_of(error)
                if error.kind.retry == "refresh" and lease.refreshed:
                    signal = Signal.DENIED
                if signal is not Signal.NEUTRAL or error.kind.blame is Blame.US:
                    record.errors += 1
                    record.last_error = error.message
                    record.last_error_at = now
                self._signal(lease, signal, error, now, rng)
            case Abandoned():
                self._signal(lease, Signal.NEUTRAL, None, now, rng)
            case _:
                assert_never(outcome)

    def probed(self, instance: Instance, failure: str | None, now: float, rng: random.Random) -> None:
        """What active probes have shown: why the instance is not well, or None.

        A probe that went well ends only a rest that began because nobody answered: it cannot know of limits and models.
        """
        record = instance.record
        if failure is None and record.circuit.reason not in ("connect", "probe"):
            return
        signal = Signal.GOOD if failure is None else Signal.TRIP
        if failure is not None:
            record.last_error, record.last_error_at = failure, now
            if record.circuit.state is State.OPEN and now < record.circuit.rest_until:
                return  # it rests already; probes must not make that longer and longer
        before = record.circuit
        record.circuit = after(before, signal, now, rng, self._policy, began=now, reason="probe")
        self._tell_circuit(instance, None, before, record.circuit)

    def wake(self, instance: Instance) -> None:
        """Forget the rest of an instance: its credential or its endpoint is another now."""
        instance.record.circuit = CLOSED
        instance.record.model_circuits.clear()

    def adopt(self, old: Pool) -> None:
        """Carry over what is known of instances that a reload left as they are (same endpoint, same credentials).

        The records are shared from here on, so attempts that still run on `old` are counted here as well. So is the
        line of those who wait, where there is still a limit.
        """
        if self.max_inflight is not None and old.max_inflight is not None:
            self.queue, old.queue.most = old.queue, self.queue.most
        known: dict[object, list[Record]] = {}  # more than one where instances differ in nothing but their names
        for one in old.instances:
            known.setdefault((one.spec.endpoint, one.spec.credentials), []).append(one.record)
        kept = [known.get((one.spec.endpoint, one.spec.credentials)) for one in self.instances]
        self.instances = tuple(
            Instance(one.id, one.index, one.spec, records.pop(0) if records else one.record)
            for one, records in zip(self.instances, kept, strict=True)
        )
        if [one.name for one in old.instances] == [one.name for one in self.instances]:
            self.turn = old.turn
        else:
            self.turn.seats = old.turn.seats

    def would_pick(self, wish: Wish, now: float) -> Pick | None:
        """The instance a request sent now would get, for an explanation; where chance decides, one of those possible."""
        return self.pick(wish, now, random.Random(0)) or self.pick_resting(wish)

    def health(self, now: float) -> Literal["up", "degraded", "down"]:
        """`up`: every instance may be used; `down`: none may."""
        awake = sum(one.record.circuit.admits(now) for one in self.instances)
        return "up" if awake == len(self.instances) else "degraded" if awake else "down"

    @property
    def inflight(self) -> int:
        """Attempts under way on all instances."""
        return sum(one.inflight for one in self.instances)

    def snapshot(self, now: float) -> list[dict[str, str | int | float | list[str] | None]]:
        """How each instance stands, as JSON for `/status`; times are seconds from now, null where there is none."""
        return [standing_of(one, now) for one in self.instances]

    def __repr__(self) -> str:
        closed = sum(one.record.circuit.state is State.CLOSED for one in self.instances)
        return (
            f"<Pool {self.name} [{self.spec.load_balancing.strategy}: {closed} closed, "
            f"{len(self.instances) - closed} resting | {self.inflight} in flight]>"
        )

    def _signal(
        self, lease: Lease, signal: Signal, error: ProviderError | None, now: float, rng: random.Random
    ) -> None:
        record = lease.instance.record
        reason = error.kind.name if error else None
        retry_after_s = error.retry_after_s if error else None

        def next_of(circuit: Circuit, heard: Signal) -> Circuit:
            return after(
                circuit, heard, now, rng, self._policy, began=lease.taken_at, reason=reason, retry_after_s=retry_after_s
            )

        model_only = error is not None and error.model_only
        before = record.circuit
        record.circuit = next_of(before, Signal.NEUTRAL if model_only else signal)
        self._tell_circuit(lease.instance, None, before, record.circuit)
        if model_only or lease.model in record.model_circuits:
            before = record.model_circuits.get(lease.model, CLOSED)
            circuit = next_of(before, signal)
            self._tell_circuit(lease.instance, lease.model, before, circuit)
            if circuit.state is State.CLOSED and not circuit.faults:
                record.model_circuits.pop(lease.model, None)
            else:
                record.model_circuits[lease.model] = circuit

    def _sit(self, pick: Pick, now: float) -> None:
        """Notes the choice; that a session sits elsewhere from now on is told."""
        ballot = Ballot(pick.candidates, pick.wish.session, now)
        if pick.wish.session is None or self.spec.load_balancing.strategy != "sticky":
            self._strategy.took(ballot, self.turn, pick.instance)
            return
        session = seat_of(pick.wish.session)
        before = self.turn.seats.get(session)
        self._strategy.took(ballot, self.turn, pick.instance)
        if before != pick.instance.name:
            self.state.tell(Seated(self.name, session, pick.instance.name))

    def _tell_load(self, instance: Instance) -> None:
        if self.max_inflight is not None:
            self.state.tell(Loaded(shared_key(self.name, instance.spec), instance.inflight))

    def _tell_circuit(self, instance: Instance, model: str | None, before: Circuit, now_is: Circuit) -> None:
        """Tells that it rests from now on, for longer, or no more. A trial is each router's own matter."""
        same = (before.state, before.rest_until) == (now_is.state, now_is.rest_until)
        if not same and now_is.state is not State.HALF_OPEN:
            self.state.tell(Circuited(shared_key(self.name, instance.spec), model, now_is))
