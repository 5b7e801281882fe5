"""What of a request no dialect of another vendor has a place for, listed as lost."""

from __future__ import annotations

from collections.abc import Collection

from providers.dialects.losses import Losses
from providers.dialects.seams import Ask

NO_TWIN = {
    "cache_control": "this upstream takes no cache marks",
    "service_tier": "tiers of one vendor mean nothing to another",
    "inference_geo": "tells the vendor where to compute",
    "context_management": "the vendor's server edits the context",
    "container": "a container of the vendor's server",
    "mcp_servers": "the vendor's server would call them",
    "fallbacks": "the vendor's server would fall back",
    "speed": "a mode of the vendor's server",
    "diagnostics": "read by the vendor's server",
    "safeguards": "read by the vendor's server",
}
"""Known members without a counterpart -> why."""


def lose_the_rest(ask: Ask, carried: Collection[str], losses: Losses) -> None:
    """Lists the top-level members that are not among `carried`, the betas, and the lone surrogates replaced on the way in."""
    request = ask.request
    for name, raw in request.fields.items():
        if name not in carried and bytes(raw) != b"null":
            losses.add(name, NO_TWIN.get(name, "unknown to this API"))
    betas = [beta for beta in ask.headers.get("anthropic-beta", "").split(",") if beta.strip()]
    losses.add("header.anthropic-beta", "betas are the vendor's own", len(betas))
    losses.add("text", "a lone surrogate is no character and became U+FFFD", request.replaced_surrogates)
