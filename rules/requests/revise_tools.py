"""The tools of a request changed so that their names, types and number are as wanted."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from rules.extract import DEFERRED_PLACEHOLDER
from rules.requests.spare import spare_names
from rules.requests.wanted import Wanted

_DATE = re.compile(r"_\d{8}\Z")
_FACTS = ("toolNames", "serverTools")


def revise_tools(body: dict[str, Any], wanted: Wanted) -> None:
    """Takes out tools that may not be there, adds those that must, and others until there are as many as wanted."""
    count = _count_of(wanted)
    if count is None and not any(fact in wanted.members or fact in wanted.sizes for fact in _FACTS):
        return
    names, types = (wanted.members.get(fact, ((), ()))[0] for fact in _FACTS)
    tools = [
        tool
        for tool in body.get("tools") or []
        if not wanted.bars("toolNames", _name(tool)) and not (_is_server(tool) and wanted.bars("serverTools", tool["type"]))
    ]  # fmt: skip
    there = {_name(tool) for tool in tools}
    tools += [{"name": name, "input_schema": {"type": "object"}} for name in names if name not in there]
    for kind in types:
        if not any(_is_server(tool) and tool["type"] == kind for tool in tools):
            tools.append({"type": kind, "name": _DATE.sub("", kind)})
    low, high = (0.0, float("inf")) if count is None else count
    low = max(low, wanted.sizes.get("toolNames", (0, 0))[0])
    spare = [tool for tool in tools if _name(tool) not in names and not (_is_server(tool) and tool["type"] in types)]
    while _number(tools) > min(high, wanted.sizes.get("toolNames", (0, float("inf")))[1]) and spare:
        tools.remove(spare.pop())
    there = {_name(tool) for tool in tools}
    fresh = (name for name in spare_names("toolNames", wanted.barred("toolNames")) if name not in there)
    for name in islice(fresh, max(0, int(low) - _number(tools))):
        tools.append({"name": name, "input_schema": {"type": "object"}})
    least = wanted.sizes.get("serverTools", (0, 0))[0]
    served = {tool["type"] for tool in tools if _is_server(tool)}
    kinds = (kind for kind in spare_names("serverTools", wanted.barred("serverTools")) if kind not in served)
    for kind in islice(kinds, max(0, int(least) - len(served))):
        tools.append({"type": kind, "name": kind})
    if tools:
        body["tools"] = tools
    else:
        body.pop("tools", None)


def _count_of(wanted: Wanted) -> tuple[float, float] | None:
    flag = wanted.values.get("hasTools")
    if isinstance(flag, bool):
        return (1, float("inf")) if flag else (0, 0)
    return wanted.span("toolCount")


def _name(tool: dict[str, Any]) -> str:
    return str(tool.get("name", ""))


def _is_server(tool: dict[str, Any]) -> bool:
    return tool.get("type") not in (None, "custom") and "input_schema" not in tool


def _number(tools: list[dict[str, Any]]) -> int:
    return sum(_name(tool) != DEFERRED_PLACEHOLDER for tool in tools)
