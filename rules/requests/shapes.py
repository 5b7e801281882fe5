"""A request as JSON, written so that its facts are as wanted: the plainest that may do."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any

from rules.extract import plain_model
from rules.facts import MISSING, is_state
from rules.requests.fillers import Filler
from rules.requests.spare import spare_names
from rules.requests.wanted import Wanted

BASE_MODEL = "claude-sonnet-4"
BASE_TOKENS = 1024
BASE_TEXT = "hi"

Shape = dict[str, Any]
"""An envelope as JSON: `request`, `headers`, and what else is wanted."""


def shape_of(wanted: Wanted, filler: Filler) -> Shape:
    """The envelope with all that is wanted but lengths and tokens, which the filler makes up."""
    values = wanted.values
    path = values.get("path", "count_tokens" if values.get("stream") is MISSING else "messages")
    body: dict[str, Any] = {"model": _model_of(wanted)}
    if path == "messages":
        span = wanted.span("maxTokens")
        body["max_tokens"] = BASE_TOKENS if span is None else _nearest(BASE_TOKENS, span)
        if isinstance(values.get("stream"), bool):
            body["stream"] = values["stream"]
    temperature = wanted.span("temperature")
    if temperature is not None:
        body["temperature"] = temperature[0]
    _add_thinking(body, wanted)
    tools = _tools_of(wanted, filler)
    if tools:
        body["tools"] = tools
    system = values.get("systemText")
    text = (system if isinstance(system, str) else "") + filler.text_for("system")
    if text:
        body["system"] = text
    body["messages"] = _messages_of(wanted, filler)
    shape: Shape = {"request": body, "headers": _headers_of(wanted)}
    if path != "messages":
        shape["path"] = path
    for key in ("clientIp", "clientKey"):
        if isinstance(values.get(key), str):
            shape[key] = values[key]
    tags = _members_of(wanted, "tags")
    if tags:
        shape["tags"] = tags
    now = values.get("time")
    if isinstance(now, int | float):
        shape["now"] = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
    state = {fact: value for fact, value in values.items() if is_state(fact) and value is not MISSING}
    state |= {fact: int(span[0]) for fact, span in wanted.spans.items() if is_state(fact)}
    if state:
        shape["state"] = state
    return shape


def _members_of(wanted: Wanted, fact: str) -> list[str]:
    """The members of a set that may hold anything: those wanted, and as many more as it is to have."""
    exact = wanted.values.get(fact)
    needed, barred = wanted.members.get(fact, ((), ()))
    members = sorted(exact) if isinstance(exact, frozenset) else list(needed)
    spare = (name for name in spare_names(fact, barred) if name not in members)
    return members + list(islice(spare, max(0, _count(wanted, fact) - len(members))))


def _nearest(number: float, span: tuple[float, float]) -> float:
    low, high = span
    return min(max(number, low), high)


def _model_of(wanted: Wanted) -> str:
    value = wanted.values.get("model")
    if not isinstance(value, str):
        return wanted.choice if wanted.choice is not None else BASE_MODEL
    return model_named(value)


def model_named(name: str) -> str:
    """What a request writes so that its model is read as `name`."""
    # a name that ends like a window suffix comes with one more, since one is cut off; and a name is never empty
    return name if name and plain_model(name) == name else f"{name}[1m]"


def _add_thinking(body: dict[str, Any], wanted: Wanted) -> None:
    values = wanted.values
    kind, budget = values.get("thinking"), wanted.span("thinkingBudget")
    if budget is not None and kind is None:
        kind = "enabled"
    if isinstance(kind, str) and kind != "none":
        body["thinking"] = {"type": kind}
        if budget is not None:
            body["thinking"]["budget_tokens"] = int(_nearest(10_000, budget))
        elif kind == "enabled" and values.get("thinkingBudget") is not MISSING:
            body["thinking"]["budget_tokens"] = 10_000
    if isinstance(values.get("effort"), str):
        body["output_config"] = {"effort": values["effort"]}
    choice = values.get("toolChoice")
    if isinstance(choice, str):
        body["tool_choice"] = {"type": choice, **({"name": "tool_1"} if choice == "tool" else {})}


def _tools_of(wanted: Wanted, filler: Filler) -> list[dict[str, Any]]:
    names, barred = wanted.members.get("toolNames", ((), ()))
    types, barred_types = wanted.members.get("serverTools", ((), ()))
    exact_names, exact_types = wanted.values.get("toolNames"), wanted.values.get("serverTools")
    if isinstance(exact_names, frozenset):
        names = sorted(exact_names)
    if isinstance(exact_types, frozenset):
        types = sorted(exact_types)
    least = max(_count(wanted, "toolNames"), _count(wanted, "serverTools"), len(types), len(names))
    span = wanted.span("toolCount")
    if wanted.values.get("hasTools") is True:
        least = max(least, 1)
    count = least if span is None else int(max(span[0], min(least, span[1])))
    taken = set(names)
    free_names = (name for name in spare_names("toolNames", barred) if name not in taken)
    if filler.tool and not count and span is None and not {"hasTools", "toolNames"} & set(wanted.values):
        count = 1
    all_names = list(names)
    most = wanted.sizes.get("toolNames", (0, float("inf")))[1]
    if not isinstance(exact_names, frozenset):
        all_names += islice(free_names, max(0, int(min(count, most)) - len(names)))
    while len(all_names) < count and all_names:
        all_names.append(all_names[-1])
    all_types: list[str | None] = [*types]
    all_types += islice(spare_names("serverTools", barred_types), max(0, _count(wanted, "serverTools") - len(types)))
    tools: list[dict[str, Any]] = []
    # the last tools are the server's, so that the named ones stay the client's
    for place, name in enumerate(all_names[:count]):
        kind = count - place - 1
        if kind < len(all_types):
            tools.append({"type": all_types[kind], "name": name})
        else:
            tools.append({"name": name, "input_schema": {"type": "object"}})
    if tools and filler.text_for("tool"):
        tools[0]["description"] = filler.text_for("tool")
    return tools


def _count(wanted: Wanted, fact: str) -> int:
    """How many different members a set must have."""
    span = wanted.sizes.get(fact)
    return 0 if span is None else int(span[0])


def _headers_of(wanted: Wanted) -> dict[str, str]:
    values = wanted.values
    headers: dict[str, str] = {}
    kind = values.get("requestClass")
    if isinstance(kind, str):
        headers["x-claude-code-request-class"] = kind
    if values.get("subagent") is True and kind != "subagent":
        headers["x-claude-code-agent-id"] = "agent-1"
        if kind == "compaction":
            del headers["x-claude-code-request-class"]
            headers["x-claude-code-compaction"] = "auto"
    for fact, name in (("agentType", "x-claude-code-agent-type"), ("sessionId", "x-claude-code-session-id")):
        if isinstance(values.get(fact), str):
            headers[name] = str(values[fact])
    betas = _members_of(wanted, "betas")
    if betas:
        headers["anthropic-beta"] = ",".join(betas)
    for fact, value in values.items():
        if fact.startswith("header."):
            name = fact.removeprefix("header.")
            if isinstance(value, str):
                headers[name] = value
            else:
                headers.pop(name, None)
    return headers


def _messages_of(wanted: Wanted, filler: Filler) -> list[dict[str, Any]]:
    values = wanted.values
    span = wanted.span("messageCount") or (1, float("inf"))
    count = int(max(span[0], min(1, span[1])))
    fixed = values.get("lastUserText")
    apart = bool(wanted.words) and isinstance(fixed, str) and not all(word in fixed.casefold() for word in wanted.words)
    if (apart or filler.text_for("assistant")) and count < 3:
        count = int(min(3, span[1]))
    texts = _text_of_user(wanted, filler)
    said = " ".join(wanted.words) if apart else ""
    messages: list[dict[str, Any]] = []
    for place in range(count):
        role = "assistant" if place % 2 else "user"
        messages.append({"role": role, "content": ""})
    users = [message for message in messages if message["role"] == "user"]
    if users:
        before = [text for text in (_tag_of(wanted), filler.text_for("reminder")) if text]
        blocks: list[dict[str, Any]] = _blocks_of(wanted, filler)
        if before or blocks:
            last = [*blocks, *([{"type": "text", "text": texts}] if texts else [])]
            users[-1]["content"] = last or ""
            if before:
                first = users[0]["content"]
                kept = first if isinstance(first, list) else []
                marked = [{"type": "text", "text": f"<system-reminder>{text}</system-reminder>"} for text in before]
                tail = [{"type": "text", "text": texts}] if len(users) == 1 and texts and not kept else []
                users[0]["content"] = [*marked, *kept, *tail]
                if len(users) > 1 and not blocks:
                    users[-1]["content"] = texts
        else:
            users[-1]["content"] = texts
    replies = [message for message in messages if message["role"] == "assistant"]
    if replies:
        replies[0]["content"] = said + filler.text_for("assistant")
    return messages


def _text_of_user(wanted: Wanted, filler: Filler) -> str:
    fixed = wanted.values.get("lastUserText")
    if isinstance(fixed, str):
        return fixed
    if fixed is MISSING:
        return ""
    text = " ".join(wanted.words) or BASE_TEXT
    length = wanted.span("messageLength")
    if length is not None and not wanted.words:
        text = text[: int(length[1])] if length[1] < len(text) else text
    more = filler.text_for("user")
    return f"{text} {more}" if more else text


def _tag_of(wanted: Wanted) -> str:
    if wanted.choice is None or _model_of(wanted) == wanted.choice:
        return ""
    return f"<CCR-SUBAGENT-MODEL>{wanted.choice}</CCR-SUBAGENT-MODEL>"


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
_DOCUMENT = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
SMALL_DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}


def _blocks_of(wanted: Wanted, filler: Filler) -> list[dict[str, Any]]:
    values = wanted.values
    blocks: list[dict[str, Any]] = []
    result = filler.text_for("result")
    if values.get("hasToolResults") is True or result:
        blocks.append({"type": "tool_result", "tool_use_id": "toolu_1", "content": result})
    if values.get("hasImages") is True:
        blocks.append(IMAGE)
    if filler.documents > 0:
        blocks += [_DOCUMENT] * filler.documents
    elif values.get("hasDocuments") is True:
        blocks.append(SMALL_DOCUMENT)
    return blocks
