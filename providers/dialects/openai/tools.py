"""Tools, the choice among them and the server's own search, as the upstream takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, field

from providers.dialects.losses import Losses
from providers.dialects.offer import lose_members
from providers.dialects.openai.options import Options
from providers.dialects.tool_names import DEFERRED_PLACEHOLDER
from providers.dialects.tool_schemas.clean import cleaned, cleaned_strict
from providers.dialects.typed_tools import typed_tool
from providers.spec import ModelSpec
from schemas.request import MessagesRequest, Tool


class Offer(Struct):
    """What the upstream is offered: functions by the client's name, as JSON, and members of the body for its own search."""

    functions: dict[str, Raw] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    search_names: set[str] = field(default_factory=set)


def offer_of(
    request: MessagesRequest, options: Options, model: ModelSpec | None, names: Mapping[str, str], losses: Losses
) -> Offer:
    """The tools of the request in their order, each as a function, as the upstream's search, or lost."""
    capabilities = model.capabilities if model is not None else None
    text = request.fields.get("tools")
    known = options.offers.get(text, capabilities) if text is not None else None
    if known is None:
        lost = Losses()
        known = _offer(request, options, capabilities, names, lost), lost
        # A name that is sent as it is does not depend on the request's other names.
        if text is not None and all(names[name] == name for name in known[0].functions):
            options.offers.keep(text, capabilities, known)
    losses.add_all(known[1])
    return known[0]


def _offer(
    request: MessagesRequest,
    options: Options,
    capabilities: frozenset[str] | None,
    names: Mapping[str, str],
    losses: Losses,
) -> Offer:
    offer = Offer()
    for tool in request.tools or ():
        kind = tool.type or "custom"
        if tool.name == DEFERRED_PLACEHOLDER:
            losses.add(f"tools.{DEFERRED_PLACEHOLDER}", "it stands for tools that are not sent yet")
            continue
        lose_members(tool, options.tool_schema == "strict", losses, "`toolSchema` is not `strict`")
        if kind.startswith("web_search_"):
            able = capabilities is not None and "webSearch" in capabilities
            _search(tool, options, able, offer, losses)
            continue
        if capabilities is not None and "tools" not in capabilities:
            losses.add("tools", "the model takes no tools")
        elif tool.name in offer.functions:
            losses.add("tools", "a second tool of the same name")
        elif (function := _function(tool, kind, options, names, losses)) is not None:
            offer.functions[tool.name] = Raw(msgspec.json.encode({"type": "function", "function": function}))
    return offer


def choice_of(
    request: MessagesRequest, offer: Offer, options: Options, names: Mapping[str, str], losses: Losses
) -> dict[str, Any]:
    """`tool_choice` and `parallel_tool_calls`, where tools are offered at all."""
    choice = request.tool_choice
    if choice is None:
        return {}
    if not offer.functions:
        name = choice.get("name")
        if name in offer.search_names:
            losses.add("tool_choice", "the upstream decides by itself when to search")
        elif choice.get("type") not in ("auto", "none"):
            losses.add("tool_choice", "no tools are offered")
        return {}
    out: dict[str, Any] = {}
    match choice.get("type"):
        case "auto" | "none" as same:
            out["tool_choice"] = same
        case "any" | "tool" if not options.forced_calls:
            losses.add("tool_choice", "the upstream refused to force a call")
        case "any":
            out["tool_choice"] = "required"
        case "tool" if choice.get("name") in offer.functions:
            out["tool_choice"] = {"type": "function", "function": {"name": names[choice["name"]]}}
        case "tool":
            losses.add("tool_choice", "the chosen tool is not among those sent")
        case _:
            losses.add("tool_choice", "an unknown kind of choice")
    if choice.get("disable_parallel_tool_use") is True:
        out["parallel_tool_calls"] = False
    return out


def _function(
    tool: Tool, kind: str, options: Options, names: Mapping[str, str], losses: Losses
) -> dict[str, Any] | None:
    function: dict[str, Any] = {"name": names[tool.name]}
    if kind != "custom" and tool.input_schema is UNSET:
        known = typed_tool(kind)
        if known is None:
            losses.add(f"tools.{kind}", "the vendor's server runs this tool")
            return None
        losses.add(f"tools.{kind}", "sent as an ordinary function")
        return function | {"description": known[0], "parameters": known[1]}
    if isinstance(tool.description, str) and tool.description:
        function["description"] = tool.description
    if tool.strict is True and options.tool_schema == "strict":
        strict = cleaned_strict(tool.input_schema, losses)
        if strict is not None:
            return function | {"parameters": strict, "strict": True}
        losses.add("tools.strict", "strict mode cannot express the schema")
    parameters = cleaned(tool.input_schema, options.tool_schema, losses)
    if parameters is not None:
        function["parameters"] = parameters
    return function


def _search(tool: Tool, options: Options, able: bool, offer: Offer, losses: Losses) -> None:
    if not able or options.web_search == "drop":
        why = "`webSearch` is `drop`" if able else "the model does not list the capability `webSearch`"
        losses.add(f"tools.{tool.type}", why)
        return
    for member in ("max_uses", "allowed_domains", "blocked_domains"):
        if getattr(tool, member) is not None:
            losses.add(f"tools.{member}", "the upstream's search has no such limit")
    offer.search_names.add(tool.name)
    if options.web_search == "plugin":
        offer.search = {"plugins": [{"id": "web"}]}
        if tool.user_location is not None:
            losses.add("tools.user_location", "the upstream's search takes no place")
        return
    offer.search = {"web_search_options": {}}
    if isinstance(tool.user_location, dict):
        place = {key: value for key, value in tool.user_location.items() if key != "type" and value is not None}
        offer.search = {"web_search_options": {"user_location": {"type": "approximate", "approximate": place}}}
