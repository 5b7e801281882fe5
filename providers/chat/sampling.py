"""Everything of a chat request that is neither its conversation nor its tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from providers.chat.fit import BUDGETS, LEAST_BUDGET
from providers.chat.reading import (
    object_at,
    optional_int,
    optional_number,
    optional_object,
    optional_text,
    under,
    unsupported,
    wrong_type,
    wrong_value,
)
from providers.dialects.effort import LEVELS
from providers.dialects.losses import Losses
from providers.dialects.unsent import CHAT_ONLY

READ = frozenset(
    (
        "model", "messages", "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls",
        "web_search_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop",
        "reasoning_effort", "reasoning", "thinking", "response_format", "user", "safety_identifier", "stream", "stream_options", "n", "modalities",
    )
)  # fmt: skip
"""Members that are looked at somewhere; every other one that no target takes is listed as lost, with the reason in `LOST` or
that it is unknown."""

LOST: Mapping[str, str] = {
    "audio": "audio cannot be passed on",
    "logprobs": "a Messages reply has no probabilities",
    "top_logprobs": "a Messages reply has no probabilities",
    "metadata": "it is for completions that the vendor stores",
    "moderation": "it is for the vendor only",
    "prediction": "a Messages request predicts nothing",
    "prompt_cache_key": "a Messages request has no such member",
    "prompt_cache_options": "a Messages request marks its parts instead",
    "store": "the reply is not stored",
}
"""Member -> why it is passed on to nobody; values that ask for nothing (null, false, 0, empty) are not listed."""


def _word(body: Mapping[str, Any], name: str) -> str | None:
    word = optional_text(body, name)
    if word is not None and not _WORD.fullmatch(word):
        raise wrong_value(name, "expected a word of the API, such as `low`")
    return word


def _biases(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    biases = optional_object(body, name)
    for token in biases or ():
        if not token.isdecimal():
            raise wrong_value(name, "expected the numbers of tokens as names")
        optional_number(biases or {}, token, name)
    return biases


_WORD = re.compile(r"[a-z0-9_]{1,16}")

_OWN: Mapping[str, Callable[[Mapping[str, Any], str], object]] = {
    "frequency_penalty": optional_number,
    "presence_penalty": optional_number,
    "logit_bias": _biases,
    "prompt_cache_retention": _word,
    "seed": optional_int,
    "service_tier": _word,
    "verbosity": _word,
}
"""What has a place in no Messages request, and how it is read; `CHAT_ONLY` says why others do not get it.

INVARIANT: none is a text of the client's own, since filters look into Messages requests only.
"""


def settings_of(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The members of the Messages request. Raises `BadChat`."""
    _refuse_what_cannot_be(body)
    settings: dict[str, Any] = {}
    for name in ("temperature", "top_p"):
        if (number := optional_number(body, name)) is not None:
            settings[name] = number
    if (top_k := optional_int(body, "top_k")) is not None:
        settings["top_k"] = top_k
    if stops := _stops(body, losses):
        settings["stop_sequences"] = stops
    settings |= _effort(body, losses)
    if (form := _format(body, losses)) is not None:
        settings["output_config"] = {**settings.get("output_config", {}), "format": form}
    user = optional_text(body, "safety_identifier") or optional_text(body, "user")
    if user:
        settings["metadata"] = {"user_id": user}
    for name, value in body.items():
        if name not in READ and name not in CHAT_ONLY and value not in (None, False, 0, "", [], {}):
            losses.add(name, LOST.get(name, "not known to this router"))
    return settings


def chat_only_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a Messages request has no place for, and a target that speaks the client's own API takes as it is. Raises `BadChat`."""
    said = {name: value for name, read in _OWN.items() if (value := read(body, name)) is not None}
    if (optional_object(body, "response_format") or {}).get("type") == "json_object":
        said["response_format"] = {"type": "json_object"}
    return said


