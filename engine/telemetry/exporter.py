"""Sends a span and measurements for each finished exchange to an OpenTelemetry collector, over OTLP/HTTP. An edge.

The SDK's own threads send; a collector that is gone costs spans, never requests. The standard `OTEL_*` variables count.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.ended import Ended
from engine.router import Router
from engine.telemetry.attributes import (
    DURATION_BUCKETS,
    TOKEN_BUCKETS,
    common_attributes,
    failed_tries,
    input_tokens,
    shown,
    span_attributes,
    span_name,
)
from engine.telemetry.meters import MOST_TARGETS, Names
from engine.telemetry.settings import TelemetrySettings
from engine.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from requests import Session

NAME = "claude-code-router"
SEND_WITHIN_S = 4.0
CLOSE_WITHIN_S = 5.0
SAY_EVERY_S = 600.0
MOST_REPLY_BYTES = 65_536
"""Of a collector's answer; what it would say is a few bytes."""

NANO = 1_000_000_000


class Telemetry:
    """What one process tells a collector. Needs the extra `otel`; `close` sends what is left."""

    def __init__(
        self,
        router: Router,
        settings: TelemetrySettings,
        environment: Mapping[str, str] = os.environ,
        send_within_s: float = SEND_WITHIN_S,
    ) -> None:
        resource = _resource(router, environment)
        self._router = router
        self._traces = _traces(settings, resource, send_within_s) if settings.traces else None
        self._metrics = _metrics(settings, resource, send_within_s) if settings.metrics else None
        self._tracer = self._traces.get_tracer(NAME, VERSION) if self._traces is not None else None
        if self._metrics is not None:
            meter = self._metrics.get_meter(NAME, VERSION)
            self._duration, self._first, self._tokens = (
                meter.create_histogram(name, unit, says, explicit_bucket_boundaries_advisory=list(bounds))
                for name, unit, says, bounds in _HISTOGRAMS
            )
        self._models = Names(MOST_TARGETS)  # clients may name models of their own, and each is a series
        self._complaints = _Complaints(router)
        logging.getLogger("opentelemetry").addHandler(self._complaints)
        logging.getLogger("opentelemetry").propagate = False
        router.listeners.append(self.hear)

    def hear(self, ended: Ended) -> None:
        """An exchange is over."""
        if self._tracer is not None:
            self._span(ended)
        if self._metrics is not None:
            self._measure(ended)

    async def close(self) -> None:
        """Sends what is left, within a limit, and stops."""
        closing = [_ended(provider.shutdown) for provider in (self._traces, self._metrics) if provider is not None]
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_WITHIN_S)
        logging.getLogger("opentelemetry").removeHandler(self._complaints)

    def _span(self, ended: Ended) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        assert self._tracer is not None
        end_ns = int(ended.at * NANO)
        start_ns = end_ns - int(ended.total_s * NANO)
        parent = TraceContextTextMapPropagator().extract(ended.one.headers)
        span = self._tracer.start_span(
            span_name(ended), parent, SpanKind.CLIENT, span_attributes(ended), start_time=start_ns
        )
        for attributes in failed_tries(ended):
            span.add_event("ccr.attempt_failed", attributes, end_ns)
        if ended.outcome in ("failed", "broken"):
            span.set_status(Status(StatusCode.ERROR, ended.error.kind.name if ended.error is not None else None))
        span.end(end_ns)

    def _measure(self, ended: Ended) -> None:
        attributes = common_attributes(ended, lambda model: self._models.of(shown(model)))
        self._duration.record(ended.total_s, attributes)
        if ended.first_byte_s is not None:
            self._first.record(ended.first_byte_s, attributes)
        summary = ended.one.summary
        counts = {"input": input_tokens(ended), "output": summary.usage.output if summary is not None else None}
        for kind, count in counts.items():
            if count is not None:
                self._tokens.record(count, {**attributes, "gen_ai.token.type": kind})


_HISTOGRAMS = (
    ("gen_ai.client.operation.duration", "s", "Duration of an operation.", DURATION_BUCKETS),
    ("gen_ai.client.operation.time_to_first_chunk", "s", "Time to the first chunk of an answer.", DURATION_BUCKETS),
    ("gen_ai.client.token.usage", "{token}", "Tokens in and out.", TOKEN_BUCKETS),
)


def _ended(work: Callable[[], object]) -> asyncio.Future[None]:
    """The end of the work, in a thread that keeps no process from ending: a collector may answer a byte at a time."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def run() -> None:
        try:
            work()
        finally:
            with contextlib.suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(end)

    threading.Thread(target=run, name="telemetry", daemon=True).start()
    return ended


def _resource(router: Router, environment: Mapping[str, str]) -> Resource:
    from opentelemetry.sdk.resources import Resource

    said = environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = {"service.version": VERSION, "service.instance.id": router.new_id()}
    if "OTEL_SERVICE_NAME" not in environment and "service.name=" not in said:
        own["service.name"] = NAME
    return Resource.create(own)


def _traces(settings: TelemetrySettings, resource: Resource, send_within_s: float) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(_path(settings, "/v1/traces"), timeout=send_within_s, session=_session())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _metrics(settings: TelemetrySettings, resource: Resource, send_within_s: float) -> MeterProvider:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = OTLPMetricExporter(_path(settings, "/v1/metrics"), timeout=send_within_s, session=_session())
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=settings.interval_s * 1000)
    return MeterProvider([reader], resource=resource, shutdown_on_exit=False)


def _session() -> Session:
    """Connections to a collector of which no answer is read to an end that never comes."""
    from requests import PreparedRequest, Response, Session
    from requests.adapters import HTTPAdapter

    class Brief(HTTPAdapter):
        def send(self, request: PreparedRequest, *how: Any, **more: Any) -> Response:
            reply = super().send(request, *how, **more)
            whole, reply.raw = reply.raw, io.BytesIO(reply.raw.read(MOST_REPLY_BYTES, decode_content=True))
            whole.close()
            return reply

    session = Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, Brief())
    return session


def _path(settings: TelemetrySettings, path: str) -> str | None:
    return None if settings.endpoint is None else settings.endpoint.rstrip("/") + path


class _Complaints(logging.Handler):
    """What the SDK's threads complain of, in the log, now and then. Not its words, which may hold headers."""

    def __init__(self, router: Router) -> None:
        super().__init__(logging.WARNING)
        self._router = router
        self._loop = asyncio.get_running_loop()
        self._said_at: float | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Comes from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._say, record.name)

    def _say(self, source: str) -> None:
        now = self._router.clock()
        if self._said_at is None or now - self._said_at >= SAY_EVERY_S:
            self._said_at = now
            self._router.journal.write("warn", "telemetry is not delivered", stage="telemetry", source=source)
