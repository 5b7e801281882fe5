"""The `tools` of a request: what is declared, and what the conversation's calls need declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from providers.dialects.codewhisperer.names import sent_names
from providers.dialects.codewhisperer.schemas import sendable_schema
from providers.dialects.losses import Losses
from providers.dialects.typed_tools import typed_tool
from schemas.recent import Recent
from schemas.request import MessagesRequest, Tool

MAX_DESCRIPTION_CHARS = 10_000
NO_LONGER = "Was available earlier in this conversation; cannot be used now."
DEFERRED_PLACEHOLDER = "DeferredToolPlaceholder"
"""Claude Code's stand-in for tools it has not sent yet; it can never be called."""


class Declared(Struct, frozen=True):
    """The entries of the declared tools, JSON by the client's name; what taking them up and writing them lost."""

    entries: Mapping[str, Raw]
    taken: Losses
    written: Losses


def specifications(
    request: MessagesRequest,
    used: Iterable[str],
    losses: Losses,
    known: Recent[Declared] | None = None,
    *,
    takes_tools: bool = True,
) -> tuple[list[Any], Mapping[str, str]]:
    """The entries to send, and the client's names -> names as sent, for declared and for `used` names.

    A call in the history needs its tool declared: one that no longer is gets an entry that says so. `tool_choice`
    `none` can only be obeyed by sending no tools, which calls in the history forbid. `known` is what was made of tools
    lately.
    """
    used = tuple(dict.fromkeys(used))
    made, names = _made(request, used, known)
    losses.add_all(made.taken)
    declared = made.entries
    if declared and not takes_tools:
        losses.add("tools", "the model takes no tools")
        declared = {}
    if _choice(request) == "none" and not used:
        declared = {}
    elif declared and _choice(request) not in ("auto", None):
        losses.add("tool_choice", "this service has no such field; the model chooses itself")
    elif _choice(request) not in ("auto", "none", None):
        losses.add("tool_choice", "no tools are offered")
    if declared and (request.tool_choice or {}).get("disable_parallel_tool_use") is True:
        losses.add("tool_choice.disable_parallel_tool_use", "this service has no such field")
    if declared:
        losses.add_all(made.written)
    else:
        names = sent_names(used)
    entries: list[Any] = list(declared.values())
    for name in used:
        if name not in declared:
            losses.add("tools", "a tool that earlier turns call is not declared: it is sent as no longer available")
            entries.append(_specification(names[name], NO_LONGER, {"type": "object", "properties": {}}))
    return entries, names


def _made(
    request: MessagesRequest, used: tuple[str, ...], known: Recent[Declared] | None
) -> tuple[Declared, Mapping[str, str]]:
    """The declared tools as entries, and all names; both are those of the last time where no name has to be changed."""
    text = request.fields.get("tools")
    made = known.get(text, None) if known is not None and text is not None else None
    if made is not None:
        names = sent_names((*made.entries, *used))
        if all(names[name] == name for name in made.entries):
            return made, names
    taken, written = Losses(), Losses()
    tools = _declared(request.tools or (), taken)
    names = sent_names((*tools, *used))
    made = Declared(
        {name: Raw(msgspec.json.encode(_entry(names[name], tool, written))) for name, tool in tools.items()},
        taken,
        written,
    )
    if known is not None and text is not None and all(names[name] == name for name in tools):
        known.keep(text, None, made)
    return made, names


def _choice(request: MessagesRequest) -> object:
    return None if request.tool_choice is None else request.tool_choice.get("type")


def _declared(tools: Iterable[Tool], losses: Losses) -> dict[str, Tool]:
    """The tools that the client runs, by name. A deferred tool that is listed is sent as any other."""
    declared: dict[str, Tool] = {}
    for tool in tools:
        if tool.name == DEFERRED_PLACEHOLDER:
            losses.add(f"tools.{DEFERRED_PLACEHOLDER}", "it stands for tools that are not sent yet")
            continue
        if tool.input_schema is UNSET and tool.type not in (None, "custom") and typed_tool(tool.type) is None:
            losses.add(f"tools.{tool.type}", "the vendor's server runs this tool")
        elif tool.name in declared:
            losses.add("tools", "a second tool of the same name")
        else:
            declared[tool.name] = tool
        _lose_members(tool, losses)
    return declared


def _entry(name: str, tool: Tool, losses: Losses) -> dict[str, Any]:
    typed = typed_tool(tool.type) if tool.type is not None and tool.input_schema is UNSET else None
    if typed is not None:
        losses.add(f"tools.{tool.type}", "sent as an ordinary function")
        return _specification(name, typed[0], sendable_schema(typed[1], losses))
    description = tool.description if isinstance(tool.description, str) else ""
    description = next((text for text in (description, tool.name) if text.strip()), name)
    if len(description) > MAX_DESCRIPTION_CHARS:
        losses.add("tools.description", f"cut at {MAX_DESCRIPTION_CHARS} characters, more are refused")
        description = description[:MAX_DESCRIPTION_CHARS]
    return _specification(name, description, sendable_schema(_decoded(tool), losses))


def _decoded(tool: Tool) -> object:
    """The schema's value; one that cannot be read, by its depth or a number out of range, counts as no object."""
    if tool.input_schema is UNSET:
        return None
    try:
        return msgspec.json.decode(tool.input_schema)
    except (msgspec.DecodeError, RecursionError):
        return ()


def _specification(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"toolSpecification": {"name": name, "description": description, "inputSchema": {"json": schema}}}


def _lose_members(tool: Tool, losses: Losses) -> None:
    if tool.cache_control is not None:
        losses.add("tools.cache_control", "this service decides itself what it caches")
    if tool.defer_loading is True:
        losses.add("tools.defer_loading", "the tool is sent at once")
    for member in ("strict", "allowed_callers", "input_examples", "eager_input_streaming"):
        if getattr(tool, member) not in (None, False):
            losses.add(f"tools.{member}", "this service has no such member")
