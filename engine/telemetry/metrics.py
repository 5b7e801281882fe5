"""What `GET /metrics` answers: the status and the meters of all workers as Prometheus reads them. Pure.

`METRICS` is the one table of names: the dashboard and the alerts in `examples/monitoring` are checked against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from engine.telemetry.meters import SECONDS, SEPARATOR

CONTENT_TYPE = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")  # the framework adds it to every text
Kind: TypeAlias = Literal["counter", "gauge", "histogram"]


class Row(Struct, frozen=True):
    """One metric; a counter's name ends in `_total` when it is read."""

    kind: Kind
    says: str
    labels: tuple[str, ...] = ()


METRICS: Mapping[str, Row] = {
    "ccr_requests": Row(
        "counter", "Decided requests that are over.", ("rule", "target", "outcome", "status")
    ),
    "ccr_key_requests": Row("counter", "The same by router key.", ("key", "outcome")),
    "ccr_key_tokens": Row("counter", "Tokens in and out by router key.", ("key",)),
    "ccr_responses": Row("counter", "Answers to posted requests, whatever came of them.", ("status",)),
    "ccr_refused": Row("counter", "Requests that were not let in.", ("status",)),
    "ccr_request_duration_seconds": Row("histogram", "From a request's first byte to its answer's last.", ("target",)),
    "ccr_first_byte_seconds": Row("histogram", "From a request's first byte to its answer's first.", ("target",)),
    "ccr_tokens": Row("counter", "Tokens; thinking is a part of output.", ("target", "kind")),
    "ccr_cost": Row("counter", "Money, of the replies whose cost is known.", ("target", "currency")),
    "ccr_unpriced": Row("counter", "Replies whose cost is not known.", ("target",)),
    "ccr_attempts": Row("counter", "Requests sent to upstreams."),
    "ccr_attempt_failures": Row("counter", "Those that failed, by the kind of the error.", ("provider", "kind")),
    "ccr_steps": Row(
        "counter", "What came after a failure: retry (same instance), failover (another), fallback (another target).",
        ("provider", "step"),
    ),
    "ccr_client_gone": Row("counter", "Requests whose client went away."),
    "ccr_fixes": Row("counter", "Repairs of replies.", ("fix",)),
    "ccr_lossy": Row("counter", "Requests whose translation lost something."),
    "ccr_tool_calls": Row("counter", "Tool calls in replies."),
    "ccr_open_exchanges": Row("gauge", "Requests that are open now."),
    "ccr_provider_health": Row("gauge", "1 for the state that a provider is in.", ("provider", "health")),
    "ccr_provider_waiting": Row("gauge", "Requests in line for a provider.", ("provider",)),
    "ccr_instance_state": Row("gauge", "1 for the state of an instance's circuit.", ("provider", "upstream", "state")),
    "ccr_instance_inflight": Row("gauge", "Requests that an instance has open.", ("provider", "upstream")),
    "ccr_budget_spent_ratio": Row("gauge", "The part of a budget that is spent.", ("budget",)),
    "ccr_usage_store_up": Row("gauge", "1 while usage can be recorded."),
    "ccr_reload_ok": Row("gauge", "0 after a reload that was refused."),
    "ccr_findings": Row("gauge", "Findings of the configuration, by severity.", ("severity",)),
    "ccr_workers": Row("gauge", "Processes that serve, and how many should.", ("which",)),
    "ccr_uptime_seconds": Row("gauge", "Since the oldest process began."),
    "ccr_build": Row("gauge", "Always 1; its labels say what runs.", ("version", "revision")),
}  # fmt: skip

STATES = ("closed", "half-open", "open")
HEALTHS = ("up", "degraded", "down")

Plain: TypeAlias = Mapping[str, Any]
Values: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
Reading: TypeAlias = Callable[[Plain, Plain], Values]
"""The labels and values of a metric, from a status and from meters."""


def metrics_text(status: Plain, meters: Plain) -> bytes:
    """The exposition of a status (merged, where there are several workers) and the sum of their meters."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families([*_families(status, meters)]))
    return generate_latest(registry)


class _Families:
    """What a registry asks for its metrics."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from self._families


