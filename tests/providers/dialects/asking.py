"""Asks for a dialect, made of plain values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from providers.dialects.seams import Ask, Encoded
from providers.secret import Secret
from providers.spec import Credentials, InstanceSpec, ModelSpec, ProviderSpec
from schemas.decode_request import decode_request

TABLES = Path(__file__).resolve().parents[2] / "tables"
REQUESTS = Path(__file__).resolve().parents[2] / "golden" / "requests"
LOOPBACK = "http://127.0.0.1:9/v1"
BASE = {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}
KEY = "sk-canary-0123456789abcdef"


def rows(table: str) -> list[dict[str, Any]]:
    """The rows of `tests/tables/<table>.yaml`."""
    loaded: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(TABLES / f"{table}.yaml")
    return loaded


def ask_of(
    body: Mapping[str, Any] | bytes,
    *,
    endpoint: str = LOOPBACK,
    settings: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    path: Any = "messages",
    kind: str = "openai",
    name: str = "up",
) -> Ask:
    """An ask of the provider `p` of type `kind` for its model `name`; `model` holds `maxOutputTokens` and `capabilities`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    credentials = Credentials("bearer", api_key=Secret(KEY))
    spec = None
    if model is not None:
        listed = model.get("capabilities")
        capabilities = None if listed is None else frozenset(listed)
        spec = ModelSpec(name, max_output_tokens=model.get("maxOutputTokens"), capabilities=capabilities)
    provider = ProviderSpec("p", kind, (InstanceSpec("i", endpoint, credentials),), settings=dict(settings or {}))
    return Ask(decode_request(data, path), provider, name, spec, dict(headers or {}), lambda: "1")


def row_ask(row: Mapping[str, Any], kind: str = "openai", name: str = "up") -> Ask:
    """The ask of a table row; its `name` of a model wins."""
    return ask_of(
        {**BASE, **row.get("ask", {})},
        endpoint=row.get("endpoint", LOOPBACK),
        settings=row.get("settings"),
        model=row.get("model"),
        headers=row.get("headers"),
        path=row.get("path", "messages"),
        kind=kind,
        name=row.get("upstream", name),
    )


def lost_of(encoded: Encoded) -> dict[str, int]:
    """What was lost, by field."""
    counts: Counter[str] = Counter()
    for lost in encoded.lost:
        counts[lost.field] += lost.count
    return dict(counts)
