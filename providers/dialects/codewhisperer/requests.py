"""A Messages request as the body of `GenerateAssistantResponse`.

Source: the generated clients of Amazon Q Developer (members), and the answers those clients and gateways got (rules).
The body has no field for a system text, for sampling, for a maximum or for streaming; what has no field is listed as lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import msgspec
from msgspec import Struct

from providers.dialects.anthropic.thoughts import refuses_thoughts
from providers.dialects.codewhisperer.errors import SIGNATURE_REFUSED
from providers.dialects.codewhisperer.history import assistant_message, messages_of, user_message
from providers.dialects.codewhisperer.models import TABLE_DATE, Listed, ModelRow, NeedsGuess, Unlisted, upstream_model
from providers.dialects.codewhisperer.options import Options, options_of
from providers.dialects.codewhisperer.tools import specifications
from providers.dialects.codewhisperer.turns import AssistantTurn, Thinking, turns_of
from providers.dialects.codewhisperer.turns import refused as unencodable
from providers.dialects.identity import session_of
from providers.dialects.losses import Losses
from providers.dialects.seams import Ask, Encoded, Mended, without_thinking
from providers.dialects.turns import BILLING_LINE
from providers.dialects.unsent import lose_chat_only
from providers.errors import ProviderError
from providers.messages.signatures import issuer_of
from schemas.request import MessagesRequest

AGREED = "I will follow these instructions."
"""The assistant's part of the exchange that carries the system text."""

SIMULATED_BUDGET_TOKENS = 16_000
"""Asked for where the client names no budget."""

DEFAULT_WINDOW_TOKENS = 200_000
BYTES_PER_TOKEN = 4

_READ_FIELDS = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "stream", "metadata", "thinking", "output_config"}
)
_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Sent(Struct, frozen=True):
    """What the decoder needs to know of the request it reads the answer to.

    `issuer` is whose mark its signatures get. `thinking` is what the client may be given: nothing (`off`), the
    service's own (`native`), or tags to look for (`simulated`). `input_tokens` is an estimate; `window_tokens` is None
    unless the service's percentage is to be used instead.
    """

    issuer: str
    model_id: str
    thinking: str
    input_tokens: int
    window_tokens: int | None


def encode(ask: Ask) -> Encoded:
    """The request; raises `Unencodable` where this service cannot be asked it. The path is the dialect's, see `Options`."""
    return _encoded(ask, refused=False)


def mended(ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
    """The request without earlier thinking, after a refusal that is about it; None where that is no help."""
    if error.status != 400 or not (SIGNATURE_REFUSED in error.message or refuses_thoughts(error.message)):
        return None
    again = _encoded(ask, refused=True)
    return without_thinking(again) if _thinks_back(encoded.body) else None


def _thinks_back(body: bytes) -> bool:
    return b'"reasoningContent":{' in body


def _encoded(ask: Ask, *, refused: bool) -> Encoded:
    options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider.settings)
    losses = Losses()
    model_id, row = _model(ask.model, options)
    notes = () if row else (f"`{model_id}` is not in the table of models of {TABLE_DATE}: it is sent as written",)
    thinking = _thinking(ask, options, row, losses)
    issuer = issuer_of("codewhisperer", ask.provider.name)
    turns = turns_of(
        ask.request.messages, losses, _thoughts(issuer, thinking, refused), takes_images=_takes(ask, "images")
    )
    used = [call.name for turn in turns if isinstance(turn, AssistantTurn) for call in turn.calls]
    tools, names = specifications(ask.request, used, losses, options.known_tools, takes_tools=_takes(ask, "tools"))
    messages = messages_of(turns, names, losses)
    _add_system(messages, _system_text(ask.request, thinking, losses), options)
    current = messages[-1]["userInputMessage"]
    current |= {"modelId": model_id, "origin": options.origin}
    if tools:
        current.setdefault("userInputMessageContext", {})["tools"] = tools
    for message in messages[:-1]:
        if "userInputMessage" in message:
            message["userInputMessage"] |= {"modelId": model_id, "origin": options.origin}
    _list_unread(ask, losses)
    try:
        body = _body(ask, options, messages, thinking)
    except RecursionError:
        raise unencodable("bad_request", "the request is nested too deeply") from None
    return Encoded(
        path=_PATHS[options.dialect],
        body=body,
        headers=_headers(options),
        lost=losses.listed(),
        tool_names={sent: name for name, sent in names.items() if sent != name},
        dialect_state=Sent(
            issuer=issuer,
            model_id=model_id,
            thinking=_readable_thinking(ask.request, thinking),
            input_tokens=_estimate(body, messages),
            window_tokens=_window(ask, row) if options.count_by_context else None,
        ),
        notes=notes,
        with_profile=None if options.profile_arn else partial(_with_profile, body),
    )


