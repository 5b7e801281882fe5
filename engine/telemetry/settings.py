"""What a configuration says about OpenTelemetry, as values."""

from __future__ import annotations

from msgspec import Struct

from schemas.document import Mapping, Node, Scalar


class TelemetrySettings(Struct, frozen=True):
    """`endpoint` None: what `OTEL_EXPORTER_OTLP_ENDPOINT` says, else the collector of this machine."""

    endpoint: str | None = None
    traces: bool = True
    metrics: bool = True
    interval_s: float = 60.0

    def __repr__(self) -> str:
        """Nothing of the address, in which a credential may stand."""
        return f"<telemetry: traces {self.traces}, metrics {self.metrics}>"


def telemetry_of(root: Node) -> TelemetrySettings | None:
    """The settings of a checked document; None: nothing is sent."""
    node = root.get("telemetry") if isinstance(root, Mapping) else None
    if not isinstance(node, Mapping):
        return None
    endpoint, interval = _value(node, "endpoint"), _value(node, "intervalSeconds")
    return TelemetrySettings(
        endpoint if isinstance(endpoint, str) else None,
        _value(node, "traces") is not False,
        _value(node, "metrics") is not False,
        float(interval) if isinstance(interval, int | float) and not isinstance(interval, bool) else 60.0,
    )


def _value(node: Mapping, key: str) -> object:
    found = node.get(key)
    return found.value if isinstance(found, Scalar) else None
