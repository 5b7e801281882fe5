"""The tools of a request as an API is offered them that knows functions and a search of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from providers.dialects.losses import Losses
from providers.dialects.tool_names import DEFERRED_PLACEHOLDER
from providers.dialects.typed_tools import typed_tool
from providers.spec import ModelSpec
from schemas.request import MessagesRequest, Tool


@dataclass(frozen=True, slots=True)
class Function:
    """A tool that the client runs; `schema` as it came, or ours for one of the vendor's typed tools."""

    description: str
    schema: Raw | UnsetType
    strict: bool = False


@dataclass(slots=True)
class Offer:
    """Functions by the client's name, in the request's order, and the tool that asks for the server's own search."""

    functions: dict[str, Function] = field(default_factory=dict)
    search: Tool | None = None


def offer_of(request: MessagesRequest, model: ModelSpec | None, losses: Losses, *, strict: bool = False) -> Offer:
    """The tools of the request; what is neither function nor search is lost. `strict`: the target has that mode."""
    offer = Offer()
    capabilities = model.capabilities if model is not None else None
    for tool in request.tools or ():
        kind = tool.type or "custom"
        if tool.name == DEFERRED_PLACEHOLDER:
            losses.add(f"tools.{DEFERRED_PLACEHOLDER}", "it stands for tools that are not sent yet")
            continue
        _lose_members(tool, strict, losses)
        if kind.startswith("web_search_"):
            offer.search = tool
        elif capabilities is not None and "tools" not in capabilities:
            losses.add("tools", "the model takes no tools")
        elif tool.name in offer.functions:
            losses.add("tools", "a second tool of the same name")
        elif (function := _function(tool, kind, strict, losses)) is not None:
            offer.functions[tool.name] = function
    return offer


def lose_search(tool: Tool, why: str, losses: Losses) -> None:
    """The search is not asked for."""
    losses.add(f"tools.{tool.type}", why)


def _function(tool: Tool, kind: str, strict: bool, losses: Losses) -> Function | None:
    if kind != "custom" and tool.input_schema is UNSET:
        known = typed_tool(kind)
        if known is None:
            losses.add(f"tools.{kind}", "the vendor's server runs this tool")
            return None
        losses.add(f"tools.{kind}", "sent as an ordinary function")
        return Function(known[0], _raw(known[1]))
    description = tool.description if isinstance(tool.description, str) else ""
    return Function(description, tool.input_schema, strict and tool.strict is True)


def _raw(value: dict[str, Any]) -> Raw:
    return Raw(msgspec.json.encode(value))


def _lose_members(tool: Tool, strict: bool, losses: Losses) -> None:
    if tool.cache_control is not None:
        losses.add("tools.cache_control", "a tool takes no cache mark here")
    if tool.defer_loading is True:
        losses.add("tools.defer_loading", "the tool is sent at once")
    if tool.strict is True and not strict:
        losses.add("tools.strict", "this API has no such mode")
    for member in ("allowed_callers", "input_examples", "eager_input_streaming"):
        if getattr(tool, member) is not None:
            losses.add(f"tools.{member}", "this API has no such member")
