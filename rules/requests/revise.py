"""A request changed as little as possible so that some facts are as wanted; everything else in it stays.

Nothing here promises that it worked: whoever asks reads the facts of the result again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

from rules.explicit import TAG
from rules.facts import MISSING, Seen, is_state
from rules.requests.resize import blocks_in, last_of_user, resized, say_last
from rules.requests.revise_tools import revise_tools
from rules.requests.shapes import BASE_MODEL, BASE_TOKENS, IMAGE, SMALL_DOCUMENT, Shape, model_named
from rules.requests.spare import spare_names
from rules.requests.wanted import Wanted, too_large

Way = Literal["added", "replaced", "aside"]
"""How texts change: what is wanted is put behind what there is, or stands for it, or goes where the last text is not."""

WAYS: tuple[Way, ...] = ("added", "replaced", "aside")


def revisions(fresh: Callable[[], Shape], wanted: Wanted, spend: Callable[[int], None]) -> Iterator[Shape]:
    """The request changed in several ways, the plainest first; in none, where more is wanted than any request has.

    `fresh` gives the request as it was, each time anew. `spend` hears the size of what is read on the way, in bytes;
    what it raises ends the search.
    """
    for way in WAYS if not too_large(wanted) else ():
        shape = fresh()
        _revise(shape, wanted, way)
        if resized(shape, wanted, spend, aside=way == "aside"):
            yield shape


def _revise(shape: Shape, wanted: Wanted, way: Way) -> None:
    values = wanted.values
    body = shape["request"]
    if "stream" in values or "path" in values:
        _set_way(shape, values.get("stream", MISSING), str(values.get("path", "messages")))
    for fact, write in _WRITERS.items():
        if fact in values:
            write(body, values[fact])
    for fact, span in wanted.spans.items():
        if fact in _NUMBERS:
            body[_NUMBERS[fact]] = _nearest(body.get(_NUMBERS[fact], BASE_TOKENS), span)
    if "thinking" in values or "thinkingBudget" in values or "thinkingBudget" in wanted.spans:
        _set_thinking(body, wanted)
    revise_tools(body, wanted)
    _set_headers(shape, wanted)
    _set_surroundings(shape, wanted)
    for flag, kind, block in _BLOCKS:
        if flag in values:
            _set_block(body, kind, block if values[flag] is True else None)
    _set_texts(body, wanted, way)
    if wanted.choice is not None:
        _choose(body, wanted.choice, tagged=way == "aside" or "model" in values)


def unchosen(body: dict[str, Any]) -> None:
    """Takes every explicit choice out of a body."""
    if "," in body["model"]:
        body["model"] = BASE_MODEL
    for holder, key in blocks_in(body):
        holder[key] = TAG.sub("", holder[key])


def _set_way(shape: Shape, stream: Seen, path: str) -> None:
    body = shape["request"]
    shape["path"] = path
    if path == "count_tokens":
        body.pop("stream", None)
        body.pop("max_tokens", None)
        return
    body.setdefault("max_tokens", BASE_TOKENS)
    if isinstance(stream, bool):
        body["stream"] = stream


def _set_thinking(body: dict[str, Any], wanted: Wanted) -> None:
    before = body.get("thinking") or {}
    kind = wanted.values.get("thinking", before.get("type", "enabled"))
    span = wanted.span("thinkingBudget")
    if kind == "none" or kind is MISSING:
        body.pop("thinking", None)
        return
    body["thinking"] = {**before, "type": kind}
    if span is not None:
        body["thinking"] |= {
            "type": "enabled",
            "budget_tokens": int(_nearest(before.get("budget_tokens", 10_000), span)),
        }
    elif wanted.values.get("thinkingBudget") is MISSING or kind != "enabled":
        body["thinking"].pop("budget_tokens", None)
    else:
        body["thinking"].setdefault("budget_tokens", 10_000)


def _set_tool_choice(body: dict[str, Any], value: Seen) -> None:
    if not isinstance(value, str):
        body.pop("tool_choice", None)
        return
    body["tool_choice"] = {"type": value}
    if value == "tool":
        tools = body.get("tools") or [{"name": "tool_1"}]
        body["tool_choice"]["name"] = tools[0]["name"]


def _set_effort(body: dict[str, Any], value: Seen) -> None:
    config = dict(body.get("output_config") or {})
    config.pop("effort", None)
    if isinstance(value, str):
        config["effort"] = value
    if config:
        body["output_config"] = config
    else:
        body.pop("output_config", None)


def _set_model(body: dict[str, Any], value: Seen) -> None:
    if isinstance(value, str):
        body["model"] = model_named(value)


def _set_number(key: str) -> Callable[[dict[str, Any], Seen], None]:
    def write(body: dict[str, Any], value: Seen) -> None:
        if value is MISSING:
            body.pop(key, None)
        else:
            body[key] = value

    return write


_NUMBERS = {"maxTokens": "max_tokens", "temperature": "temperature"}
_WRITERS: Mapping[str, Callable[[dict[str, Any], Seen], None]] = {
    "model": _set_model,
    "toolChoice": _set_tool_choice,
    "effort": _set_effort,
    **{fact: _set_number(key) for fact, key in _NUMBERS.items()},
}
_BLOCKS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("hasImages", "image", IMAGE),
    ("hasDocuments", "document", SMALL_DOCUMENT),
    ("hasToolResults", "tool_result", {"type": "tool_result", "tool_use_id": "toolu_1", "content": ""}),
)


def _set_block(body: dict[str, Any], kind: str, block: dict[str, Any] | None) -> None:
    """Adds a block to the last message of the user, or takes all of its kind out, those inside tool results, too."""
    if block is not None:
        message = last_of_user(body)
        content = message["content"]
        if isinstance(content, str):
            content = [{"type": "text", "text": content}] if content else []
        message["content"] = [*content, dict(block)]
        return
    for message in body["messages"]:
        if isinstance(message["content"], list):
            message["content"] = _without_kind(message["content"], kind) or ""


def _without_kind(blocks: list[Any], kind: str) -> list[Any]:
    kept = []
    for block in blocks:
        own = str(block.get("type", "")) if isinstance(block, dict) else ""
        if own == kind or (kind == "tool_result" and own.endswith(kind)):
            continue
        if own.endswith("tool_result") and isinstance(block.get("content"), list):
            block["content"] = _without_kind(block["content"], kind)
        kept.append(block)
    return kept


_HEADERS = {"sessionId": "x-claude-code-session-id", "agentType": "x-claude-code-agent-type"}
_CLASS, _AGENT, _COMPACTION = "x-claude-code-request-class", "x-claude-code-agent-id", "x-claude-code-compaction"


def _set_headers(shape: Shape, wanted: Wanted) -> None:
    values = wanted.values
    headers: dict[str, str] = dict(shape.get("headers") or {})
    before = dict(headers)

    def put(name: str, value: Seen) -> None:
        if isinstance(value, str):
            headers[name] = value
        else:
            headers.pop(name, None)

    for fact, name in _HEADERS.items():
        if fact in values:
            put(name, values[fact])
            if fact == "sessionId" and values[fact] is MISSING:
                shape["request"].pop("metadata", None)
    if "requestClass" in values or "subagent" in values:
        kind, subagent = values.get("requestClass", MISSING), values.get("subagent") is True
        for name in (_CLASS, _AGENT, _COMPACTION):
            headers.pop(name, None)
        if kind == "compaction" and subagent:
            headers[_COMPACTION], headers[_AGENT] = "auto", "agent-1"
        else:
            put(_CLASS, kind)
            if subagent and kind != "subagent":
                headers[_AGENT] = "agent-1"
    if "betas" in wanted.members or "betas" in wanted.sizes:
        _set_betas(headers, wanted)
    for fact, value in values.items():
        if fact.startswith("header."):
            put(fact.removeprefix("header."), value)
    if headers != before:
        shape["headers"] = headers


def _set_betas(headers: dict[str, str], wanted: Wanted) -> None:
    there = [name.strip() for name in headers.pop("anthropic-beta", "").split(",") if name.strip()]
    kept = _revised_members(there, wanted, "betas")
    if kept:
        headers["anthropic-beta"] = ",".join(kept)


def _revised_members(there: list[str], wanted: Wanted, fact: str) -> list[str]:
    """The members of a set that may hold anything, with as few changes as it takes."""
    exact = wanted.values.get(fact)
    if isinstance(exact, frozenset):
        return sorted(exact)
    needed, barred = wanted.members.get(fact, ((), ()))
    low, high = wanted.sizes.get(fact, (0, float("inf")))
    kept = [name for name in there if name in needed or not wanted.bars(fact, name)]
    kept += [name for name in needed if name not in kept]
    spare = [name for name in kept if name not in needed]
    while len(kept) > high and spare:
        kept.remove(spare.pop())
    more = (name for name in spare_names(fact, barred) if name not in kept)
    return kept + list(islice(more, max(0, int(low) - len(kept))))


def _set_surroundings(shape: Shape, wanted: Wanted) -> None:
    values = wanted.values
    for key in ("clientIp", "clientKey"):
        if key in values:
            shape[key] = values[key] if isinstance(values[key], str) else None
    if "tags" in values or "tags" in wanted.members or "tags" in wanted.sizes:
        shape["tags"] = _revised_members(list(shape.get("tags") or ()), wanted, "tags")
    now = values.get("time")
    if isinstance(now, int | float):
        shape["now"] = datetime.fromtimestamp(now, UTC).isoformat()
    state = dict(shape.get("state") or {})
    for fact, value in values.items():
        if is_state(fact):
            state[fact] = value
    for fact, span in wanted.spans.items():
        if is_state(fact):
            before = state.get(fact, 0)
            state[fact] = int(_nearest(before if isinstance(before, int) else 0, span))
    if state:
        shape["state"] = state


def _set_texts(body: dict[str, Any], wanted: Wanted, way: Way) -> None:
    values = wanted.values
    system = values.get("systemText")
    if isinstance(system, str):
        before = body.get("system") or []
        blocks = [{"type": "text", "text": before}] if isinstance(before, str) else list(before)
        billing = [block for block in blocks[:1] if str(block.get("text", "")).startswith("x-anthropic-billing")]
        kept = blocks if way == "added" else billing
        body["system"] = [*kept, *([{"type": "text", "text": system}] if system else [])]
    last = values.get("lastUserText")
    if isinstance(last, str):
        say_last(body, last, added=way == "added")
    elif last is MISSING:
        for message in body["messages"]:
            if message["role"] == "user":
                content = message["content"]
                others = [one for one in content if one.get("type") != "text"] if isinstance(content, list) else []
                message["content"] = others or ""
    for word in wanted.no_words:
        for holder, key in blocks_in(body):
            holder[key] = re.sub(re.escape(word), "", holder[key], flags=re.IGNORECASE)
    spoken = "\0".join(holder[key] for holder, key in blocks_in(body)).casefold() if wanted.words else ""
    missing = [word for word in wanted.words if word not in spoken]
    if missing and (way == "aside" or "lastUserText" in values):
        body["messages"][:0] = [{"role": "assistant", "content": " ".join(missing)}]
    elif missing:
        say_last(body, " ".join(missing), added=True)


def _choose(body: dict[str, Any], choice: str, *, tagged: bool) -> None:
    unchosen(body)
    if not tagged:
        body["model"] = choice
        return
    tag = f"<CCR-SUBAGENT-MODEL>{choice}</CCR-SUBAGENT-MODEL>"
    system = body.get("system") or []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    body["system"] = [*blocks, {"type": "text", "text": tag}]


def _nearest(number: Any, span: tuple[float, float]) -> float:
    low, high = span
    start = number if isinstance(number, int | float) and not isinstance(number, bool) else low
    return min(max(start, low), high)
