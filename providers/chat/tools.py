"""Tools, and the choice among them, as a Messages request has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.chat.reading import (
    object_at,
    objects_at,
    optional_bool,
    optional_object,
    optional_text,
    text_at,
    under,
    unsupported,
    wrong_type,
    wrong_value,
)
from providers.dialects.losses import Losses
from providers.dialects.tool_schemas.merge import UNIONS, merged, resolved

SEARCH_TOOL = {"type": "web_search_20250305", "name": "web_search"}
_CHOICES = {"none": "none", "auto": "auto", "required": "any", "any": "any"}
"""Words of a choice; `any` is Mistral's for `required`."""


def tools_of(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The members `tools` and `tool_choice`, where the request has tools. Raises `BadChat`."""
    tools = [_tool(tool, place, losses) for place, tool in objects_at(body, "tools")]
    tools += [_function(function, place, losses) for place, function in objects_at(body, "functions")]
    choice, allowed = _choice(body)
    if allowed is not None:
        tools = [tool for tool in tools if tool["name"] in allowed]
    if (search := optional_object(body, "web_search_options")) is not None:
        tools.append(_search(search, losses))
    if not tools:
        if choice is not None and choice["type"] not in ("none", "auto"):
            losses.add("tool_choice", "no tools are offered")
        return {}
    one_at_a_time = optional_bool(body, "parallel_tool_calls") is False or asks_with_functions(body)
    if one_at_a_time and (choice is None or choice["type"] != "none"):
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tools": tools} | ({"tool_choice": choice} if choice is not None else {})


def asks_with_functions(body: Mapping[str, Any]) -> bool:
    """Whether tools come in the older form, so that calls are to be told in it."""
    return bool(body.get("functions")) and not body.get("tools")


def _tool(tool: Mapping[str, Any], place: str, losses: Losses) -> dict[str, Any]:
    # Some clients leave out what nearly every tool says.
    kind = "function" if "type" not in tool and "function" in tool else text_at(tool, "type", place)
    if kind != "function":
        raise unsupported(under(place, "type"), f"tools of type `{kind}` cannot be passed on, only `function`")
    made = _function(object_at(tool, "function", place), under(place, "function"), losses)
    if tool.get("cache_control") is not None:
        made["cache_control"] = tool["cache_control"]
    return made


def _function(function: Mapping[str, Any], place: str, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {"name": text_at(function, "name", place)}
    if not made["name"]:
        raise wrong_value(under(place, "name"), "expected at least one character")
    if description := optional_text(function, "description", place):
        made["description"] = description
    made["input_schema"] = _schema(optional_object(function, "parameters", place) or {}, losses)
    if optional_bool(function, "strict", place):
        made["strict"] = True
    return made


def _schema(parameters: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """The parameters as an object's schema: no reference or choice at its root, which the vendor refuses."""
    schema = resolved(parameters, parameters)
    for union in UNIONS:
        if union in schema:
            losses.add("tools.function.parameters", f"`{union}` at the root became one object with all properties")
            schema = merged(schema, union, parameters)
    if schema.get("type") != "object":
        schema = {"type": "object", **{key: value for key, value in schema.items() if key != "type"}}
    return schema if isinstance(schema.get("properties"), dict) else {**schema, "properties": {}}


def _choice(body: Mapping[str, Any]) -> tuple[dict[str, Any] | None, set[str] | None]:
    """`tool_choice` (or the older `function_call`) and, where it limits them, the names of the tools that may be called."""
    member = "tool_choice" if body.get("tool_choice") is not None else "function_call"
    given = body.get(member)
    if given is None:
        return None, None
    if isinstance(given, str):
        if given not in _CHOICES:
            raise wrong_value(member, f"`{given}` is none of {', '.join(f'`{word}`' for word in _CHOICES)}")
        return {"type": _CHOICES[given]}, None
    if not isinstance(given, dict):
        raise wrong_type(member, given, "one of a string or an object")
    if member == "function_call":
        return {"type": "tool", "name": text_at(given, "name", member)}, None
    match text_at(given, "type", member):
        case "function":
            place = under(member, "function")
            return {"type": "tool", "name": text_at(object_at(given, "function", member), "name", place)}, None
        case "allowed_tools":
            return _allowed(object_at(given, "allowed_tools", member), under(member, "allowed_tools"))
        case kind:
            raise unsupported(under(member, "type"), f"a choice of type `{kind}` cannot be passed on")


def _allowed(given: Mapping[str, Any], place: str) -> tuple[dict[str, Any], set[str]]:
    mode = text_at(given, "mode", place)
    if mode not in ("auto", "required"):
        raise wrong_value(under(place, "mode"), f"`{mode}` is none of `auto`, `required`")
    names = {
        text_at(object_at(tool, "function", where), "name", under(where, "function"))
        for where, tool in objects_at(given, "tools", place)
    }
    return {"type": _CHOICES[mode]}, names


def _search(options: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    place = "web_search_options"
    if options.get("search_context_size") is not None:
        losses.add(f"{place}.search_context_size", "a Messages request has no such member")
    location = optional_object(options, "user_location", place)
    where = optional_object(location, "approximate", f"{place}.user_location") if location else None
    return SEARCH_TOOL | ({"user_location": {"type": "approximate", **where}} if where else {})
