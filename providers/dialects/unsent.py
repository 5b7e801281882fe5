"""What of a request no dialect of another vendor has a place for, listed as lost."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

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

ANY_JSON: Mapping[str, Any] = MappingProxyType({})
"""What stands for the schema where the answer shall be JSON of whatever shape; known by identity."""


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


def wanted_format(request: MessagesRequest, losses: Losses) -> tuple[str, Mapping[str, Any] | None] | None:
    """The member that asks for a form of the answer, as the client wrote it, and its schema; None where none is asked for.

    The schema is None where the form is not known, and the value `ANY_JSON` where a chat client wants JSON of any shape.
    Other members of `output_config` than this and the effort are listed as lost.
    """
    config = request.output_config or {}
    for key in config:
        if key not in ("effort", "format"):
            losses.add(f"output_config.{key}", "this API has no such member")
    wanted, field = config.get("format"), "output_config.format"
    if wanted is None and "output_format" in request.fields:
        wanted, field = _decoded(request.fields["output_format"]), "output_format"
    if wanted is None:
        return ("response_format", ANY_JSON) if "response_format" in request.chat_only else None
    schema = wanted.get("schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    return field, schema if isinstance(schema, dict) else None


def name_of(schema: Mapping[str, Any]) -> str:
    """What OpenAI's APIs call the schema of an answer: its title, where they take that as a name."""
    title = schema.get("title")
    return title if isinstance(title, str) and _NAME.fullmatch(title) else "answer"


_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def _decoded(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return ()
