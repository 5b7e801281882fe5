"""Requests made to order: wanted values of facts to an envelope that has them, checked by production extraction.

Proofs show what they found with it, and routing tests in a configuration are written in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from rules.extract import plain_model
from rules.facts import MISSING, Facts, Seen, budget_of, is_state
from rules.fillers import Filler, fillers_for
from rules.measure import CONSTANTS, MOST
from rules.nodes import Test
from rules.operators import holds_for
from schemas.decode_request import decode_request
from schemas.limits import MAX_MESSAGES, MAX_TOOLS
from schemas.request import BadRequest, Envelope

_LARGEST: Mapping[str, int] = {
    "toolCount": MAX_TOOLS,
    "messageCount": MAX_MESSAGES,
    "messageLength": 10_000_000,
    "inputTokens": 10_000_000,
}
"""No larger request is made: the server takes no more tools and messages, and nobody reads more text."""

BASE_MODEL = "claude-sonnet-4"
BASE_TOKENS = 1024
BASE_TEXT = "hi"


class Wanted(Struct, frozen=True):
    """What a request is to be like.

    `values` are exact values of facts; `spans` the least and greatest of numbers; `members` of sets those it must have
    and what no further one may be, `sizes` how many there may be; `words` and `no_words` keywords; `choice` the explicit `provider,model`, if any.
    """

    values: Mapping[str, Seen] = field(default_factory=dict)
    spans: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    members: Mapping[str, tuple[Sequence[str], Sequence[str | Test]]] = field(default_factory=dict)
    words: Sequence[str] = ()
    no_words: Sequence[str] = ()
    choice: str | None = None
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def span(self, fact: str) -> tuple[float, float] | None:
        """The bounds of a number, also where its exact value is wanted."""
        value = self.values.get(fact)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value, value
        return self.spans.get(fact)

    def bars(self, fact: str, member: str) -> bool:
        """Whether a member may not be in a set."""
        return is_barred(member, self.members.get(fact, ((), ()))[1])


class Impossible(Struct, frozen=True):
    """No such request was found; `facts` are those that could not all be had."""

    facts: tuple[str, ...]


BYTES_AN_ITEM = 100
"""Bytes of a long text that are read in the time of a message or tool."""

Shape = dict[str, Any]
"""An envelope as JSON: `request`, `headers`, and what else is wanted."""


class Composed(Struct, frozen=True):
    """A request as JSON, and its facts as production reads them."""

    shape: Shape
    facts: Facts


def compose(wanted: Wanted, spend: Callable[[int], None] | None = None) -> Composed | Impossible:
    """A request that has all that is wanted, the plainest one found.

    `spend` hears the size of every body that is tried, in bytes and as many for what is in lists as long texts take as
    much time for; what it raises ends the search.
    """
    failed = too_large(wanted)
    if failed:
        return Impossible(failed)
    for filler in fillers_for(wanted.values, wanted.no_words):
        try:
            sized = _sized(wanted, filler, spend)
        except (BadRequest, ValueError):
            return Impossible(tuple(wanted.values))
        lacking = lacking_in(wanted, sized.facts)
        if not lacking:
            return sized
        failed = failed if failed and len(failed) <= len(lacking) else lacking
    return Impossible(failed)


def too_large(wanted: Wanted) -> tuple[str, ...]:
    """The facts of which more is wanted than a request is made to have."""
    large = [fact for fact, most in _LARGEST.items() if (wanted.span(fact) or (0, 0))[0] > most]
    return (*large, *(fact for fact, (least, _) in wanted.sizes.items() if least > MAX_TOOLS))


def envelope_of(shape: Shape) -> Envelope:
    """The envelope of such JSON, decoded as the server does. Raises `BadRequest`."""
    path = shape.get("path", "messages")
    request = decode_request(json.dumps(shape["request"]).encode("utf-8", "surrogatepass"), path)
    headers = shape.get("headers")
    now = shape.get("now")
    state: dict[str, dict[str, Any]] = {}
    budgets: dict[str, str] = {}
    for fact, value in shape.get("state", {}).items():
        budget = budget_of(fact)
        if budget is not None:
            budgets[budget] = value
            continue
        provider, _, kind = fact.removeprefix("provider.").rpartition(".")
        state.setdefault(provider, {})[kind] = value
    return Envelope(
        request,
        path,
        None if headers is None else {name.lower(): text for name, text in headers.items()},
        shape.get("clientIp"),
        shape.get("clientKey"),
        None if now is None else datetime.fromisoformat(now).timestamp(),
        state or None,
        budgets or None,
        frozenset(shape.get("tags") or ()),
    )


def lacking_in(wanted: Wanted, facts: Facts) -> tuple[str, ...]:
    """The facts that are not as wanted."""
    lacking = [fact for fact, value in wanted.values.items() if facts.get(fact) != value]
    for fact, (low, high) in wanted.spans.items():
        value = facts.get(fact)
        if not isinstance(value, int | float) or not low <= value <= high:
            lacking.append(fact)
    for fact, (low, high) in wanted.sizes.items():
        value = facts.get(fact)
        if not isinstance(value, frozenset) or not low <= len(value) <= high:
            lacking.append(fact)
    for fact, (needed, barred) in wanted.members.items():
        value = facts.get(fact)
        there = value if isinstance(value, frozenset) else frozenset()
        if not set(needed) <= there or any(is_barred(member, barred) for member in there):
            lacking.append(fact)
    spoken = facts.get("contentKeywords") if wanted.words or wanted.no_words else ""
    if isinstance(spoken, str) and (
        any(word not in spoken for word in wanted.words) or any(word in spoken for word in wanted.no_words)
    ):
        lacking.append("contentKeywords")
    chosen = facts.choices()
    if wanted.choice is not None and (not chosen or chosen[0] != wanted.choice):
        lacking.append("explicit")
    return tuple(dict.fromkeys(lacking))


def is_barred(text: str, barred: Sequence[str | Test]) -> bool:
    """Whether a member is something that none may be."""
    return any(one == text if isinstance(one, str) else holds_for(one, text) for one in barred)


def _tried(shape: Shape, spend: Callable[[int], None] | None) -> Envelope:
    envelope = envelope_of(shape)
    if spend is not None:
        request = shape["request"]
        spend(len(envelope.request.raw) + BYTES_AN_ITEM * (len(request["messages"]) + len(request.get("tools", ()))))
    return envelope


def _sized(wanted: Wanted, filler: Filler, spend: Callable[[int], None] | None) -> Composed:
    """The request with as much filled in as its length and tokens want, as near as it gets.

    Raises `BadRequest` and `ValueError` where it is none.
    """
    length, tokens = wanted.span("messageLength"), wanted.span("inputTokens")

    def measured(one: Filler) -> tuple[Composed, int, int]:
        shape = _shape(wanted, one)
        facts = Facts(_tried(shape, spend))
        chars, count = facts.get("messageLength"), facts.get("inputTokens")
        assert isinstance(chars, int)
        assert isinstance(count, int)
        return Composed(shape, facts), chars, count

    made, chars, count = measured(filler)
    if length is None and tokens is None:
        return made
    low, high = length or (0, float("inf"))
    least, most = tokens or (0, float("inf"))
    if chars < low:
        overhead = measured(replace(filler, chars=1))[1] - chars - 1
        filler = replace(filler, chars=max(1, int(low) - chars - overhead))
        made, chars, count = measured(filler)
    if (
        count < least
        and least - count > CONSTANTS["page"]
        and wanted.values.get("hasDocuments", True) is not False
        and filler.pages
    ):
        filler = replace(filler, documents=int(least - count) // CONSTANTS["page"])
        made, chars, count = measured(filler)
    if count < least:
        for better in filler.heavier(high - chars, int(least - count)):
            first, last = 0, better.limit
            near = int(least - count) * 1000 // (MOST if better.way == "chars" else 2 * MOST)
            if near + 4 < last:
                made, chars, now = measured(better.at(near + 4))
                if least <= now <= most and low <= chars <= high:
                    break
            if 8 < near < last - 8 and measured(better.at(near - 8))[2] < least <= measured(better.at(near + 8))[2]:
                first, last = near - 8, near + 8
            while first < last:
                middle = (first + last) // 2
                if measured(better.at(middle))[2] < least:
                    first = middle + 1
                else:
                    last = middle
            made, chars, count = measured(better.at(first))
            if least <= count <= most and low <= chars <= high:
                break
    return made


def _shape(wanted: Wanted, filler: Filler) -> Shape:
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
    tags = _members_of(wanted, "tags", "tag")
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


def _members_of(wanted: Wanted, fact: str, stem: str) -> list[str]:
    """The members of a set that may hold anything: those wanted, and as many more as it is to have."""
    exact = wanted.values.get(fact)
    members = sorted(exact) if isinstance(exact, frozenset) else list(wanted.members.get(fact, ((), ()))[0])
    number = 0
    while len(members) < _count(wanted, fact):
        number += 1
        if not wanted.bars(fact, f"{stem}-{number}"):
            members.append(f"{stem}-{number}")
    return members


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
    spare = (name for number in range(1, 10_000) for name in (f"tool_{number}", f"Tool{number}", f"{number}"))
    taken = set(names)
    free_names = (name for name in spare if name not in taken and not (barred and is_barred(name, barred)))
    if filler.tool and not count and span is None and not {"hasTools", "toolNames"} & set(wanted.values):
        count = 1
    all_names = list(names)
    most = wanted.sizes.get("toolNames", (0, float("inf")))[1]
    while len(all_names) < min(count, most) and not isinstance(exact_names, frozenset):
        all_names.append(next(free_names))
    while len(all_names) < count and all_names:
        all_names.append(all_names[-1])
    all_types: list[str | None] = [*types]
    wanted_types = _count(wanted, "serverTools")
    number = 0
    while len(all_types) < wanted_types:
        number += 1
        if not is_barred(f"server_{number}", barred_types):
            all_types.append(f"server_{number}")
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
    betas = _members_of(wanted, "betas", "beta")
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
