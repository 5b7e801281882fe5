"""What encoders of JSON requests have in common: the body's bytes, and the headers that say what is sent and awaited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from providers.dialects.seams import Unencodable
from providers.errors import KINDS, ProviderError


def body_of(members: Callable[[], Mapping[str, Any]]) -> bytes:
    """The members as JSON, in their order. Raises `Unencodable` where they are nested deeper than can be made or written."""
    try:
        return msgspec.json.encode(members())
    except RecursionError:
        raise Unencodable(ProviderError(KINDS["bad_request"], "the request is nested too deeply")) from None


def headers_for(stream: bool, extra: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request whose answer is streamed or not; `extra`, which the settings name, counts before ours."""
    accept = "text/event-stream" if stream else "application/json"
    return {"content-type": "application/json", "accept": accept, **extra}
