"""Which headers pass: the client's to the upstream, and the upstream's to the client. Both lists are open.

Source: RFC 9110, section 7.6.1 (hop-by-hop), and the gateway contract of Claude Code: feature headers and body fields
travel together, and names that nobody has heard of yet pass.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.dialects.losses import Losses
from providers.spec import ProviderSpec

VERSION = "2023-06-01"
"""The `anthropic-version` of a client that names none."""

LOGIN_BETA = "oauth-2025-04-20"
"""The beta that a subscription's own token needs. It speaks of the client's login, so it goes only where that goes."""

HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_OF_THIS_HOP = frozenset(("host", "content-length", "accept-encoding", "expect", "forwarded", "via", "x-real-ip"))
_CREDENTIALS = frozenset(("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"))
_NEVER = HOP_BY_HOP | _OF_THIS_HOP | _CREDENTIALS
_OWN_PREFIX = "x-ccr-"
_PATH_PREFIX = "x-forwarded-"

UPSTREAM_ID = "x-ccr-upstream-request-id"
"""Where the client finds the upstream's `request-id`; `request-id` itself is ours, as in our log."""

_PASSED_ON = frozenset(("retry-after", "retry-after-ms", "x-should-retry"))
_PASSED_ON_PREFIXES = ("anthropic-", "x-ratelimit-", "ratelimit-")


def forwards(provider: ProviderSpec) -> bool:
    """Whether the client's own credentials are what every instance is asked with."""
    return bool(provider.instances) and all(one.credentials.type == "forward" for one in provider.instances)


def sent_headers(client: Mapping[str, str], provider: ProviderSpec, losses: Losses) -> dict[str, str]:
    """The client's headers for the upstream, without credentials and without ours: those are added for the instance."""
    dropped = _NEVER | {name.strip().lower() for name in client.get("connection", "").split(",")}
    sent = {
        name: value
        for name, value in client.items()
        if name not in dropped and not name.startswith((_OWN_PREFIX, _PATH_PREFIX))
    }
    if LOGIN_BETA in sent.get("anthropic-beta", "") and not forwards(provider):
        _leave_out_login(sent, losses)
    sent.setdefault("content-type", "application/json")
    sent.setdefault("anthropic-version", VERSION)
    return sent


def _leave_out_login(sent: dict[str, str], losses: Losses) -> None:
    betas = [name.strip() for name in sent["anthropic-beta"].split(",")]
    others = [name for name in betas if name != LOGIN_BETA]
    losses.add(
        "header.anthropic-beta", "the beta of the client's own login goes only with it", len(betas) - len(others)
    )
    if others:
        sent["anthropic-beta"] = ",".join(others)
    else:
        del sent["anthropic-beta"]


def passed_on(upstream: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The upstream's headers that the client reads: limits, retry advice, the vendor's own, and its request id."""
    passed = tuple(
        (name, value) for name, value in upstream.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    )
    request_id = upstream.get("request-id") or upstream.get("x-request-id")
    return (*passed, (UPSTREAM_ID, request_id)) if request_id else passed
