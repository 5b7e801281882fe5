"""Functions, the choice among them and Google's search, as Gemini takes them.

Source: `Tool`, `FunctionDeclaration` and `ToolConfig` of the Gemini API. Before generation 3 a request has either
functions or the search.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from msgspec import Raw

from providers.dialects.gemini.settings import Options
from providers.dialects.losses import Losses
from providers.dialects.offer import Function, declared_of, lose_search, search_in
from providers.dialects.tool_schemas.clean import cleaned
from providers.spec import ModelSpec
from schemas.request import MessagesRequest, Tool


class Tools(NamedTuple):
    """The members `tools` and `toolConfig`, where there are any; whether the request offers functions."""

    members: dict[str, Any]
    has_functions: bool


def tools_of(
    request: MessagesRequest,
    model: ModelSpec | None,
    options: Options,
    generation: float,
    names: Mapping[str, str],
    losses: Losses,
) -> Tools:
    """The tools as this API is offered them."""
    declared = declared_of(request, model, names, options.known_tools, partial(_declaration, options))
    losses.add_all(declared.offered)
    offered = functions = declared.functions
    search = _search_of(request, bool(functions), options, generation, losses)
    if search is not None and functions and _chosen(request) == search.name and not _both(options, generation):
        losses.add("tools", "the search was chosen, and this model takes no functions beside it", len(functions))
        functions = {}
    tools: list[dict[str, Any]] = []
    if functions:
        losses.add_all(declared.written)
        tools.append({"functionDeclarations": list(functions.values())})
    if search is not None:
        tools.append({"googleSearch": _google_search(search, losses)})
    out: dict[str, Any] = {"tools": tools} if tools else {}
    config = _calling(request, functions, search, options, names, losses)
    if config:
        out["toolConfig"] = {"functionCallingConfig": config}
    return Tools(out, bool(offered))


def _chosen(request: MessagesRequest) -> object:
    return (request.tool_choice or {}).get("name")


def _both(options: Options, generation: float) -> bool:
    return options.search_beside_tools == "always" or (options.search_beside_tools == "auto" and generation >= 3)


def _search_of(
    request: MessagesRequest, has_functions: bool, options: Options, generation: float, losses: Losses
) -> Tool | None:
    search = search_in(request)
    if search is None:
        return None
    if options.web_search == "drop":
        lose_search(search, "`webSearch` is `drop`", losses)
    elif has_functions and not _both(options, generation) and _chosen(request) != search.name:
        lose_search(search, "this model takes no search beside functions", losses)
    else:
        return search
    return None


def _declaration(options: Options, name: str, function: Function, losses: Losses) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": name}
    if function.description:
        declaration["description"] = function.description
    flavour = "gemini" if options.tool_schema == "subset" else "plain"
    schema = cleaned(function.schema, "gemini" if flavour == "gemini" else "plain", losses)
    if schema is not None:
        declaration["parameters" if flavour == "gemini" else "parametersJsonSchema"] = schema
    return declaration


def _google_search(tool: Tool, losses: Losses) -> dict[str, Any]:
    for member in ("max_uses", "allowed_domains", "user_location", "blocked_domains"):
        if getattr(tool, member) is not None:
            losses.add(f"tools.{member}", "the upstream's search has no such limit")
    return {}


def _calling(
    request: MessagesRequest,
    functions: Mapping[str, Raw],
    search: Tool | None,
    options: Options,
    names: Mapping[str, str],
    losses: Losses,
) -> dict[str, Any]:
    choice = request.tool_choice or {}
    if choice.get("disable_parallel_tool_use") is True and functions:
        losses.add("tool_choice.disable_parallel_tool_use", "this API has no such member")
    if not functions:
        if search is not None and choice.get("name") == search.name:
            losses.add("tool_choice", "the upstream decides by itself when to search")
        elif choice.get("type") not in (None, "auto", "none"):
            losses.add("tool_choice", "no functions are offered")
        return {}
    match choice.get("type"):
        case None | "auto":
            return {"mode": options.tool_mode} if options.tool_mode != "AUTO" or choice else {}
        case "none":
            return {"mode": "NONE"}
        case "any":
            return {"mode": "ANY"}
        case "tool" if choice.get("name") in functions:
            return {"mode": "ANY", "allowedFunctionNames": [names[str(choice["name"])]]}
        case "tool":
            losses.add("tool_choice", "the chosen tool is not among those sent")
        case _:
            losses.add("tool_choice", "an unknown kind of choice")
    return {}
