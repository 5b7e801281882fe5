"""The settings of a provider of type `anthropic`.

| key | values | default | what it does |
|---|---|---|---|
| `unsignedThinking` | `drop`, `keep` | `drop` | earlier thinking without a signature, which another provider gave: left out, or sent along |
| `extraHeaders` | header -> value | empty | headers to send besides the client's and the credentials |

The vendor refuses thinking that it did not sign itself; upstreams that only speak its format want theirs back, so the
default differs at the hosts in `KEEPING`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct, field

from providers.dialects.anthropic.refused import RefusedThoughts
from providers.spec import ProviderSpec

KEEPING = ("api.deepseek.com", "moonshot.ai", "moonshot.cn", "z.ai", "bigmodel.cn")
"""Hosts, or ends of them, whose models give thinking without a signature and want it back."""


class Options(Struct, frozen=True):
    """The settings as the encoder reads them. `notes` says in sentences which defaults came from the endpoint's host."""

    keep_unsigned: bool = False
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    refused: RefusedThoughts = field(default_factory=RefusedThoughts)


def options_of(provider: ProviderSpec) -> Options:
    """The options of a provider; a value of the wrong form (the schema has refused it before) counts as not written."""
    written = provider.settings.get("unsignedThinking")
    notes: tuple[str, ...] = ()
    if written in ("drop", "keep"):
        keep = written == "keep"
    else:
        host = _host_of(provider)
        keep = any(host == end or host.endswith("." + end) for end in KEEPING)
        if keep:
            notes = (f"`unsignedThinking` is `keep` because the endpoint is `{host}`",)
    headers = provider.settings.get("extraHeaders")
    extra = (
        {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
        if isinstance(headers, dict)
        else {}
    )
    return Options(keep, extra, notes)


def _host_of(provider: ProviderSpec) -> str:
    try:
        return (urlsplit(provider.instances[0].endpoint).hostname or "") if provider.instances else ""
    except ValueError:
        return ""
