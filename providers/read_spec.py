"""A checked document to provider specifications.

Shapes were checked before (`schemas/`); what is still odd here (an unresolved `${...}` where `test-config` leaves
credentials alone) is read as far as it goes, and nothing raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from providers.auth import KEYED_TYPES
from providers.balance import STRATEGIES, SYNONYMS
from providers.endpoint import host_of
from providers.secret import Secret
from providers.spec import (
    Concurrency,
    ConnectionPool,
    Credentials,
    HealthCheck,
    InstanceSpec,
    LoadBalancing,
    ModelSpec,
    ProviderSpec,
    Timeouts,
    TlsFiles,
)
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Entry, JSONValue, Mapping, Node, Scalar, Sequence, node_at, plain
from schemas.wording import quoted

DEFAULT_ENDPOINTS: dict[str, str] = {"gemini": "https://generativelanguage.googleapis.com/v1beta"}
"""Provider type -> the endpoint where none is written: the vendor's own."""


def read_providers(root: Mapping) -> tuple[dict[str, ProviderSpec], list[Diagnostic]]:
    """Every provider by name, in file order (`routing.providers` before the top level), and what is wrong beyond shape.

    A name in both places is reported elsewhere; the first one stays.
    """
    specs: dict[str, ProviderSpec] = {}
    found: list[Diagnostic] = []
    for entry in _provider_entries(root):
        name = str(entry.key.value)
        if name not in specs and isinstance(entry.value, Mapping):
            specs[name] = _provider_of(name, entry, entry.value)
            found.extend(_unusable_endpoints(entry.value))
    return specs, found


def _provider_entries(root: Mapping) -> Iterator[Entry]:
    for path in (("routing", "providers"), ("providers",)):
        below = node_at(root, path)
        if isinstance(below, Mapping):
            yield from below


def _provider_of(name: str, entry: Entry, node: Mapping) -> ProviderSpec:
    settings = _mapping(node, "settings")
    plain_settings = plain(settings)
    mappings = _mapping(settings, "categoryMappings")
    return ProviderSpec(
        name=name,
        type=_text(node, "type") or "",
        instances=_instances_of(node),
        models=_models_of(settings),
        default_model=_text(settings, "defaultModel"),
        category_mappings={
            str(one.key.value): one.value.value
            for one in mappings
            if isinstance(one.value, Scalar) and isinstance(one.value.value, bool)
        },
        timeouts=_timeouts_of(_either(node, settings, "timeouts")),
        connection_pool=_connection_pool_of(_either(settings, node, "connectionPool")),
        tls=_tls_of(_either(settings, node, "tls")),
        load_balancing=_load_balancing_of(_either(node, settings, "loadBalancing")),
        concurrency=_concurrency_of(_mapping(node, "concurrency")),
        settings=plain_settings if isinstance(plain_settings, dict) else {},
        span=entry.key.span,
    )


def _instances_of(node: Mapping) -> tuple[InstanceSpec, ...]:
    """One instance for the provider's own endpoint, or those of `instances`, which say only what differs."""
    kind = _text(node, "type") or ""
    endpoint = _text(node, "endpoint") or _usual_endpoint(kind, _mapping(node, "settings"))
    credentials = _credentials_of(_mapping(node, "authentication"), kind)
    listed = node.get("instances")
    members = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, Sequence) else []
    taken: dict[str, int] = {}
    found = []
    for number, member in enumerate(members or [Mapping((), node.span)], start=1):
        own = _text(member, "endpoint") or endpoint
        found.append(
            InstanceSpec(
                name=_unique(_text(member, "name") or _host(own) or f"instance-{number}", taken),
                endpoint=own,
                credentials=_credentials_of(_mapping(member, "authentication"), kind)
                if member.get("authentication") is not None
                else credentials,
                weight=_count(member, "weight", 1),
                priority=_count(member, "priority", 0),
            )
        )
    return tuple(found)


def _usual_endpoint(provider_type: str, settings: Mapping) -> str:
    region = _text(settings, "region")
    if provider_type == "bedrock" and region:
        return f"https://bedrock-runtime.{region}.amazonaws.com"
    return DEFAULT_ENDPOINTS.get(provider_type, "")


def _host(endpoint: str) -> str:
    """Host and port; empty for what is no URL (an unresolved variable)."""
    try:
        return host_of(endpoint)
    except ValueError:
        return ""


def _unique(name: str, taken: dict[str, int]) -> str:
    """The name, with a number where it is taken; `taken` says with which last."""
    found, number = name, taken.get(name, 1)
    while found in taken:
        number += 1
        found = f"{name}#{number}"
    taken[name] = number
    taken[found] = taken.get(found, 1)
    return found


def _credentials_of(node: Mapping, provider_type: str) -> Credentials:
    """Both forms: `{type, credentials: {...}}` and the short `{tokenPath: ...}`. A lone secret is sent as the type's API wants it."""
    below = node.get("credentials")
    source = below if isinstance(below, Mapping) else node
    api_key = _text(source, "apiKey") or _text(source, "api_key")
    token, token_path = _text(source, "token"), _text(source, "tokenPath")
    kind = _text(node, "type")
    if kind is None:
        keyed = api_key is not None and provider_type in KEYED_TYPES
        given = "api_key" if keyed else "bearer" if api_key or token or token_path else None
        kind = given or ("sigv4" if provider_type == "bedrock" else "none")
    return Credentials(
        type=kind,
        api_key=Secret(api_key) if api_key else None,
        token=Secret(token) if token else None,
        token_path=token_path,
    )


