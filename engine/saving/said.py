"""What an answer of the Messages API or of Chat Completions says, streamed or not, and how two answers differ. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from providers.wire.sse import SseDecoder


class Said(Struct, frozen=True):
    """An answer: `tools` are calls as (name, input), `error` what an error body or event says. Words are the API's own."""

    text: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    stop_reason: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None


def said_in(body: bytes) -> Said:
    """What the bytes of an answer say, as far as they can be read."""
    if body.lstrip()[:1] == b"{":
        whole = _decoded(body)
        return _chat([whole]) if "choices" in whole else _whole(whole)
    decoder = SseDecoder()
    events = [_decoded(frame.data) for frame in [*decoder.feed(body), *decoder.finish()]]
    said = [event for event in events if event]
    return _chat(said) if any("choices" in event for event in said) else _streamed(said)


def differences(before: Said, now: Said) -> list[str]:
    """How the second differs from the first, a line each; texts are told apart, not compared word by word."""
    lines = []
    if before.error != now.error:
        lines.append(f"error: {before.error or 'none'} -> {now.error or 'none'}")
    if before.text != now.text:
        lines.append(f"text: {len(before.text)} -> {len(now.text)} characters")
    if before.tools != now.tools:
        lines.append(f"tool calls: {_names(before)} -> {_names(now)}")
    if before.stop_reason != now.stop_reason:
        lines.append(f"stop reason: {before.stop_reason or 'none'} -> {now.stop_reason or 'none'}")
    for name in dict.fromkeys([*before.usage, *now.usage]):
        old, new = before.usage.get(name, 0), now.usage.get(name, 0)
        if old != new:
            lines.append(f"{name}: {old} -> {new}")
    return lines


def _names(said: Said) -> str:
    return ", ".join(f"{name}({arguments})" for name, arguments in said.tools) or "none"


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _whole(body: Mapping[str, Any]) -> Said:
    if "error" in body:
        return Said(error=_error_of(body))
    blocks = [block for block in _list(body.get("content")) if isinstance(block, dict)]
    return Said(
        "".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text"),
        tuple(
            (str(block.get("name")), _plain(block.get("input"))) for block in blocks if block.get("type") == "tool_use"
        ),
        _text(body.get("stop_reason")),
        _counts(body.get("usage")),
    )


def _streamed(events: list[dict[str, Any]]) -> Said:
    texts: list[str] = []
    calls: dict[str, tuple[str, list[str]]] = {}
    stop, usage, error = None, dict[str, int](), None
    for event in events:
        delta = event.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        index = str(event.get("index"))  # of a damaged one anything
        match event.get("type"):
            case "message_start":
                usage |= _counts(_at(event, "message", "usage"))
            case "content_block_start" if _at(event, "content_block", "type") == "tool_use":
                calls[index] = (str(_at(event, "content_block", "name")), [])
            case "content_block_delta":
                texts.append(str(delta.get("text", "")))
                if index in calls:
                    calls[index][1].append(str(delta.get("partial_json", "")))
            case "message_delta":
                stop = _text(delta.get("stop_reason")) or stop
                usage |= _counts(event.get("usage"))
            case "error":
                error = _error_of(event)
    tools = tuple((name, _plain(_parsed("".join(pieces)))) for name, pieces in calls.values())
    return Said("".join(texts), tools, stop, usage, error)


def _chat(chunks: list[dict[str, Any]]) -> Said:
    """What chunks say, or the one whole completion. Calls are told apart by their index; in `function_call` there is one."""
    texts: list[str] = []
    calls: dict[str, tuple[list[str], list[str]]] = {}
    stop, usage, error = None, dict[str, int](), None
    for chunk in chunks:
        usage |= _counts(chunk.get("usage"))
        error = _error_of(chunk) if "error" in chunk else error
        for choice in _list(chunk.get("choices")):
            said = _at(choice, "delta") or _at(choice, "message")
            texts.append(_text(_at(said, "content")) or "")
            stop = _text(_at(choice, "finish_reason")) or stop
            functions = [
                (_at(call, "index") or number, _at(call, "function"))
                for number, call in enumerate(_list(_at(said, "tool_calls")))
            ]
            for index, function in [*functions, (0, _at(said, "function_call"))]:
                if isinstance(function, dict):
                    name, arguments = calls.setdefault(str(index), ([], []))
                    name.append(_text(function.get("name")) or "")
                    arguments.append(_text(function.get("arguments")) or "")
    tools = tuple(("".join(name), _plain(_parsed("".join(pieces)))) for name, pieces in calls.values())
    return Said("".join(texts), tools, stop, usage, error)


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _error_of(body: Mapping[str, Any]) -> str:
    return f"{_at(body, 'error', 'type')}: {_at(body, 'error', 'message')}"


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return text


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _counts(value: Any) -> dict[str, int]:
    named = value.items() if isinstance(value, dict) else ()
    return {str(name): count for name, count in named if isinstance(count, int) and not isinstance(count, bool)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
