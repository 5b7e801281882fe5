"""A Chat Completions request as the Messages request that the rules and the dialects read.

Source: the `CreateChatCompletionRequest` of the OpenAI API. What a Messages request has no place for is listed, and what
cannot be left out without changing what was asked (audio, several replies at once) is refused with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from providers.chat.reading import BadChat, optional_bool, optional_object, text_at, wrong_value
from providers.chat.sampling import chat_only_of, max_tokens_of, settings_of
from providers.chat.tools import asks_with_functions, tools_of
from providers.chat.turns import conversation_of
from providers.dialects.losses import Losses
from providers.dialects.seams import Lost
from schemas.decode_request import decode_request
from schemas.request import DEFAULT_MAX_TOKENS, MessagesRequest
from schemas.surrogates import text_of_body


class ChatRequest(Struct, frozen=True):
    """The request, whose `raw` and `fields` are a Messages body made here, and how its client wants to read the reply."""

    request: MessagesRequest
    lost: tuple[Lost, ...] = ()
    include_usage: bool = False
    as_functions: bool = False


def chat_request(data: bytes) -> ChatRequest:
    """The request in `data`. Raises `BadChat`, with the place of what is wrong."""
    losses = Losses()
    text, replaced = text_of_body(data)
    body = _body(text)
    model = text_at(body, "model")
    if not model:
        raise wrong_value("model", "expected at least one character")
    conversation = conversation_of(body, losses)
    limit = max_tokens_of(body)
    made: dict[str, Any] = {"model": model, "max_tokens": DEFAULT_MAX_TOKENS if limit is None else limit}
    if conversation.system:
        made["system"] = conversation.system
    made["messages"] = conversation.turns
    made |= tools_of(body, losses)
    made |= settings_of(body, losses)
    if optional_bool(body, "stream"):
        made["stream"] = True
    streaming = optional_object(body, "stream_options") or {}
    return ChatRequest(
        replace(
            decode_request(msgspec.json.encode(made)),
            replaced_surrogates=replaced,
            origin="chat",
            max_tokens=limit,
            chat_only=chat_only_of(body),
        ),
        losses.listed(),
        include_usage=optional_bool(streaming, "include_usage", "stream_options") is True,
        as_functions=asks_with_functions(body),
    )


_VENDOR_HEADERS = ("openai-", "x-stainless-")
"""How the names of headers begin that only the vendor of the client's API reads."""


def without_vendor_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request without those that only the vendor of the client's API reads."""
    return {name: value for name, value in headers.items() if not name.startswith(_VENDOR_HEADERS)}


def _body(text: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(text)
    except RecursionError:
        raise BadChat("the request body is nested too deeply") from None
    except msgspec.DecodeError as fault:
        raise BadChat(f"the request body is not valid JSON: {fault}") from None
    if not isinstance(body, dict):
        raise BadChat("the request body should be a JSON object")
    return body
