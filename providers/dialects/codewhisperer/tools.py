"""The `tools` of a request: what is declared, and what the conversation's calls need declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from providers.dialects.codewhisperer.names import sent_names
from providers.dialects.codewhisperer.schemas import sendable_schema
from providers.dialects.losses import Losses
from schemas.request import MessagesRequest, Tool

MAX_DESCRIPTION_CHARS = 10_000
DEFERRED_PLACEHOLDER = "DeferredToolPlaceholder"
"""Claude Code's stand-in for tools it has not sent yet; it can never be called."""


def specifications(
    request: MessagesRequest, used: Iterable[str], losses: Losses
) -> tuple[list[dict[str, Any]], Mapping[str, str]]:
    """The entries to send, and the client's names -> names as sent, for declared and for `used` names.

    A call in the history needs its tool declared: one that no longer is gets an entry that says so. `tool_choice` `none` can only be
    obeyed by sending no tools, which calls in the history forbid.
    """
    used = tuple(dict.fromkeys(used))
    declared = _declared(request.tools or (), losses)
    if _choice(request) == "none" and not used:
        declared = {}
    elif _choice(request) not in ("auto", None):
        losses.add("tool_choice", "this service has no such field; the model chooses itself")
    names = sent_names((*declared, *used))
    entries = [_entry(names[name], tool, losses) for name, tool in declared.items()]
    for name in used:
        if name not in declared:
            losses.add("tools", "a tool that earlier turns call is not declared: it is sent as no longer available")
            entries.append(
                _specification(names[name], "Was available earlier in this conversation; cannot be used now.", {})
            )
    return entries, names


def _choice(request: MessagesRequest) -> object:
    return None if request.tool_choice is None else request.tool_choice.get("type")


def _declared(tools: Iterable[Tool], losses: Losses) -> dict[str, Tool]:
    """The client's own tools by name. A deferred tool that is listed is sent as any other."""
    declared: dict[str, Tool] = {}
    for tool in tools:
        if tool.name == DEFERRED_PLACEHOLDER and tool.defer_loading:
            continue
        if tool.input_schema is UNSET and tool.type not in (None, "custom"):
            losses.add(f"tools.{tool.type}", "this service knows tools with a schema only")
        elif tool.name in declared:
            losses.add("tools", "a second tool of the same name is left out")
        else:
            declared[tool.name] = tool
        if tool.cache_control is not None:
            losses.add("cache_control", "this service decides itself what it caches")
    return declared


def _entry(name: str, tool: Tool, losses: Losses) -> dict[str, Any]:
    description = tool.description if isinstance(tool.description, str) and tool.description.strip() else tool.name
    if not description.strip():
        description = name
    if len(description) > MAX_DESCRIPTION_CHARS:
        losses.add("tools.description", f"cut at {MAX_DESCRIPTION_CHARS} characters, more are refused")
        description = description[:MAX_DESCRIPTION_CHARS]
    schema, merged = sendable_schema({} if tool.input_schema is UNSET else msgspec.json.decode(tool.input_schema))
    if merged:
        losses.add("tools.input_schema", "a union at the top is refused: its branches were merged")
    if tool.strict is True:
        losses.add("tools.strict", "this service has no such field")
    return _specification(name, description, schema)


def _specification(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    json_schema = schema or {"type": "object", "properties": {}}
    return {"toolSpecification": {"name": name, "description": description, "inputSchema": {"json": json_schema}}}
