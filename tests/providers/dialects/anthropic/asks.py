"""Asks for the dialect `anthropic`, made of plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from providers.dialects.seams import Ask
from providers.secret import Secret
from providers.spec import Credentials, InstanceSpec, ModelSpec, ProviderSpec
from schemas.decode_request import decode_request

KEY = "sk-canary-0123456789abcdef"
HI = {"role": "user", "content": "hi"}
BASE: dict[str, Any] = {"model": "claude-x", "max_tokens": 4096, "messages": [HI]}
ENDPOINT = "https://upstream.test"


def ask_of(
    body: Mapping[str, Any] | bytes,
    *,
    model: str = "claude-x",
    endpoint: str = ENDPOINT,
    settings: Mapping[str, Any] | None = None,
    spec: ModelSpec | None = None,
    headers: Mapping[str, str] | None = None,
    forward: bool = False,
    path: Any = "messages",
    query: str = "",
) -> Ask:
    """An ask of the provider `up` for `model`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    credentials = Credentials("forward") if forward else Credentials("api_key", api_key=Secret(KEY))
    provider = ProviderSpec(
        "up", "anthropic", (InstanceSpec("i", endpoint, credentials),), settings=dict(settings or {})
    )
    request = decode_request(data, path)
    return Ask(request, provider, model, spec, dict(headers or {}), lambda: "1", query=query, path=path)
