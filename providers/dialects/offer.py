"""The tools of a request as an API is offered them that knows functions and a search of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from providers.dialects.losses import Losses
from providers.dialects.tool_names import DEFERRED_PLACEHOLDER
from providers.dialects.typed_tools import typed_tool
from providers.spec import ModelSpec
from schemas.recent import Recent
from schemas.request import MessagesRequest, Tool


class Function(Struct, frozen=True):
    """A tool that the client runs; `schema` as it came, or ours for one of the vendor's typed tools."""

    description: str
    schema: Raw | UnsetType
    strict: bool = False


class Declared(Struct, frozen=True):
    """Functions as an API declares them, JSON by the client's name in the request's order; what offering and writing them lost."""

    functions: Mapping[str, Raw]
    offered: Losses
    written: Losses


Declare: TypeAlias = Callable[[str, Function, Losses], dict[str, Any]]
"""A function under the name it is sent with, as the API declares it."""


def declared_of(
    request: MessagesRequest,
    model: ModelSpec | None,
    names: Mapping[str, str],
    known: Recent[Declared],
    declare: Declare,
    *,
    strict: bool = False,
) -> Declared:
    """The functions of the request, made once for a session's tools. `strict`: the target has that mode."""
    text = request.fields.get("tools")
    capabilities = model.capabilities if model is not None else None
    declared = known.get(text, capabilities) if text is not None else None
    if declared is not None and all(names[name] == name for name in declared.functions):
        return declared
    declared = _declared(request, capabilities, names, declare, strict)
    # A name that is sent as it is does not depend on the request's other names.
    if text is not None and all(names[name] == name for name in declared.functions):
        known.keep(text, capabilities, declared)
    return declared


def search_in(request: MessagesRequest) -> Tool | None:
    """The tool that asks for the server's own search."""
    searches = [tool for tool in request.tools or () if _is_search(tool)]
    return searches[-1] if searches else None


def _is_search(tool: Tool) -> bool:
    return (tool.type or "").startswith("web_search_") and tool.name != DEFERRED_PLACEHOLDER


def _declared(
    request: MessagesRequest,
    capabilities: frozenset[str] | None,
    names: Mapping[str, str],
    declare: Declare,
    strict: bool,
) -> Declared:
    losses, written = Losses(), Losses()
    functions: dict[str, Raw] = {}
    for tool in request.tools or ():
        kind = tool.type or "custom"
        if tool.name == DEFERRED_PLACEHOLDER:
            losses.add(f"tools.{DEFERRED_PLACEHOLDER}", "it stands for tools that are not sent yet")
            continue
        lose_members(tool, strict, losses, "this API has no such mode")
        if kind.startswith("web_search_"):
            continue
        if capabilities is not None and "tools" not in capabilities:
            losses.add("tools", "the model takes no tools")
        elif tool.name in functions:
            losses.add("tools", "a second tool of the same name")
        elif (function := _function(tool, kind, strict, losses)) is not None:
            functions[tool.name] = _raw(declare(names[tool.name], function, written))
    return Declared(functions, losses, written)


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


def lose_members(tool: Tool, strict: bool, losses: Losses, not_strict: str) -> None:
    """Lists what of a tool a function has no place for; `not_strict`: why it is not `strict` where it is not to be."""
    if tool.cache_control is not None:
        losses.add("tools.cache_control", "a tool takes no cache mark here")
    if tool.defer_loading is True:
        losses.add("tools.defer_loading", "the tool is sent at once")
    if tool.strict is True and not strict:
        losses.add("tools.strict", not_strict)
    for member in ("allowed_callers", "input_examples", "eager_input_streaming"):
        if getattr(tool, member) is not None:
            losses.add(f"tools.{member}", "this API has no such member")
