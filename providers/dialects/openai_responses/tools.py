"""Functions, the choice among them and the server's own search, as the Responses API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from providers.dialects.losses import Losses
from providers.dialects.offer import Declared, Function, lose_search
from providers.dialects.openai_responses.settings import Options
from providers.dialects.tool_schemas.clean import cleaned, cleaned_strict
from schemas.request import MessagesRequest, Tool

SOURCES = "web_search_call.action.sources"
"""What `include` names so that a search says which pages it read."""


def tools_of(
    request: MessagesRequest,
    declared: Declared,
    search: Tool | None,
    options: Options,
    names: Mapping[str, str],
    losses: Losses,
) -> dict[str, Any]:
    """The members `tools`, `tool_choice`, `parallel_tool_calls` and `max_tool_calls`, where there are any; functions are JSON already."""
    if search is not None and options.web_search == "drop":
        lose_search(search, "`webSearch` is `drop`", losses)
        search = None
    losses.add_all(declared.written)
    tools: list[Raw | dict[str, Any]] = list(declared.functions.values())
    if search is not None:
        tools.append(_search(search, options, losses))
    out: dict[str, Any] = {"tools": tools} if tools else {}
    if search is not None and isinstance(search.max_uses, int):
        out["max_tool_calls"] = search.max_uses
    return out | _choice(request, declared.functions, search, names, losses)


def declaration(name: str, function: Function, losses: Losses) -> dict[str, Any]:
    """A function; this API takes one as strict unless told otherwise."""
    out: dict[str, Any] = {"type": "function", "name": name}
    if function.description:
        out["description"] = function.description
    if function.strict:
        strict = cleaned_strict(function.schema, losses)
        if strict is not None:
            return out | {"parameters": strict, "strict": True}
        losses.add("tools.strict", "strict mode cannot express the schema")
    return out | {"parameters": cleaned(function.schema, "plain", losses), "strict": False}


def _search(tool: Tool, options: Options, losses: Losses) -> dict[str, Any]:
    out: dict[str, Any] = {"type": options.web_search}
    if isinstance(tool.user_location, dict):
        place = {key: value for key, value in tool.user_location.items() if key != "type" and value is not None}
        out["user_location"] = {"type": "approximate", **place}
    if tool.allowed_domains:
        if options.web_search == "web_search":
            out["filters"] = {"allowed_domains": tool.allowed_domains}
        else:
            losses.add("tools.allowed_domains", "the upstream's search has no such limit")
    if tool.blocked_domains:
        losses.add("tools.blocked_domains", "the upstream's search has no such limit")
    return out


def _choice(
    request: MessagesRequest,
    functions: Mapping[str, Raw],
    search: Tool | None,
    names: Mapping[str, str],
    losses: Losses,
) -> dict[str, Any]:
    choice = request.tool_choice
    if choice is None:
        return {}
    if not functions and search is None:
        if choice.get("type") not in ("auto", "none"):
            losses.add("tool_choice", "no tools are offered")
        return {}
    out: dict[str, Any] = {}
    name = choice.get("name")
    match choice.get("type"):
        case "auto" | "none" as same:
            out["tool_choice"] = same
        case "any":
            out["tool_choice"] = "required"
        case "tool" if name in functions:
            out["tool_choice"] = {"type": "function", "name": names[str(name)]}
        case "tool" if search is not None and name == search.name and not functions:
            out["tool_choice"] = "required"
        case "tool" if search is not None and name == search.name:
            losses.add("tool_choice", "the upstream decides by itself when to search")
        case "tool":
            losses.add("tool_choice", "the chosen tool is not among those sent")
        case _:
            losses.add("tool_choice", "an unknown kind of choice")
    if choice.get("disable_parallel_tool_use") is True:
        out["parallel_tool_calls"] = False
    return out