def _models_of(settings: Mapping) -> tuple[ModelSpec, ...]:
    """The listed models; a name written twice counts once."""
    listed = settings.get("models")
    found: dict[str, ModelSpec] = {}
    for item in listed if isinstance(listed, Sequence) else ():
        if isinstance(item, Scalar) and isinstance(item.value, str):
            found.setdefault(item.value, ModelSpec(item.value))
        elif isinstance(item, Mapping) and (name := _text(item, "name")):
            found.setdefault(name, _model_of(name, item))
    return tuple(found.values())


def _model_of(name: str, node: Mapping) -> ModelSpec:
    capabilities = node.get("capabilities")
    price = node.get("price")
    return ModelSpec(
        name=name,
        context_window=_optional_count(node, "contextWindow"),
        max_output_tokens=_optional_count(node, "maxOutputTokens"),
        capabilities=frozenset(
            one.value for one in capabilities if isinstance(one, Scalar) and isinstance(one.value, str)
        )
        if isinstance(capabilities, Sequence)
        else None,
        price={str(one.key.value): amount for one in price if (amount := _number(one.value)) is not None}
        if isinstance(price, Mapping)
        else None,
    )


def _timeouts_of(node: Mapping) -> Timeouts:
    usual = Timeouts()
    total_s = _seconds(node, "total", 0.0)
    return Timeouts(
        connect_s=_seconds(node, "connect", usual.connect_s),
        first_byte_s=_seconds(node, "firstByte", usual.first_byte_s),
        idle_s=_seconds(node, "idle", usual.idle_s),
        total_s=total_s or None,
    )


def _connection_pool_of(node: Mapping) -> ConnectionPool:
    usual = ConnectionPool()
    return ConnectionPool(
        max_connections=_optional_count(node, "maxConnections"),
        keep_alive=_flag(node, "keepAlive", usual.keep_alive),
        wait_s=_seconds(node, "timeout", usual.wait_s),
    )


def _tls_of(node: Mapping) -> TlsFiles:
    return TlsFiles(_text(node, "ca"), _text(node, "certificate"), _text(node, "key"))


def _concurrency_of(node: Mapping) -> Concurrency:
    usual = Concurrency()
    return Concurrency(
        most=_optional_count(node, "max"),
        queue=_count(node, "queue", usual.queue),
        wait_s=_seconds(node, "wait", usual.wait_s),
    )


def _load_balancing_of(node: Mapping) -> LoadBalancing:
    written = _text(node, "strategy") or LoadBalancing().strategy
    strategy = SYNONYMS.get(written, written)
    return LoadBalancing(
        strategy=strategy if strategy in STRATEGIES else LoadBalancing().strategy,
        health_check=_health_check_of(node.get("healthCheck")),
    )


def _health_check_of(node: Node | None) -> HealthCheck | None:
    """None unless asked for: `true`, or an object that is not `enabled: false`."""
    if isinstance(node, Mapping):
        if not _flag(node, "enabled", True):
            return None
        usual = HealthCheck()
        return HealthCheck(
            interval_s=_seconds(node, "interval", usual.interval_s) or usual.interval_s,
            timeout_s=_seconds(node, "timeout", usual.timeout_s) or usual.timeout_s,
            path=_text(node, "path"),
            unhealthy_after=_optional_count(node, "unhealthyAfter") or usual.unhealthy_after,
            healthy_after=_optional_count(node, "healthyAfter") or usual.healthy_after,
        )
    return HealthCheck() if isinstance(node, Scalar) and node.value is True else None


def _unusable_endpoints(node: Mapping) -> Iterator[Diagnostic]:
    """Endpoints that are no http URL once their variables are filled in, which no schema can see."""
    listed = node.get("instances")
    members = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, Sequence) else []
    for member in (node, *members):
        endpoint = member.get("endpoint")
        if not isinstance(endpoint, Scalar) or not isinstance(endpoint.value, str) or "${" in endpoint.value:
            continue
        if not _is_http(endpoint.value):
            yield finding(
                "CCR106",
                "this endpoint is no http or https URL with a host",
                endpoint.span,
                help=f"write its scheme, too: {quoted('https://' + endpoint.value)}"
                if _BARE_HOST.match(endpoint.value)
                else "write the base URL or the full path, such as `https://api.example.com/v1`",
            )


_BARE_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?=[/:]|$)(?!://)", re.IGNORECASE)
"""The beginning of a URL without its scheme."""


def _is_http(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _mapping(node: Mapping, key: str) -> Mapping:
    """The mapping under `key`; an empty one where there is none."""
    below = node.get(key)
    return below if isinstance(below, Mapping) else Mapping((), node.span)


def _either(first: Mapping, second: Mapping, key: str) -> Mapping:
    return _mapping(first if first.get(key) is not None else second, key)


def _value(node: Mapping, key: str) -> JSONValue:
    below = node.get(key)
    return below.value if isinstance(below, Scalar) else None


def _text(node: Mapping, key: str) -> str | None:
    value = _value(node, key)
    return value if isinstance(value, str) and value else None


def _flag(node: Mapping, key: str, usual: bool) -> bool:
    value = _value(node, key)
    return value if isinstance(value, bool) else usual


def _number(node: Node | None) -> float | None:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _optional_count(node: Mapping, key: str) -> int | None:
    number = _number(node.get(key))
    return int(number) if number is not None and number >= 1 else None


def _count(node: Mapping, key: str, usual: int) -> int:
    number = _number(node.get(key))
    return int(number) if number is not None and number >= 0 else usual


def _seconds(node: Mapping, key: str, usual: float) -> float:
    """Milliseconds as written, in seconds."""
    number = _number(node.get(key))
    return number / 1000.0 if number is not None and number >= 0 else usual
