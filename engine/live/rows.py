"""The exchanges that are over, as the page and `ccr top` show them: the last rows, counts by branch, and who watches. Pure.

    Ended ──> Live.hear ──> Row ──> kept (the last ones)
                             └────> every Watcher's queue, whose `wake` is called

Nothing of what a client asked or was answered is in a row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct, field

from engine.ended import Ended, Outcome
from engine.log.redact import redact
from engine.telemetry.meters import OTHER
from engine.usage.prices import Prices, cost_of

MOST_ROWS = 600
"""How many exchanges are kept: what a page that is opened now can show of the past."""

MOST_WATCHERS = 16
MOST_WAITING = 2000
"""Rows that may wait for one watcher: whoever reads slower than that is not served any more."""

MOST_MODEL_CHARS = 200
MOST_BRANCHES = 2000
"""What goes to more targets than these is counted as `OTHER`: clients may name models of their own."""


class Row(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One exchange. `seq` counts the rows of its worker from 1; times are milliseconds, `at` seconds since the epoch.

    `error` is the kind of the last error. Tokens are None where the upstream did not say, `cost` where it is not known.
    """

    seq: int
    worker: int
    request_id: str
    at: float
    outcome: Outcome
    status: int
    rule: str
    category: str | None
    target: str | None
    instance: str | None
    model: str
    api: str
    stream: bool
    key: str | None
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    first_byte_ms: float | None
    total_ms: float
    attempts: int
    tool_calls: int
    fixes: int
    lost: int
    error: str | None
    cost: float | None


class Branch(msgspec.Struct, rename="camel", gc=False):
    """What went from a rule (or category) to a target since the start; `target` None: it came to no target.

    `cost` is that of the `priced` exchanges alone.
    """

    rule: str
    target: str | None
    exchanges: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    priced: int = 0
    cost: float = 0.0


class Watcher(Struct, eq=False):
    """Somebody who watches: rows wait until they are taken. `late`: too many waited, some are lost."""

    wake: Callable[[], None]
    waiting: list[Row] = field(default_factory=list)
    late: bool = False

    def put(self, row: Row) -> None:
        """One more row."""
        if len(self.waiting) >= MOST_WAITING:
            self.late = True
        else:
            self.waiting.append(row)
        self.wake()

    def take(self) -> list[Row]:
        """What has waited."""
        rows, self.waiting = self.waiting, []
        return rows


class Live:
    """The rows of one worker."""

    __slots__ = ("_branches", "_rows", "_seq", "closed", "watchers", "worker")

    def __init__(self, worker: int = 1) -> None:
        self.worker = worker
        self.watchers: list[Watcher] = []
        self.closed = False
        self._seq = 0
        self._rows: deque[Row] = deque(maxlen=MOST_ROWS)
        self._branches: dict[tuple[str, str | None], Branch] = {}

    def hear(self, ended: Ended, prices: Prices) -> None:
        """Keeps the row of an exchange and hands it to who watches."""
        self._seq += 1
        row = row_of(ended, self._seq, self.worker, _cost(ended, prices))
        self._rows.append(row)
        self._count(row)
        for watcher in self.watchers:
            watcher.put(row)

    def after(self, seq: int) -> list[Row]:
        """The kept rows after that one; all of them where `seq` is of another life of this worker."""
        return [row for row in self._rows if row.seq > seq] if seq <= self._seq else list(self._rows)

    def branches(self) -> list[Branch]:
        """Counts by rule and target."""
        return list(self._branches.values())

    def watch(self, wake: Callable[[], None]) -> Watcher | None:
        """A place for somebody who watches from now on; None where all are taken. Give it back with `leave`."""
        if len(self.watchers) >= MOST_WATCHERS:
            return None
        watcher = Watcher(wake)
        self.watchers.append(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """The watcher is gone."""
        self.watchers.remove(watcher)

    def close(self) -> None:
        """The process ends: who watches is told."""
        self.closed = True
        for watcher in self.watchers:
            watcher.wake()

    def _count(self, row: Row) -> None:
        place = (row.rule, row.target)
        branch = self._branches.get(place)
        if branch is None:
            if len(self._branches) >= MOST_BRANCHES:
                place = (row.rule, OTHER)
            branch = self._branches.setdefault(place, Branch(*place))
        branch.exchanges += 1
        branch.errors += row.outcome in ("failed", "broken")
        branch.input_tokens += (row.input_tokens or 0) + (row.cache_read_tokens or 0) + (row.cache_write_tokens or 0)
        branch.output_tokens += row.output_tokens or 0
        branch.priced += row.cost is not None
        branch.cost += row.cost or 0.0


def _cost(ended: Ended, prices: Prices) -> float | None:
    if not prices or ended.provider is None or ended.target_model is None or ended.one.summary is None:
        return None
    cost = cost_of(prices, ended.provider, ended.target_model, ended.one.summary.usage)
    return None if cost is None else float(cost)


def row_of(ended: Ended, seq: int, worker: int, cost: float | None = None) -> Row:
    """The row of an exchange."""
    one, usage, summary = ended.one, None, ended.one.summary
    attempt = one.answered_by
    if summary is not None:
        usage = summary.usage
    first_byte_s = ended.first_byte_s
    return Row(
        seq,
        worker,
        one.request_id,
        round(ended.at, 3),
        ended.outcome,
        ended.status,
        one.decision.rule,
        one.decision.category,
        None if attempt is None else f"{attempt.target.pool.name},{attempt.target.model}",
        None if attempt is None else attempt.pick.instance.id,
        redact(one.request.model[:MOST_MODEL_CHARS]),
        one.request.origin,
        bool(one.request.stream),
        one.client_key,
        usage.input if usage else None,
        usage.cache_read if usage else None,
        usage.cache_write if usage else None,
        usage.output if usage else None,
        None if first_byte_s is None else round(first_byte_s * 1000, 1),
        round(ended.total_s * 1000, 1),
        len(one.failures) + (attempt is not None),
        len(summary.tool_calls) if summary else 0,
        len(summary.fixes) if summary else 0,
        sum(lost.count for lost in one.lost_for(attempt)) if attempt is not None else 0,
        ended.error.kind.name if ended.error else None,
        cost,
    )


def added_branches(parts: Sequence[Sequence[Branch]]) -> list[Branch]:
    """The counts of several workers as one."""
    whole: dict[tuple[str, str | None], Branch] = {}
    for branch in (branch for part in parts for branch in part):
        place = (branch.rule, branch.target)
        before = whole.get(place) or Branch(*place)
        whole[place] = Branch(
            *place,
            before.exchanges + branch.exchanges,
            before.errors + branch.errors,
            before.input_tokens + branch.input_tokens,
            before.output_tokens + branch.output_tokens,
            before.priced + branch.priced,
            before.cost + branch.cost,
        )
    return list(whole.values())


class Recent(msgspec.Struct):
    """What one worker tells another: its rows after those that are known there, and its counts."""

    worker: int
    rows: list[Row]
    branches: list[Branch]


def recent(live: Live, known: Mapping[str, int]) -> Recent:
    """The rows of this worker that are not `known` (worker, as text -> the last `seq`)."""
    return Recent(live.worker, live.after(known.get(str(live.worker), 0)), live.branches())
