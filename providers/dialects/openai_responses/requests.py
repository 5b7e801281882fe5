"""A Messages request for the Responses API: every member carried, changed or listed as lost.

Source: `ResponseCreateParams` of the OpenAI API.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, TypeAlias

from providers.dialects.answer_format import openai_format
from providers.dialects.identity import session_of, user_of
from providers.dialects.json_requests import body_of, headers_for
from providers.dialects.losses import Losses
from providers.dialects.offer import declared_of, lose_search, search_in
from providers.dialects.openai_responses.items import Manner, items_of, part_of
from providers.dialects.openai_responses.reasoning import ENCRYPTED, is_reasoner, reasoning_of, sends_reasoning
from providers.dialects.openai_responses.settings import Options, options_of
from providers.dialects.openai_responses.tools import SOURCES, declaration, tools_of
from providers.dialects.pieces import takes_of, text_of
from providers.dialects.seams import Ask, Encoded, Mended, without_thinking
from providers.dialects.tool_names import restored_names, sent_names, tool_names_of
from providers.dialects.turns import system_of, turns_of
from providers.dialects.unsent import TRANSLATED, lose_the_rest
from providers.errors import ProviderError
from providers.messages.signatures import issuer_of

PATH = "/responses"

_SAME_IN_CHAT = ("prompt_cache_retention", "service_tier")
"""Members that both of the vendor's APIs have."""

History: TypeAlias = Literal["kept", "refused", "unsupported"]
"""What becomes of earlier reasoning: sent back; left out since it was refused; the model gives none that could be sent back."""


_REFUSED_REASONING = re.compile(
    r"encrypted[_ ]content"
    r"|of type .?reasoning.? was provided without its required following item"
    r"|without its required .?reasoning.? item"
    r"|item .{0,120}not found.{0,40}items are not persisted",
    re.IGNORECASE | re.DOTALL,
)
_NO_SUCH_MEMBER = re.compile(r"encrypted[_ ]content.{0,60}not supported", re.IGNORECASE | re.DOTALL)


def encode(ask: Ask) -> Encoded:
    """The upstream request. Raises `Unencodable` for content nested deeper than it can be written."""
    return _encoded(ask, "kept")


def mended(ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
    """The request without earlier reasoning, after a refusal that is about it; None where that is no help.

    Encrypted reasoning is bound to the account and the model that gave it. New reasoning is still asked for in a form
    that can be sent back, unless the refusal says that the model gives none.
    """
    if error.status != 400 or not _REFUSED_REASONING.search(error.message):
        return None
    again = _encoded(ask, "unsupported" if _NO_SUCH_MEMBER.search(error.message) else "refused")
    return without_thinking(again) if again.body != encoded.body else None


def _encoded(ask: Ask, history: History) -> Encoded:
    options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider)
    losses = Losses()
    names = sent_names(tool_names_of(ask.request))
    body = body_of(partial(_body, ask, options, names, history, losses))
    return Encoded(
        path=PATH,
        body=body,
        headers=headers_for(ask.request.stream, options.extra_headers),
        lost=losses.listed(),
        tool_names=restored_names(names),
        notes=options.notes,
    )


def _body(ask: Ask, options: Options, names: Mapping[str, str], history: History, losses: Losses) -> dict[str, Any]:
    """The members in a fixed order, so that equal requests are equal bytes."""
    request, model = ask.request, ask.model_spec
    takes = takes_of(model, files=options.documents == "file", file_urls=True)
    manner = Manner(
        issuer=issuer_of("openai-responses", ask.provider.name),
        names=names,
        sends_reasoning=sends_reasoning(options, model),
        is_refused=history != "kept",
        media_inside=options.result_media == "inside",
        mid_conversation_system=options.mid_conversation_system,
    )
    system = system_of(request.system, takes, losses)
    items, leading = items_of(turns_of(request.messages, takes, losses, options.tool_call_id_chars), manner, losses)
    system += leading
    body: dict[str, Any] = {"model": ask.model}
    if system and options.system_field == "instructions":
        body["instructions"] = text_of(system, "\n\n")
    elif system:
        parts = [part_of(piece) for piece in system]
        items.insert(0, {"type": "message", "role": options.system_field, "content": parts})
    body["input"] = items
    body |= _tools(ask, options, names, losses)
    body |= _max_tokens(ask, options, losses)
    body |= _sampling(ask, options, losses)
    body |= reasoning_of(request, options, model, losses)
    body |= _text(ask, options, losses)
    body |= user_of(request, options.user_id, options.user_field, losses)
    if options.prompt_cache_key and (session := session_of(request, ask.headers)) is not None:
        body["prompt_cache_key"] = hashlib.sha256(session.encode()).hexdigest()[:32]
    include = [ENCRYPTED] if manner.sends_reasoning and history != "unsupported" else []
    if any(isinstance(tool, dict) and tool["type"] == "web_search" for tool in body.get("tools", ())):
        include.append(SOURCES)
    if include:
        body["include"] = include
    body["store"] = options.store
    if request.stream:
        body["stream"] = True
    body |= {name: value for name, value in request.chat_only.items() if name in _SAME_IN_CHAT}
    lose_the_rest(ask, TRANSLATED, losses, (*_SAME_IN_CHAT, "verbosity", "response_format"))
    return body | dict(options.extra_body)


def _tools(ask: Ask, options: Options, names: Mapping[str, str], losses: Losses) -> dict[str, Any]:
    declared = declared_of(
        ask.request, ask.model_spec, names, options.known_tools, declaration, strict=options.tool_schema == "strict"
    )
    losses.add_all(declared.offered)
    search = search_in(ask.request)
    capabilities = ask.model_spec.capabilities if ask.model_spec is not None else None
    if search is not None and capabilities is not None and "webSearch" not in capabilities:
        lose_search(search, "the model does not list the capability `webSearch`", losses)
        search = None
    return tools_of(ask.request, declared, search, options, names, losses)


def _max_tokens(ask: Ask, options: Options, losses: Losses) -> dict[str, Any]:
    asked = ask.request.max_tokens
    most = ask.model_spec.max_output_tokens if ask.model_spec is not None else None
    if asked is None:
        return {}
    if most is not None and asked > most:
        losses.add("max_tokens", f"{asked} is more than the {most} of `{ask.model}`, which are sent")
        asked = most
    if asked < options.min_output_tokens:
        losses.add("max_tokens", f"{asked} is less than the {options.min_output_tokens} that the upstream takes")
        asked = options.min_output_tokens
    return {"max_output_tokens": asked}


def _sampling(ask: Ask, options: Options, losses: Losses) -> dict[str, Any]:
    request = ask.request
    out: dict[str, Any] = {}
    refuses = is_reasoner(options, ask.model_spec) and not options.reasoning_sampling
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is None:
            continue
        if not refuses:
            out[name] = value
        elif value != 1:
            losses.add(name, "a reasoning model here takes only 1")
    if request.top_k is not None:
        losses.add("top_k", "this API has no such member")
    losses.add("stop_sequences", "this API has no such member", len(request.stop_sequences))
    return out


def _text(ask: Ask, options: Options, losses: Losses) -> dict[str, Any]:
    text: dict[str, Any] = {}
    if asked := openai_format(ask.request, options.structured_output, losses):
        text["format"] = asked
    if verbosity := ask.request.chat_only.get("verbosity"):
        text["verbosity"] = verbosity
    return {"text": text} if text else {}