def _with_profile(body: bytes, profile_arn: str) -> bytes:
    """The body with the profile that a credential brings along."""
    return b'{"profileArn":' + msgspec.json.encode(profile_arn) + b"," + body[1:]


_PATHS = {"rest": "/generateAssistantResponse", "json-rpc": "/"}
_CONTENT_TYPES = {"rest": "application/json", "json-rpc": "application/x-amz-json-1.0"}
TARGET = "AmazonCodeWhispererStreamingService.GenerateAssistantResponse"


def _headers(options: Options) -> Mapping[str, str]:
    headers = {
        "content-type": _CONTENT_TYPES[options.dialect],
        "accept": "application/vnd.amazon.eventstream",
        "x-amzn-codewhisperer-optout": "true" if options.opt_out else "false",
    }
    if options.dialect == "json-rpc":
        headers["x-amz-target"] = TARGET
    elif options.agent_mode:
        headers["x-amzn-kiro-agent-mode"] = options.agent_mode
    return {**headers, **options.extra_headers}


def _body(ask: Ask, options: Options, messages: list[dict[str, Any]], thinking: str) -> bytes:
    state: dict[str, Any] = {
        "chatTriggerType": "MANUAL",
        "conversationId": _conversation_id(ask),
        "currentMessage": messages[-1],
    }
    if len(messages) > 1:
        state["history"] = messages[:-1]
    body: dict[str, Any] = {"profileArn": options.profile_arn} if options.profile_arn else {}
    body["conversationState"] = state
    if options.dialect == "json-rpc" and options.agent_mode:
        body["agentMode"] = options.agent_mode
    if thinking == "native":
        body["additionalModelRequestFields"] = _native_thinking(ask.request)
    return msgspec.json.encode(body)


def _model(name: str, options: Options) -> tuple[str, ModelRow | None]:
    match upstream_model(name, options.model_ids):
        case Listed(model_id, row):
            return model_id, row
        case Unlisted(model_id):
            return model_id, None
        case NeedsGuess(why):
            raise unencodable("model", why)


def _window(ask: Ask, row: ModelRow | None) -> int:
    if ask.model_spec is not None and ask.model_spec.context_window:
        return ask.model_spec.context_window
    return row.window_tokens if row else DEFAULT_WINDOW_TOKENS


def _wants_thinking(request: MessagesRequest) -> bool:
    return request.thinking is not None and request.thinking.get("type") in ("enabled", "adaptive")


def _thoughts(issuer: str, thinking: str, refused: bool) -> Thinking:
    """Which thinking of earlier turns is sent: the service's own, where it is asked to think natively again."""
    if refused:
        return Thinking(None, "the upstream refused the signatures of this conversation")
    if thinking != "native":
        return Thinking(None, "earlier thinking is sent with native thinking only")
    return Thinking(issuer)


def _thinking(ask: Ask, options: Options, row: ModelRow | None, losses: Losses) -> str:
    """How thinking is asked for: `off`, `native` or `simulated`; what the client asked and does not get is listed.

    The configuration's capabilities, where it lists any, know better than the table whether the model thinks.
    """
    request = ask.request
    listed = ask.model_spec.capabilities if ask.model_spec is not None else None
    thinks_natively = "thinking" in listed if listed is not None else row is not None and row.native_thinking
    effort = (request.output_config or {}).get("effort")
    if not _wants_thinking(request):
        chosen = "off"
    elif options.thinking != "off" and listed is not None and "thinking" not in listed:
        losses.add("thinking", "the model does not list the capability `thinking`")
        chosen = "off"
    elif options.thinking == "native" and not thinks_natively:
        losses.add("thinking", "this model refuses to be asked for thinking here")
        chosen = "off"
    else:
        chosen = options.thinking
        if chosen == "off":
            losses.add("thinking", "`settings.thinking` is `off`")
    if chosen == "native" and "budget_tokens" in (request.thinking or {}):
        losses.add("thinking.budget_tokens", "the service decides how much, by the effort alone")
    if effort is not None and chosen != "native":
        losses.add("output_config.effort", "it is sent with native thinking only")
    for member in request.output_config or {}:
        if member != "effort":
            losses.add(f"output_config.{member}", "this service has no such field")
    return chosen


