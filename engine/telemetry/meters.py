"""What is counted of finished exchanges for `/metrics`: sums by a few labels, of which there are never too many. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from engine.ended import Ended

OTHER = "other"
NONE = "none"
"""The label where there is nothing to name: no target answered, no key was asked for."""

SEPARATOR = "\x1f"
MOST_RULES, MOST_TARGETS, MOST_KEYS, MOST_SERIES = 300, 100, 50, 3000
"""How many different labels are counted apart; the rest is counted as `OTHER`. Clients may name models of their own."""

SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)
"""Upper bounds of the histograms' buckets."""


def tally() -> defaultdict[Any, int]:
    """Counts by name, all 0: a `Counter`, but one more is counted in a third of the time."""
    return defaultdict(int)


def joined(*labels: str) -> str:
    """Labels as one key."""
    return SEPARATOR.join(labels)


class Names(Struct):
    """The first `most` names are themselves, all others are `OTHER`."""

    most: int
    known: dict[str, str] = field(default_factory=dict)

    def of(self, name: str | None) -> str:
        """The label for a name."""
        if name is None:
            return NONE
        label = self.known.get(name)
        if label is None:
            if len(self.known) >= self.most:
                return OTHER
            label = self.known[name] = name.replace(SEPARATOR, " ")
        return label


class Histogram(Struct):
    """Counts by bucket (the last one is for all that is longer) and the sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds

    def plain(self) -> dict[str, float]:
        """As numbers under names, which those of several workers can be added to."""
        return {"sum": self.total, **{str(number): count for number, count in enumerate(self.counts)}}


class Meters(Struct):
    """Sums since start. Keys are labels, joined in the order in which `engine/telemetry/metrics.py` names them."""

    rules: Names = field(default_factory=lambda: Names(MOST_RULES))
    targets: Names = field(default_factory=lambda: Names(MOST_TARGETS))
    keys: Names = field(default_factory=lambda: Names(MOST_KEYS))
    routes: set[tuple[str, str]] = field(default_factory=set)
    requests: defaultdict[str, int] = field(default_factory=tally)
    key_requests: defaultdict[str, int] = field(default_factory=tally)
    key_tokens: defaultdict[str, int] = field(default_factory=tally)
    tokens: defaultdict[str, int] = field(default_factory=tally)
    cost: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    unpriced: defaultdict[str, int] = field(default_factory=tally)
    failures: defaultdict[str, int] = field(default_factory=tally)
    steps: defaultdict[str, int] = field(default_factory=tally)
    durations: defaultdict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    first_bytes: defaultdict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))

    def hear(self, ended: Ended) -> None:
        """An exchange is over."""
        provider, model = ended.provider, ended.target_model
        target = self.targets.of(None if provider is None else f"{provider},{model}")
        rule = self.rules.of(ended.one.decision.rule)
        outcome = ended.outcome.replace(" ", "_")
        status = f"{ended.status // 100}xx" if ended.status else NONE
        self.requests[joined(*self._route(rule, target), outcome, status)] += 1
        key = self.keys.of(ended.one.client_key)
        self.key_requests[joined(key, outcome)] += 1
        self.durations[target].add(ended.total_s)
        first_byte_s = ended.first_byte_s
        if first_byte_s is not None:
            self.first_bytes[target].add(first_byte_s)
        if ended.one.failures:
            for failed, step in _steps(ended):
                self.steps[joined(failed, step)] += 1
            for attempt, error in ended.one.failures:
                self.failures[joined(attempt.target.pool.name, error.kind.name)] += 1
        if ended.one.summary is not None and provider is not None:
            self._add_usage(ended, target, key)

    def _route(self, rule: str, target: str) -> tuple[str, str]:
        if (rule, target) not in self.routes:
            if len(self.routes) >= MOST_SERIES:
                return OTHER, OTHER
            self.routes.add((rule, target))
        return rule, target

    def _add_usage(self, ended: Ended, target: str, key: str) -> None:
        assert ended.one.summary is not None
        usage = ended.one.summary.usage
        of_key = 0
        for kind, count in (
            ("input", usage.input),
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write),
            ("output", usage.output),
            ("thinking", usage.thinking),
        ):
            if count:
                self.tokens[joined(target, kind)] += count
                of_key += count if kind != "thinking" else 0  # is part of the output
        self.key_tokens[key] += of_key
        cost = ended.cost
        if cost is None:
            self.unpriced[target] += 1
        else:
            self.cost[joined(target, ended.prices.currency)] += float(cost)

    def plain(self) -> dict[str, object]:
        """As JSON; those of several workers are added name by name."""
        return {
            "requests": dict(self.requests),
            "keyRequests": dict(self.key_requests),
            "keyTokens": dict(self.key_tokens),
            "tokens": dict(self.tokens),
            "cost": dict(self.cost),
            "unpriced": dict(self.unpriced),
            "failures": dict(self.failures),
            "steps": dict(self.steps),
            "durations": {target: histogram.plain() for target, histogram in self.durations.items()},
            "firstBytes": {target: histogram.plain() for target, histogram in self.first_bytes.items()},
        }


def _steps(ended: Ended) -> Iterator[tuple[str, str]]:
    """After each failure, who failed and what came then: the same instance, another one, another target."""
    tries = [attempt for attempt, _ in ended.one.failures]
    last = ended.one.answered_by
    for failed, then in zip(tries, [*tries[1:], *([last] if last is not None else [])], strict=False):
        if then.target_index != failed.target_index:
            step = "fallback"
        else:
            step = "retry" if then.pick.instance.id == failed.pick.instance.id else "failover"
        yield failed.target.pool.name, step
