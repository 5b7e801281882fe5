"""What of a request no dialect of another vendor has a place for, listed as lost."""

from __future__ import annotations

from collections.abc import Collection

from providers.dialects.losses import Losses
from providers.dialects.seams import Ask
from schemas.request import MessagesRequest

TRANSLATED = frozenset(
    (
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "stream",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
    )
)
"""Top-level members that a translating encoder looks at."""

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

CHAT_ONLY = {
    "frequency_penalty": "models of other APIs have no penalties, or refuse them",
    "presence_penalty": "models of other APIs have no penalties, or refuse them",
    "logit_bias": "this API has no biases",
    "prompt_cache_retention": "this API marks parts instead",
    "response_format": "this API promises JSON only of a schema; the prompt still asks for it",
    "seed": "this API has no seed",
    "service_tier": NO_TWIN["service_tier"],
    "verbosity": "this API has no such member",
}
"""Members of `MessagesRequest.chat_only` -> why an API without them does not get them."""


def lose_chat_only(request: MessagesRequest, carried: Collection[str], losses: Losses) -> None:
    """Lists what a chat client said that is not among `carried`; what asks for nothing (false, 0, empty) is not listed."""
    for name, value in request.chat_only.items():
        if name not in carried and (value or name == "seed"):
            losses.add(name, CHAT_ONLY[name])


def lose_the_rest(ask: Ask, carried: Collection[str], losses: Losses, of_chat: Collection[str] = ()) -> None:
    """Lists the top-level members that are not among `carried`, the betas, and the lone surrogates replaced on the way in.

    `of_chat` are the names of `CHAT_ONLY` that the encoder looks at.
    """
    request = ask.request
    lose_chat_only(request, of_chat, losses)
    for name, raw in request.fields.items():
        if name not in carried and bytes(raw) != b"null":
            losses.add(name, NO_TWIN.get(name, "unknown to this API"))
    betas = [beta for beta in ask.headers.get("anthropic-beta", "").split(",") if beta.strip()]
    losses.add("header.anthropic-beta", "betas are the vendor's own", len(betas))
    losses.add("text", "a lone surrogate is no character and became U+FFFD", request.replaced_surrogates)


def lose_user(request: MessagesRequest, why: str, losses: Losses) -> None:
    """Lists every member of `metadata`."""
    for key, value in (request.metadata or {}).items():
        if value is not None:
            losses.add(f"metadata.{key}", why)