def max_tokens_of(body: Mapping[str, Any]) -> int | None:
    """The limit the client named, by its newer or its older name."""
    newer = optional_int(body, "max_completion_tokens")
    older = optional_int(body, "max_tokens")
    name, limit = ("max_completion_tokens", newer) if newer is not None else ("max_tokens", older)
    if limit is not None and limit < 1:
        raise wrong_value(name, "expected a value >= 1")
    return limit


def _refuse_what_cannot_be(body: Mapping[str, Any]) -> None:
    count = optional_int(body, "n")
    if count is not None and count != 1:
        raise unsupported("n", "one request gives one reply here, ask again for another")
    modalities = body.get("modalities")
    if modalities is not None and modalities != ["text"]:
        raise unsupported("modalities", "only text can be passed on")


def _stops(body: Mapping[str, Any], losses: Losses) -> list[str]:
    given = body.get("stop")
    stops = [given] if isinstance(given, str) else given
    if stops is None:
        return []
    if not isinstance(stops, list):
        raise wrong_type("stop", given, "one of a string or array of strings")
    for index, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise wrong_type(f"stop[{index}]", stop, "a string")
    kept = [stop for stop in stops if stop.strip()]
    losses.add("stop", "white space alone ends no Messages reply", len(stops) - len(kept))
    return kept


def _effort(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """How much to think as adaptive thinking with an effort, which each target is sent in its own way.

    It stands in `reasoning_effort`, in OpenRouter's `reasoning` or in the vendor's own `thinking`; of several the first
    counts.
    """
    asked = {
        "reasoning_effort": optional_text(body, "reasoning_effort"),
        "reasoning": _effort_of(body, "reasoning", losses),
        "thinking": _effort_of(body, "thinking", losses),
    }
    said = {name: effort for name, effort in asked.items() if effort is not None}
    if not said:
        return {}
    (name, effort), *others = said.items()
    for other, _ in others:
        losses.add(other, f"`{name}` says how much to think")
    if effort not in LEVELS:
        raise wrong_value(name, f"`{effort}` is none of {', '.join(f'`{level}`' for level in LEVELS)}")
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


_USUAL = "medium"
"""The effort where a client only says that the model shall think."""


def _effort_of(body: Mapping[str, Any], name: str, losses: Losses) -> str | None:
    """The effort that an object of settings for thinking means; a budget is the greatest effort that it suffices for."""
    asked = optional_object(body, name)
    if asked is None:
        return None
    if (effort := optional_text(asked, "effort", name)) is not None:
        return effort
    if asked.get("enabled") is False or asked.get("type") == "disabled":
        return "none"
    budget = optional_int(asked, "max_tokens", name) or optional_int(asked, "budget_tokens", name)
    if budget:
        effort = max((least, level) for level, least in BUDGETS.items() if least <= max(budget, LEAST_BUDGET))[1]
        losses.add(name, f"a budget becomes an effort, `{effort}`")
        return effort
    return _USUAL if asked.get("enabled") is True or asked.get("type") in ("enabled", "adaptive") else None


def _format(body: Mapping[str, Any], losses: Losses) -> dict[str, Any] | None:
    form = optional_object(body, "response_format")
    if form is None:
        return None
    match optional_text(form, "type", "response_format"):
        case "text" | "json_object" | None:
            return None
        case "json_schema":
            place = "response_format.json_schema"
            named = object_at(form, "json_schema", "response_format")
            schema = object_at(named, "schema", place)
            description = optional_text(named, "description", place)
            if description and "description" not in schema:
                schema = {"description": description, **schema}
            elif description:
                losses.add(f"{place}.description", "the schema has one of its own")
            name = optional_text(named, "name", place)
            if name and "title" not in schema:
                schema = {"title": name, **schema}
            elif name and name != schema["title"]:
                losses.add(f"{place}.name", "the schema has a title of its own")
            return {"type": "json_schema", "schema": schema}
        case kind:
            raise wrong_value(under("response_format", "type"), f"`{kind}` is not a form this router knows")
