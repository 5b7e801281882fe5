"""What one running process consists of: the current gateway and the things that outlive any configuration."""

from __future__ import annotations

import random
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.access.addresses import host_of, is_loopback_host
from engine.ended import Ended, Listener
from engine.explaining.explainer import Explainer
from engine.gateway import Gateway
from engine.http.pinger import Pinger
from engine.live.rows import Live
from engine.log.journal import Journal
from engine.process.siblings import Siblings
from engine.telemetry.counters import Counters
from engine.telemetry.meters import Meters, tally
from engine.usage.budgets import Ledger
from schemas.recent import Recent
from schemas.request import Tool


def random_id() -> str:
    """24 hex digits; the edge for ids (`msg_`, `req_`, `toolu_` are put in front by whoever needs one)."""
    return secrets.token_hex(12)


def in_memory() -> Mapping[str, object]:
    """How the state stands that is shared with nobody."""
    return {"kind": "memory"}


def not_audited(kind: str, **data: object) -> None:
    """Where there is no audit log."""


def no_audit_log() -> Mapping[str, object] | None:
    """How that stands."""
    return None


def none_open() -> Mapping[str, int]:
    """How connections stand where nothing listens."""
    return {}


def unrecorded() -> None:
    """How the record of usage stands where there is none."""


@dataclass(slots=True)
class Router:
    """One process. `gateway` is replaced whole on reload; an exchange reads it once and keeps what it read.

    clock, wall            monotonic seconds; seconds since the epoch
    hop                    marks requests that we send, so that one which comes back to us is known
    reload                 what `/status` says of the last reload
    open_on                how many exchanges are open on each snapshot, by its `id`: what an old one needs is closed after the last
    siblings               the other workers, where there are several
    state, connections     how the shared state stands, and how the connections of clients do
    listeners, live        who hears of every exchange that is over; the one that the page watches
    audit, audit_log       takes what the audit log says besides exchanges; how that log stands
    halted                 why nobody is served just now
    body_bytes             what the bodies of all open requests hold
    known_tools            the tools that sessions send with every turn, decoded
    budgets, usage         what is spent, where anything is limited; how the record of usage stands
    explainer              proves what explanations say
    on_loopback            only this machine reaches us
    """

    gateway: Gateway
    journal: Journal
    counters: Counters
    pinger: Pinger
    clock: Callable[[], float]
    wall: Callable[[], float]
    address: str
    new_id: Callable[[], str] = random_id
    rng: random.Random = field(default_factory=random.Random)
    hop: str = field(default_factory=random_id)
    draining: bool = False
    reload: Mapping[str, object] = field(default_factory=dict)
    open_on: defaultdict[int, int] = field(default_factory=tally)
    siblings: Siblings | None = None
    state: Callable[[], Mapping[str, object]] = in_memory
    listeners: list[Listener] = field(default_factory=list)
    connections: Callable[[], Mapping[str, int]] = none_open
    audit: Callable[..., None] = not_audited
    audit_log: Callable[[], Mapping[str, object] | None] = no_audit_log
    halted: str | None = None
    body_bytes: int = 0
    known_tools: Recent[tuple[Tool, ...]] = field(default_factory=Recent)
    live: Live = field(default_factory=Live)
    meters: Meters = field(default_factory=Meters)
    budgets: Ledger | None = None
    usage: Callable[[], Mapping[str, object] | None] = unrecorded
    explainer: Explainer = field(default_factory=Explainer)
    on_loopback: bool = field(init=False)

    def __post_init__(self) -> None:
        self.listeners += [self._show, self.meters.hear]
        self.on_loopback = is_loopback_host(host_of(self.address.partition("://")[2]))

    def tell(self, listener: Listener, wanted: bool) -> None:
        """Has the listener hear of finished exchanges from now on, or no more."""
        if wanted != (listener in self.listeners):
            (self.listeners.append if wanted else self.listeners.remove)(listener)

    def _show(self, ended: Ended) -> None:
        self.live.hear(ended, self.gateway.prices)
