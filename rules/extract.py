"""How each fact is read from a request: one small function per fact, one pass for those of the messages.

Sources: the Anthropic Messages API for the body; for session, class and agent, what recorded clients send
(headers since 2.1, `metadata.user_id` in its JSON and its older `_session_` form, the billing line of `system`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rules.nodes import Value
from schemas.request import DEFAULT_MAX_TOKENS, Block, Envelope, Message, MessagesRequest, Tool

DEFERRED_PLACEHOLDER = "DeferredToolPlaceholder"
BILLING_PREFIX = "x-anthropic-billing-header"
_SUFFIX = re.compile(r"\[[12]m\]\Z")
_REMINDER_OPEN, _REMINDER_CLOSE = "<system-reminder>", "</system-reminder>"


def plain_model(model: str) -> str:
    """The model's name without the client's window suffix."""
    return _SUFFIX.sub("", model) if model.endswith("]") else model


def offered_tools(request: MessagesRequest) -> list[Tool]:
    """The tools but the placeholder that stands for deferred ones."""
    return [tool for tool in request.tools or () if tool.name != DEFERRED_PLACEHOLDER]


def is_server_tool(tool: Tool) -> bool:
    """Whether the upstream is to run it: it has a type of its own and no schema."""
    return tool.type is not None and tool.type != "custom" and tool.input_schema is msgspec.UNSET


def system_texts(request: MessagesRequest) -> list[str]:
    """The texts of `system`, without the client's billing line."""
    texts = [block.text for block in request.system if block.type == "text" and type(block.text) is str]
    return texts[1:] if texts and texts[0].startswith(BILLING_PREFIX) else texts


