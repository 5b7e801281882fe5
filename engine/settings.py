"""What a configuration says about the router itself, as values with every default filled in."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct, field

from engine.access.settings import Access, access_of
from engine.audit.settings import Auditing, auditing_of
from engine.client_environment import without_brackets
from engine.limits.settings import Limit, limits_of
from engine.saving.settings import Saving, saving_of
from engine.telemetry.settings import TelemetrySettings, telemetry_of
from engine.usage.settings import UsageSettings, usage_of
from providers.secret import Secret
from schemas.document import JSONScalar, Mapping, Node, Scalar, node_at

LogLevel: TypeAlias = Literal["error", "warn", "info", "debug"]


class ConnectionSettings(Struct, frozen=True):
    """What clients may take of the server: how many connections, and how long each part of a request may take.

    `head_s` from its first byte to the end of its headers; `body_s` without a byte of its body, `request_s` for all of
    it; `stall_s` without reading the answer; `idle_s` without a request. `max_body_bytes` is for the bodies of all open
    requests of a process together.
    """

    max_open: int = 16_384
    max_body_bytes: int = 1_024_000_000
    head_s: float = 15.0
    body_s: float = 30.0
    request_s: float = 300.0
    stall_s: float = 120.0
    idle_s: float = 75.0


class ServerTls(Struct, frozen=True):
    """Paths of PEM files. `ca` None: clients on this machine trust the certificate itself."""

    certificate: str
    key: str
    ca: str | None = None

    @property
    def trust(self) -> str:
        """What a client needs to trust the server."""
        return self.ca or self.certificate


class ServerSettings(Struct, frozen=True):
    """Where to listen. `health`: `strict` makes one bad provider a 503, `default` only a `default` route that cannot serve.

    `drain_s` is how long open requests may take to end when the router is told to stop; `workers` processes share the port.
    """

    host: str = "127.0.0.1"
    port: int = 3456
    drain_s: float = 30.0
    workers: int = 1
    health: Literal["default", "strict"] = "default"
    access: Access = field(default_factory=Access)
    connections: ConnectionSettings = ConnectionSettings()
    tls: ServerTls | None = None


class RoutingSettings(Struct, frozen=True):
    """Switches of routing that more than the rules read."""

    default_provider: str | None = None
    explicit_models: bool = True
    long_context_threshold: int = 60_000


class DebugSettings(Struct, frozen=True):
    """Logging. `log_dir` is as written: `engine/configuration/files.py` expands `~`."""

    enabled: bool = False
    log_level: LogLevel = "info"
    trace_requests: bool = False
    saving: Saving | None = None
    log_dir: str = "~/.claude-code-router/logs"
    log_max_bytes: int | None = None
    log_keep_days: int | None = None


class Settings(Struct, frozen=True):
    """All of it. `state` is the URL of the state shared with other routers (it may hold a password).

    `usage` None: nothing is recorded; `audit` None: no audit log.
    `limits` say how much may be asked for, by the server and by its keys.
    """

    server: ServerSettings = ServerSettings()
    routing: RoutingSettings = RoutingSettings()
    debug: DebugSettings = DebugSettings()
    state: Secret | None = None
    usage: UsageSettings | None = None
    telemetry: TelemetrySettings | None = None
    limits: tuple[Limit, ...] = ()
    audit: Auditing | None = None


def settings_of(root: Node) -> Settings:
    """The settings of a checked document; what is absent or not of the wanted type keeps its default."""
    server, routing, debug = ServerSettings(), RoutingSettings(), DebugSettings()
    return Settings(
        server=ServerSettings(
            host=without_brackets(_string(root, "server.host", server.host)),
            port=_integer(root, "server.port", server.port),
            drain_s=_number(root, "server.drainSeconds", server.drain_s),
            workers=_integer(root, "server.workers", server.workers),
            health="strict" if _value(root, "server.health") == "strict" else server.health,
            access=access_of(root),
            connections=_connections_of(root),
            tls=_tls_of(root),
        ),
        routing=RoutingSettings(
            default_provider=_string(root, "routing.defaultProvider", "") or None,
            explicit_models=_boolean(root, "routing.explicitModels", routing.explicit_models),
            long_context_threshold=_integer(root, "routing.longContextThreshold", routing.long_context_threshold),
        ),
        debug=DebugSettings(
            enabled=_boolean(root, "debug.enabled", debug.enabled),
            log_level=_LOG_LEVELS.get(_string(root, "debug.logLevel", ""), debug.log_level),
            trace_requests=_boolean(root, "debug.traceRequests", debug.trace_requests),
            saving=saving_of(root),
            log_dir=_string(root, "debug.logDir", debug.log_dir),
            log_max_bytes=int(_number(root, "debug.logMaxMegabytes", 0) * 1_000_000) or None,
            log_keep_days=days if (days := _integer(root, "debug.logKeepDays", -1)) >= 0 else None,
        ),
        state=Secret(url) if (url := _string(root, "state", "")) else None,
        usage=usage_of(root),
        telemetry=telemetry_of(root),
        limits=limits_of(root),
        audit=auditing_of(root),
    )


def _connections_of(root: Node) -> ConnectionSettings:
    usual = ConnectionSettings()
    return ConnectionSettings(
        max_open=_integer(root, "server.connections.max", usual.max_open),
        max_body_bytes=_integer(root, "server.connections.maxBodyMegabytes", usual.max_body_bytes // 1_000_000)
        * 1_000_000,
        head_s=_number(root, "server.connections.headSeconds", usual.head_s),
        body_s=_number(root, "server.connections.bodySeconds", usual.body_s),
        request_s=_number(root, "server.connections.requestSeconds", usual.request_s),
        stall_s=_number(root, "server.connections.stallSeconds", usual.stall_s),
        idle_s=_number(root, "server.connections.idleSeconds", usual.idle_s),
    )


def _tls_of(root: Node) -> ServerTls | None:
    certificate, key = _string(root, "server.tls.certificate", ""), _string(root, "server.tls.key", "")
    return ServerTls(certificate, key, _string(root, "server.tls.ca", "") or None) if certificate and key else None


_LOG_LEVELS: dict[str, LogLevel] = {"error": "error", "warn": "warn", "info": "info", "debug": "debug"}


def _value(root: Node, path: str) -> JSONScalar:
    node = node_at(root, path.split(".")) if isinstance(root, Mapping) else None
    return node.value if isinstance(node, Scalar) else None


def _string(root: Node, path: str, default: str) -> str:
    value = _value(root, path)
    return value if isinstance(value, str) else default


def _boolean(root: Node, path: str, default: bool) -> bool:
    value = _value(root, path)
    return value if isinstance(value, bool) else default


def _number(root: Node, path: str, default: float) -> float:
    value = _value(root, path)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _integer(root: Node, path: str, default: int) -> int:
    value = _value(root, path)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