def _families(status: Plain, meters: Plain) -> Iterator[Metric]:
    for name, row in METRICS.items():
        if row.kind == "histogram":
            yield _histogram(name, row, meters["durations" if "duration" in name else "firstBytes"])
            continue
        make = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
        family = make(name, row.says, labels=row.labels)
        for labels, value in _VALUES[name](status, meters):
            family.add_metric(labels, value)
        yield family


def _histogram(name: str, row: Row, by_label: Mapping[str, Mapping[str, float]]) -> Metric:
    family = HistogramMetricFamily(name, row.says, labels=row.labels)
    for label, plain in by_label.items():
        so_far, buckets = 0.0, []
        for number in range(len(SECONDS) + 1):
            so_far += plain[str(number)]
            buckets.append((str(float(SECONDS[number])) if number < len(SECONDS) else "+Inf", so_far))
        family.add_metric([label], buckets, plain["sum"])
    return family


def _of_meters(name: str) -> Reading:
    return lambda _status, meters: [(tuple(key.split(SEPARATOR)), value) for key, value in meters[name].items()]


def _counted(name: str) -> Reading:
    return lambda status, _meters: [((), status["counters"][name])]


def _each_counted(name: str) -> Reading:
    return lambda status, _meters: [((key,), value) for key, value in status["counters"][name].items()]


def _healths(status: Plain, _meters: object) -> Values:
    return [((one["name"], word), one["health"] == word) for one in status["providers"] for word in HEALTHS]


def _waiting(status: Plain, _meters: object) -> Values:
    return [((one["name"],), one["waiting"]) for one in status["providers"]]


def _instances(status: Plain) -> Iterator[tuple[str, Plain]]:
    for one in status["providers"]:
        for instance in one["instances"]:
            yield one["name"], instance


def _states(status: Plain, _meters: object) -> Values:
    return [
        ((provider, one["name"], word), one["state"] == word) for provider, one in _instances(status) for word in STATES
    ]


def _inflight(status: Plain, _meters: object) -> Values:
    return [((provider, one["name"]), one["inflight"]) for provider, one in _instances(status)]


def _budgets(status: Plain, _meters: object) -> Values:
    return [((one["name"],), one["spent"] / one["limit"]) for one in status.get("budgets", ())]


def _store(status: Plain, _meters: object) -> Values:
    return [((), status["usage"]["ok"])] if status.get("usage") else []


def _reload(status: Plain, _meters: object) -> Values:
    return [((), status["reload"].get("ok") is not False)]


def _findings(status: Plain, _meters: object) -> Values:
    severities = [one["severity"] for one in status["findings"]]
    return [((word,), severities.count(word)) for word in ("error", "warning", "info")]


def _workers(status: Plain, _meters: object) -> Values:
    workers = status.get("workers", {"wanted": 1, "running": [None]})
    return [(("running",), len(workers["running"])), (("wanted",), workers["wanted"])]


def _build(status: Plain, _meters: object) -> Values:
    return [((status["version"], status["revision"]), 1)]


_VALUES: Mapping[str, Reading] = {
    "ccr_requests": _of_meters("requests"),
    "ccr_key_requests": _of_meters("keyRequests"),
    "ccr_key_tokens": _of_meters("keyTokens"),
    "ccr_responses": _each_counted("byStatus"),
    "ccr_refused": _each_counted("notLetIn"),
    "ccr_tokens": _of_meters("tokens"),
    "ccr_cost": _of_meters("cost"),
    "ccr_unpriced": _of_meters("unpriced"),
    "ccr_attempts": _counted("attempts"),
    "ccr_attempt_failures": _of_meters("failures"),
    "ccr_steps": _of_meters("steps"),
    "ccr_client_gone": _counted("clientGone"),
    "ccr_fixes": _each_counted("fixes"),
    "ccr_lossy": _counted("lossy"),
    "ccr_tool_calls": _counted("toolCalls"),
    "ccr_open_exchanges": _counted("open"),
    "ccr_provider_health": _healths,
    "ccr_provider_waiting": _waiting,
    "ccr_instance_state": _states,
    "ccr_instance_inflight": _inflight,
    "ccr_budget_spent_ratio": _budgets,
    "ccr_usage_store_up": _store,
    "ccr_reload_ok": _reload,
    "ccr_findings": _findings,
    "ccr_workers": _workers,
    "ccr_uptime_seconds": lambda status, _meters: [((), status["uptime"])],
    "ccr_build": _build,
}