def billing_of(request: MessagesRequest) -> dict[str, str]:
    """The `key=value` pairs of the client's billing line; none without it."""
    if not request.system:
        return {}
    text = request.system[0].text
    if not isinstance(text, str) or not text.startswith(BILLING_PREFIX):
        return {}
    pairs = (part.partition("=") for part in text.partition(":")[2].split(";"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def without_reminders(text: str) -> str:
    """The text without `<system-reminder>` parts; trimmed only where one was cut out. An unclosed one stays."""
    if _REMINDER_OPEN not in text:
        return text
    kept, at = [], 0
    while (start := text.find(_REMINDER_OPEN, at)) >= 0:
        end = text.find(_REMINDER_CLOSE, start)
        if end < 0:
            break
        kept.append(text[at:start])
        at = end + len(_REMINDER_CLOSE)
    if at == 0:
        return text
    kept.append(text[at:])
    return "".join(kept).strip()


def texts_of(message: Message) -> list[str]:
    """The texts of a message's own text blocks."""
    if isinstance(message.content, str):
        return [message.content]
    return [block.text for block in message.content if block.type == "text" and type(block.text) is str]


def nested_of(block: Block) -> list[Mapping[str, Any]]:
    """The blocks inside a tool result that is a list; the items that are no objects are left out."""
    content = block.content
    return [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []


def read_messages(request: MessagesRequest) -> dict[str, Value]:
    """The facts in `MESSAGE_FACTS`, by one pass over the messages."""
    length, results = sum(map(len, system_texts(request))), False
    kinds: set[str] = set()
    for message in request.messages:
        content = message.content
        if isinstance(content, str):
            length += len(content)
            continue
        for block in content:
            kind = block.type
            if kind == "text":
                length += len(block.text or "")
            elif kind.endswith("tool_result"):
                results = True
                length += len(block.content) if isinstance(block.content, str) else 0
                for item in nested_of(block):
                    inner, text = item.get("type"), item.get("text")
                    kinds.add(str(inner))
                    if inner == "text" and isinstance(text, str):
                        length += len(text)
            else:
                kinds.add(kind)
    return {
        "messageCount": len(request.messages),
        "messageLength": length,
        "hasImages": "image" in kinds,
        "hasDocuments": "document" in kinds,
        "hasToolResults": results,
    }


MESSAGE_FACTS = frozenset({"messageCount", "messageLength", "hasImages", "hasDocuments", "hasToolResults"})


def read_header(envelope: Envelope, name: str) -> str | None:
    """A header by its name in lower case."""
    headers = envelope.headers
    return None if headers is None else headers.get(name)


def read_provider_state(envelope: Envelope, provider: str, key: str) -> Value | None:
    """`health` or `inflight` of a provider; None where nobody said."""
    states = envelope.provider_state
    value = None if states is None else states.get(provider, {}).get(key)
    return value if isinstance(value, (str, int)) else None


def _tool_choice(envelope: Envelope) -> Value | None:
    return _text((envelope.request.tool_choice or {}).get("type"))


def _has_tools(envelope: Envelope) -> bool:
    tools = envelope.request.tools
    return False if not tools else any(tool.name != DEFERRED_PLACEHOLDER for tool in tools)


def _tool_count(envelope: Envelope) -> int:
    return len(offered_tools(envelope.request))


def _tool_names(envelope: Envelope) -> frozenset[str]:
    return frozenset(tool.name for tool in offered_tools(envelope.request))


def _server_tools(envelope: Envelope) -> frozenset[str]:
    tools = envelope.request.tools
    return (
        frozenset()
        if not tools
        else frozenset(
            str(tool.type)
            for tool in tools
            if tool.type is not None and is_server_tool(tool) and tool.name != DEFERRED_PLACEHOLDER
        )
    )


def _thinking(envelope: Envelope) -> Value | None:
    thinking = envelope.request.thinking
    return "none" if thinking is None else _text(thinking.get("type"))


def _thinking_budget(envelope: Envelope) -> Value | None:
    thinking = envelope.request.thinking or {}
    budget = thinking.get("budget_tokens")
    enabled = thinking.get("type") == "enabled" and isinstance(budget, int) and not isinstance(budget, bool)
    return budget if enabled else None


def _effort(envelope: Envelope) -> Value | None:
    return _text((envelope.request.output_config or {}).get("effort"))


def _betas(envelope: Envelope) -> frozenset[str] | None:
    if envelope.headers is None:
        return None
    names = (name.strip() for name in envelope.headers.get("anthropic-beta", "").split(","))
    return frozenset(name for name in names if name)


def _session_id(envelope: Envelope) -> Value | None:
    said = read_header(envelope, "x-claude-code-session-id")
    if said:
        return said
    user_id = (envelope.request.metadata or {}).get("user_id")
    if not isinstance(user_id, str):
        return None
    if user_id.startswith("{"):
        try:
            session = msgspec.json.decode(user_id).get("session_id")
        except (msgspec.DecodeError, RecursionError):
            return None
        return _text(session) or None
    return user_id.rpartition("_session_")[2] if "_session_" in user_id else None


def _request_class(envelope: Envelope) -> Value | None:
    headers = envelope.headers or {}
    said = headers.get("x-claude-code-request-class")
    if said:
        return said
    if headers.get("x-claude-code-compaction"):
        return "compaction"
    return "subagent" if _is_marked_subagent(envelope) else None


def _agent_type(envelope: Envelope) -> Value | None:
    return read_header(envelope, "x-claude-code-agent-type") or None


def _subagent(envelope: Envelope) -> bool:
    said = read_header(envelope, "x-claude-code-request-class")
    return said == "subagent" if said else _is_marked_subagent(envelope)


def _is_marked_subagent(envelope: Envelope) -> bool:
    if read_header(envelope, "x-claude-code-agent-id"):
        return True
    return billing_of(envelope.request).get("cc_is_subagent", "").lower() == "true"


def _last_user_text(envelope: Envelope) -> str | None:
    for message in reversed(envelope.request.messages):
        if message.role != "user":
            continue
        parts = [without_reminders(text) for text in texts_of(message)]
        said = [part for part in parts if part.strip()]
        if said:
            return "\n".join(said)
    return None


def _spoken_text(envelope: Envelope) -> str:
    """All text of user and assistant for keywords, case folded; NUL keeps texts apart, so that no word spans two."""
    parts = []
    for message in envelope.request.messages:
        if message.role == "user":
            parts += [without_reminders(text) for text in texts_of(message)]
        elif message.role == "assistant":
            parts += texts_of(message)
    return "\0".join(parts).casefold()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _max_tokens(envelope: Envelope) -> int:
    """The limit of the answer; a client of an API that does not demand one may have named none."""
    limit = envelope.request.max_tokens
    return DEFAULT_MAX_TOKENS if limit is None else limit


READERS: Mapping[str, Callable[[Envelope], Value | None]] = {
    "model": lambda envelope: plain_model(envelope.request.model),
    "stream": lambda envelope: envelope.request.stream if envelope.path == "messages" else None,
    "maxTokens": lambda envelope: _max_tokens(envelope) if envelope.path == "messages" else None,
    "temperature": lambda envelope: envelope.request.temperature,
    "toolChoice": _tool_choice,
    "path": lambda envelope: envelope.path,
    "hasTools": _has_tools,
    "toolCount": _tool_count,
    "toolNames": _tool_names,
    "serverTools": _server_tools,
    "thinking": _thinking,
    "thinkingBudget": _thinking_budget,
    "effort": _effort,
    "betas": _betas,
    "sessionId": _session_id,
    "clientKey": lambda envelope: envelope.client_key,
    "clientIp": lambda envelope: envelope.client_ip,
    "tags": lambda envelope: envelope.tags,
    "requestClass": _request_class,
    "agentType": _agent_type,
    "subagent": _subagent,
    "lastUserText": _last_user_text,
    "systemText": lambda envelope: "\n".join(system_texts(envelope.request)),
    "contentKeywords": _spoken_text,
}
"""Fact -> its value, None where the request has none."""
