"""The settings of a provider of type `bedrock`, as a table that the schema, the reference and the encoder share.

| key | values | default | what it does |
|---|---|---|---|
| `region` | text | empty | the AWS region of endpoints whose host does not name one; where no endpoint is written, the service's own there is used |
| `profile` | text | empty | the profile of the AWS configuration that signs requests; empty: the environment's |
| `modelIds` | name -> id | empty | model name -> the id, inference profile or ARN at the service |
| `version` | text | `bedrock-2023-05-31` | the `anthropic_version` in the body |
| `betas` | `known`, `all`, `none` | `known` | which names of the `anthropic-beta` header are sent: those in `knownBetas`, every one, or none; the service refuses a request with one that it does not know |
| `knownBetas` | list | see below | the names that the service takes; the list of 2026-11 |
| `leaveOut` | list | see below | members of the body that the service refuses |
| `extraHeaders` | header -> value | empty | headers to send besides the credentials |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct, field

from providers.dialects.anthropic.refused import RefusedThoughts
from providers.dialects.setting_rows import Setting, values_of
from providers.spec import ProviderSpec
from schemas.document import JSONValue

SETTINGS: tuple[Setting, ...] = (
    Setting("region", "text", ""),
    Setting("profile", "text", ""),
    Setting("modelIds", "headers", {}),
    Setting("version", "text", "bedrock-2023-05-31"),
    Setting("betas", "enum", "known", ("known", "all", "none")),
    Setting(
        "knownBetas",
        "texts",
        [
            "computer-use-2024-10-22",
            "computer-use-2025-01-24",
            "computer-use-2025-11-24",
            "token-efficient-tools-2025-02-19",
            "output-128k-2025-02-19",
            "dev-full-thinking-2025-05-14",
            "interleaved-thinking-2025-05-14",
            "fine-grained-tool-streaming-2025-05-14",
            "context-1m-2025-08-07",
            "context-management-2025-06-27",
            "tool-search-tool-2025-10-19",
            "tool-examples-2025-10-29",
            "effort-2025-11-24",
        ],
    ),
    Setting(
        "leaveOut",
        "texts",
        [
            "service_tier",
            "inference_geo",
            "container",
            "mcp_servers",
            "fallbacks",
            "speed",
            "diagnostics",
            "safeguards",
        ],
    ),
    Setting("extraHeaders", "headers", {}),
)
"""Every setting of the dialect, in the order of the reference."""

_REGION = re.compile(r"bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)")


class Options(Struct, frozen=True):
    """One value per row of `SETTINGS`."""

    region: str
    profile: str
    model_ids: Mapping[str, str]
    version: str
    betas: str
    known_betas: tuple[str, ...]
    leave_out: tuple[str, ...]
    extra_headers: Mapping[str, str]
    refused: RefusedThoughts = field(default_factory=RefusedThoughts)


def options_of(provider: ProviderSpec) -> Options:
    """The options of a provider, see `setting_rows.values_of`."""
    values, _ = values_of(provider, SETTINGS)
    return Options(**values)  # type: ignore[arg-type] # each was checked against its row


def region_of(endpoint: str, settings: Mapping[str, JSONValue]) -> str:
    """The region of an endpoint: the one that its host names, else `settings.region`, else empty."""
    try:
        named = _REGION.fullmatch(urlsplit(endpoint).hostname or "")
    except ValueError:
        named = None
    written = settings.get("region")
    return named[1] if named else written if isinstance(written, str) else ""
