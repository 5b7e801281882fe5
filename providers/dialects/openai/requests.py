"""A Messages request as a Chat Completions request: every member carried, changed or listed as lost.

Source: the `CreateChatCompletionRequest` of the OpenAI API.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from providers.dialects.answer_format import openai_format
from providers.dialects.identity import session_of, user_of
from providers.dialects.json_requests import body_of, headers_for
from providers.dialects.losses import Losses
from providers.dialects.openai.content import takes_of
from providers.dialects.openai.lessons import STATUSES, after, lesson_in, said_of
from providers.dialects.openai.messages import messages_of
from providers.dialects.openai.options import MOST_DEMANDING, Options, options_of
from providers.dialects.openai.reasoning import is_reasoner, reasoning_of, without_reasoning
from providers.dialects.openai.thoughts import Signing
from providers.dialects.openai.tools import choice_of, offer_of
from providers.dialects.seams import Ask, Encoded, Mended, without_thinking
from providers.dialects.thought_signatures import refuses_signatures
from providers.dialects.tool_names import restored_names, sent_names, tool_names_of
from providers.dialects.unsent import CHAT_ONLY, TRANSLATED, lose_the_rest
from providers.errors import ProviderError
from providers.messages.signatures import issuer_of
from schemas.request import MessagesRequest

PATH = "/chat/completions"

_DEMANDED = re.compile(
    r"reasoning_content.{0,60}(?:must be passed back|is missing|is required)|missing.{0,20}reasoning_content",
    re.IGNORECASE | re.DOTALL,
)

_OF_SAMPLERS = ("frequency_penalty", "logit_bias", "presence_penalty")


def encode(ask: Ask) -> Encoded:
    """The upstream request. Raises `Unencodable` for content nested deeper than it can be written."""
    learned = ask.options.learned.get(ask.model, frozenset()) if isinstance(ask.options, Options) else frozenset()
    return _encoded(ask, learned)


def mended(ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
    """The request without what was refused, in the cases that are known; None where that is no help.

    A refusal that demands earlier thinking gets it as `reasoning_content`. A turn that called tools and has no thinking
    to send back, since another issuer's is sealed, can only go on without thinking. The same for a refusal about
    signatures, which Gemini gives calls in this API too: calls are marked as without one. All else is in
    `lessons.LESSONS`.
    """
    known = encoded.dialect_state if isinstance(encoded.dialect_state, frozenset) else frozenset()
    if error.status == 400 and refuses_signatures(error.message):
        _remember(ask, lambda options: options.signing)
        again = _encoded(ask, known, unsigned=True)
        return without_thinking(again) if again.body != encoded.body else None
    if error.status == 400 and _DEMANDED.search(error.message):
        _remember(ask, lambda options: options.demanding)
        again = _encoded(ask, known, demanded=True)
        done = Mended(again, "thinking-replayed", "sent again with its earlier thinking in `reasoning_content`")
        return done if again.body != encoded.body else None
    lesson = lesson_in(error.message, known) if error.status in STATUSES else None
    if lesson is None:
        return None
    learned = known | {lesson}
    again = _encoded(ask, learned)
    if again.body == encoded.body:
        return None
    if isinstance(ask.options, Options) and (
        ask.model in ask.options.learned or len(ask.options.learned) < MOST_DEMANDING
    ):
        ask.options.learned[ask.model] = learned
    return Mended(again, "lesson-learned", f"sent again: {said_of(lesson)}")


def _remember(ask: Ask, models_of: Callable[[Options], set[str]]) -> None:
    if isinstance(ask.options, Options) and len(models := models_of(ask.options)) < MOST_DEMANDING:
        models.add(ask.model)


def _encoded(ask: Ask, lessons: frozenset[str], *, demanded: bool = False, unsigned: bool = False) -> Encoded:
    options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider)
    options = after(options, lessons)
    if demanded or ask.model in options.demanding:
        options = replace(options, thinking_history="reasoning_content")
    losses = Losses()
    names = sent_names(tool_names_of(ask.request), gemini=options.tool_schema == "gemini")
    body = body_of(partial(_body, ask, options, names, demanded, unsigned, losses))
    return Encoded(
        path=PATH,
        body=body,
        headers=headers_for(ask.request.stream, options.extra_headers),
        lost=losses.listed(),
        tool_names=restored_names(names),
        notes=options.notes,
        dialect_state=lessons,
    )


def _body(
    ask: Ask, options: Options, names: Mapping[str, str], demanded: bool, unsigned: bool, losses: Losses
) -> dict[str, Any]:
    """The members in a fixed order, so that equal requests are equal bytes. `unsigned`: no signature is worth anything."""
    request = ask.request
    signing = Signing(
        issuer=None if unsigned else issuer_of("openai", ask.provider.name),
        marks_unsigned=unsigned or ask.model in options.signing,
        is_claude=not unsigned and any(name in ask.model.lower() for name in ("claude", "anthropic")),
    )
    offer = offer_of(request, options, ask.model_spec, names, losses)
    body: dict[str, Any] = {
        "model": ask.model,
        "messages": messages_of(request, options, takes_of(options, ask.model_spec), names, signing, losses),
    }
    if offer.functions:
        body["tools"] = list(offer.functions.values())
    body |= choice_of(request, offer, options, names, losses)
    body |= offer.search
    body |= _max_tokens(ask, options, losses)
    body |= _sampling(ask, options, losses)
    if demanded and any(_lacks_thinking(message) for message in body["messages"]):
        losses.add("thinking", "the upstream wants the thinking of every turn that called tools, and one has none")
        body |= without_reasoning(options, losses)
    else:
        body |= reasoning_of(request, options, ask.model_spec, losses)
    body |= _response_format(request, options, losses)
    body |= _chat_only(ask, options, losses)
    body |= user_of(request, options.user_id, options.user_field, losses)
    if options.prompt_cache_key and (session := session_of(request, ask.headers)) is not None:
        body["prompt_cache_key"] = hashlib.sha256(session.encode()).hexdigest()[:32]
    if request.stream:
        body["stream"] = True
        if options.stream_options:
            body["stream_options"] = {"include_usage": True}
    lose_the_rest(ask, TRANSLATED, losses, CHAT_ONLY)
    return body | dict(options.extra_body)


def _lacks_thinking(message: Mapping[str, Any]) -> bool:
    return "tool_calls" in message and not message.get("reasoning_content")


def _max_tokens(ask: Ask, options: Options, losses: Losses) -> dict[str, Any]:
    asked = ask.request.max_tokens
    listed = ask.model_spec.max_output_tokens if ask.model_spec is not None else None
    most = min((count for count in (listed, options.most_output) if count is not None), default=None)
    if asked is None:
        return {}
    if most is not None and asked > most:
        losses.add("max_tokens", f"{asked} is more than the {most} of `{ask.model}`, which are sent")
        asked = most
    return {options.max_tokens_field: asked}


def _sampling(ask: Ask, options: Options, losses: Losses) -> dict[str, Any]:
    request = ask.request
    out: dict[str, Any] = {}
    refuses = is_reasoner(options, ask.model_spec) and not options.reasoning_sampling
    for name in ("temperature", "top_p"):
        value = getattr(request, name)
        if value is None:
            continue
        if not options.sampling:
            losses.add(name, "the upstream refused it")
        elif refuses and value != 1:
            losses.add(name, "a reasoning model here takes only 1")
        elif not refuses:
            out[name] = value
    if request.top_k is not None:
        if options.top_k:
            out["top_k"] = request.top_k
        else:
            losses.add("top_k", "this API has no such member")
    stops = list(request.stop_sequences)
    if stops and refuses:
        losses.add("stop_sequences", "a reasoning model here takes none", len(stops))
    elif stops:
        most = options.max_stop_sequences
        losses.add("stop_sequences", f"the upstream takes {most} at most, the others are left out", len(stops) - most)
        if stops[:most]:
            out["stop"] = stops[:most]
    return out


def _chat_only(ask: Ask, options: Options, losses: Losses) -> dict[str, Any]:
    """What a client of this very API said that Messages requests have no place for, as it said it."""
    out = {name: value for name, value in ask.request.chat_only.items() if name != "response_format"}
    if is_reasoner(options, ask.model_spec) and not options.reasoning_sampling:
        for name in _OF_SAMPLERS:
            if out.pop(name, None):
                losses.add(name, "a reasoning model here takes none")
    return out


def _response_format(request: MessagesRequest, options: Options, losses: Losses) -> dict[str, Any]:
    asked = openai_format(request, options.structured_output, losses)
    if asked.get("type") == "json_schema":
        asked = {"type": asked.pop("type"), "json_schema": asked}
    return {"response_format": asked} if asked else {}