def _readable_thinking(request: MessagesRequest, asked: str) -> str:
    """What of the reply is thinking for the client: thoughts that come unasked are given to one who wanted them."""
    return "native" if asked == "off" and _wants_thinking(request) else asked


def _native_thinking(request: MessagesRequest) -> dict[str, Any]:
    effort = (request.output_config or {}).get("effort")
    fields: dict[str, Any] = {"thinking": {"type": "adaptive", "display": "summarized"}}
    return fields | ({"output_config": {"effort": effort}} if effort in _EFFORTS else {})


def _system_text(request: MessagesRequest, thinking: str, losses: Losses) -> str:
    texts: list[str] = []
    for block in request.system:
        if block.cache_control is not None:
            losses.add("system.cache_control", "this service decides itself what it caches")
        if block.type != "text":
            losses.add(f"system.{block.type}", "this service has no such block")
        elif block.text.startswith(BILLING_LINE):
            losses.add("system", "the client's billing line is for its vendor only")
        elif block.text:
            texts.append(block.text)
    if thinking == "simulated":
        budget = (request.thinking or {}).get("budget_tokens")
        tokens = budget if isinstance(budget, int) else SIMULATED_BUDGET_TOKENS
        texts.insert(0, f"<thinking_mode>enabled</thinking_mode><max_thinking_length>{tokens}</max_thinking_length>")
    return "\n".join(texts)


def _add_system(messages: list[dict[str, Any]], system: str, options: Options) -> None:
    """Puts the system text where the service reads it first."""
    if not system.strip():
        return
    if options.system_mode == "pair":
        messages[:0] = [user_message(system), assistant_message(AGREED)]
        return
    first = messages[0]["userInputMessage"]
    content = f"{system}\n\n{first['content']}" if first["content"] else system
    first |= user_message(content)["userInputMessage"]


def _takes(ask: Ask, capability: str) -> bool:
    """Whether the model takes it: by its listed capabilities, where the configuration lists any."""
    capabilities = ask.model_spec.capabilities if ask.model_spec is not None else None
    return capabilities is None or capability in capabilities


def _list_unread(ask: Ask, losses: Losses) -> None:
    lose_chat_only(ask.request, (), losses)
    for name, raw in ask.request.fields.items():
        if name not in _READ_FIELDS and bytes(raw) != b"null":
            losses.add(name, "this service has no such field")
    betas = [beta for beta in ask.headers.get("anthropic-beta", "").split(",") if beta.strip()]
    losses.add("header.anthropic-beta", "betas are the vendor's own", len(betas))
    losses.add("text", "a lone surrogate is no character and became U+FFFD", ask.request.replaced_surrogates)


def _conversation_id(ask: Ask) -> str:
    """The client's session, so that the turns of one are one conversation upstream; else a UUID of its own."""
    session = session_of(ask.request, ask.headers) or ""
    return session.lower() if _UUID.fullmatch(session) else str(uuid5(NAMESPACE_OID, ask.new_id()))


def _estimate(body: bytes, messages: list[dict[str, Any]]) -> int:
    """Tokens of the input: a quarter of its bytes, which fits both Latin and CJK text; an image counts by Anthropic's size at most."""
    images = [
        image["source"]["bytes"]
        for message in messages
        for image in message.get("userInputMessage", {}).get("images", ())
    ]
    text_bytes = len(body) - sum(len(image) for image in images)
    return max(1, text_bytes // BYTES_PER_TOKEN) + sum(_image_tokens(len(image)) for image in images)


def _image_tokens(base64_chars: int) -> int:
    """About 1,100 tokens per megabyte, between a thumbnail's and the most an image can cost."""
    return min(1_600, max(100, base64_chars * 3 // 4 * 1_100 // 1_000_000))
