"""A collector for OTLP over HTTP on loopback: it keeps what it is sent, decoded."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

READERS: Mapping[str, Callable[[bytes], Any]] = {
    "/v1/traces": ExportTraceServiceRequest.FromString,
    "/v1/metrics": ExportMetricsServiceRequest.FromString,
}


class Collector:
    """`spans` and `metrics` are what came so far, `resources` the attributes of who sent it, `raw` all bytes."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: dict[str, Any] = {}
        self.resources: list[dict[str, Any]] = []
        self.raw = b""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """As `telemetry.endpoint` wants it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, path: str, data: bytes) -> None:
        self.raw += data
        message = READERS[path](data)
        if path == "/v1/traces":
            for of_resource in message.resource_spans:
                self.resources.append(plain(of_resource.resource.attributes))
                self.spans += [span for scope in of_resource.scope_spans for span in scope.spans]
        else:
            for of_resource in message.resource_metrics:
                self.metrics |= {m.name: m for scope in of_resource.scope_metrics for m in scope.metrics}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                take(self.path, gzip.decompress(data) if self.headers.get("content-encoding") == "gzip" else data)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        return Handler


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as a dict."""
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(item) for item in value.array_value.values] if kind == "array_value" else getattr(value, kind)
