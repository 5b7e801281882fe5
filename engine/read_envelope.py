"""A request in a file, or posted to be explained: a body, or an envelope around one, known by its key `request`.

The one reader of such: `explain`, `diff --requests`, routing tests and `POST /v1/ccr/explain` read what witnesses and
saved requests are written as. From a bare body, headers, address and key are missing; the time and the state of
providers are unknown.

A body is of the Messages API, or of Chat Completions where `path` says so. Without `path` it is Chat Completions where it
has what only such a body has, or where it is no Messages body but a good one of the other API.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from rules.facts import BUDGET, HEALTH, budget_of
from schemas.decode_request import decode_request
from schemas.request import BadRequest, Envelope, Path
from schemas.suggest import nearest
from schemas.surrogates import text_of_body
from schemas.threads import THREAD_REFUSAL, asks_for_thread
from schemas.wording import quoted

if TYPE_CHECKING:
    from providers.chat.request import ChatRequest
    from providers.dialects.seams import Lost

Api = Literal["messages", "count_tokens", "chat/completions"]
"""The endpoint, as the end of its path."""

_KEYS = ("request", "headers", "path", "clientIp", "clientKey", "now", "state", "tags")
_ABOUT = ("decision", "upstreamRequest", "outcome", "timing", "reply", "savedBy")
"""What saved requests and witnesses say besides; nothing here reads it."""

_APIS: Mapping[str, Api] = {
    "messages": "messages",
    "count_tokens": "count_tokens",
    "chat/completions": "chat/completions",
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/chat/completions": "chat/completions",
}
_STATES: Mapping[str, Callable[[object], bool]] = {
    "health": lambda value: value in HEALTH.words,
    "inflight": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
}
_LAST = 253_370_764_800
"""The year 9999 begins: later moments have no date in some zones."""

_CHAT_MEMBERS = frozenset({
    "max_completion_tokens", "functions", "function_call", "stream_options", "response_format", "n", "seed", "logprobs",
    "presence_penalty", "frequency_penalty", "reasoning_effort", "parallel_tool_calls", "modalities",
})  # fmt: skip
_CHAT_ROLES = ("developer", "tool", "function")
_CHAT_PARTS = ("image_url", "input_audio", "file", "refusal")


class BadEnvelope(ValueError):  # noqa: N818 - named as `BadRequest` is
    """The text is neither a body nor an envelope; blame: whoever wrote it. `str()` says what is wrong."""


class Asked(Struct, frozen=True):
    """A request as read: where it is posted to, and what reading it left out."""

    envelope: Envelope
    api: Api
    lost: tuple[Lost, ...] = ()


def read_envelope(data: bytes) -> Envelope:
    """The envelope in `data`, as `read_asked` reads it."""
    return read_asked(data).envelope


def read_asked(data: bytes) -> Asked:
    """The request in `data`. Raises `BadEnvelope` for a wrong envelope and `BadRequest` for a wrong body in it."""
    try:
        text, _ = text_of_body(data)
        fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except BadRequest:
        raise BadEnvelope("this is no valid UTF-8") from None
    except (msgspec.DecodeError, RecursionError) as fault:
        raise BadEnvelope(
            _said_of_text(fault) if text.strip() else "this is empty, where a request was expected"
        ) from None
    if "request" not in fields:
        if "messages" not in fields:
            raise BadEnvelope("this is neither a body (no `messages`) nor an envelope (no `request`)")
        return _body(data, None, {})
    for name in fields:
        if name not in _KEYS and name not in _ABOUT:
            near = nearest(name, _KEYS)
            hint = f", did you mean {quoted(near)}?" if near else f"; it has {', '.join(_KEYS)}"
            raise BadEnvelope(f"an envelope has no {quoted(name)}{hint}")
    values = {name: _value(name, raw) for name, raw in fields.items() if name in _KEYS and name != "request"}
    path = values.get("path")
    if path is not None and (not isinstance(path, str) or path not in _APIS):
        raise BadEnvelope(f"`path` is one of {', '.join(dict.fromkeys(_APIS.values()))}")
    try:
        return _body(bytes(fields["request"]), None if path is None else _APIS[path], values)
    except BadRequest as problem:
        raise BadRequest(f"request: {problem}") from None


def requests_in(data: bytes, *, lines: bool = False) -> Iterator[tuple[int | None, bytes]]:
    """The requests in a file, each with its line from 1: one JSON object (None), or one on every line.

    `lines` says that the file is JSON lines by its name; without it, that is so where the first line is an object by
    itself and more follows.
    """
    rows = [(number, row) for number, row in enumerate(data.split(b"\n"), 1) if row.strip()]
    if lines or (len(rows) > 1 and all(row.lstrip().startswith(b"{") for _, row in rows) and _is_object(rows[0][1])):
        yield from rows
    else:
        yield None, data


def moment_of(value: object) -> float:
    """A moment as seconds since the epoch, from that or from ISO 8601 (UTC where it names no zone). Raises `BadEnvelope`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise BadEnvelope(
                f"`now` is seconds since 1970 or a time such as 2026-01-05T09:00:00Z, not {quoted(str(value))}"
            ) from None
        seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds < _LAST:
        raise BadEnvelope(f"`now` is between the years 1970 and 9998, not {quoted(str(value))}")
    return seconds


def states_of(value: object) -> tuple[Mapping[str, Mapping[str, Any]] | None, Mapping[str, str] | None]:
    """`{provider.<name>.health: ..., budget.<name>.state: ...}` as provider -> state, and budget -> state.

    None for those that nobody says. Raises `BadEnvelope`.
    """
    if value is None:
        return None, None
    if not isinstance(value, dict):
        raise BadEnvelope("`state` is an object")
    providers: dict[str, dict[str, Any]] = {}
    budgets: dict[str, str] = {}
    for fact, state in value.items():
        budget = budget_of(fact)
        provider, _, kind = fact.removeprefix("provider.").rpartition(".")
        if budget is not None and state in BUDGET.words:
            budgets[budget] = state
        elif fact.startswith("provider.") and provider and kind in _STATES and _STATES[kind](state):
            providers.setdefault(provider, {})[kind] = state
        else:
            raise BadEnvelope(
                f"`state` has `provider.<name>.health` ({', '.join(HEALTH.words)}), `provider.<name>.inflight` (0, 1, ...)"
                f" and `budget.<name>.state` ({', '.join(BUDGET.words)}), not {quoted(f'{fact}: {state}')}"
            )
    return (providers or None if budgets else providers), (budgets or None)


def _body(data: bytes, api: Api | None, values: Mapping[str, Any]) -> Asked:
    api, decoded = (api, None) if api is not None else _detected(data)
    headers = _headers_of(values.get("headers"))
    lost: tuple[Lost, ...] = ()
    if api == "chat/completions":
        from providers.chat.request import without_vendor_headers

        asked = _chat(data)
        request, lost = asked.request, asked.lost
        headers = None if headers is None else without_vendor_headers(headers)
    else:
        request = decode_request(data, api) if decoded is None else decoded
        if api == "messages" and asks_for_thread(request):
            raise BadRequest(THREAD_REFUSAL)
    path: Path = "count_tokens" if api == "count_tokens" else "messages"
    envelope = Envelope(
        request,
        path,
        headers,
        _text_of(values, "clientIp"),
        _text_of(values, "clientKey"),
        moment_of(values["now"]) if values.get("now") is not None else None,
        *states_of(values.get("state")),
        tags=_tags_of(values.get("tags")),
    )
    return Asked(envelope, api, lost)


def _tags_of(value: object) -> frozenset[str]:
    if not isinstance(value, list | None) or not all(isinstance(tag, str) for tag in value or ()):
        raise BadEnvelope("`tags` is a list of texts")
    return frozenset(value or ())


def _detected(data: bytes) -> tuple[Api, Any]:
    """Which API a body is of that nobody named, and the request where it was decoded on the way. Raises `BadRequest`."""
    if _looks_like_chat(data):
        return "chat/completions", None
    try:
        return "messages", decode_request(data)
    except BadRequest:
        if _lacks_max_tokens(data):  # what no Messages request may and most chat completions do
            with contextlib.suppress(BadRequest):
                _chat(data)
                return "chat/completions", None
        raise


def _lacks_max_tokens(data: bytes) -> bool:
    try:
        return "max_tokens" not in msgspec.json.decode(text_of_body(data)[0], type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, BadRequest):
        return False


def _chat(data: bytes) -> ChatRequest:
    # a check of a configuration reads no such request and must start soon
    from providers.chat.request import chat_request

    return chat_request(data)


def _looks_like_chat(data: bytes) -> bool:
    try:
        body = msgspec.json.decode(text_of_body(data)[0])
    except (msgspec.DecodeError, RecursionError, BadRequest):
        return False
    if not isinstance(body, dict):
        return False
    return (
        bool(body.keys() & _CHAT_MEMBERS)
        or any("function" in tool for tool in _objects(body.get("tools")))
        or any(
            message.get("role") in _CHAT_ROLES
            or "tool_calls" in message
            or any(part.get("type") in _CHAT_PARTS for part in _objects(message.get("content")))
            for message in _objects(body.get("messages"))
        )
    )


def _objects(value: object) -> Iterator[dict[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _is_object(row: bytes) -> bool:
    try:
        msgspec.json.decode(row, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def _value(name: str, raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise BadEnvelope(f"{quoted(name)} cannot be read: {_plainly(fault)}") from None


def _said_of_text(fault: Exception) -> str:
    """Why a text that is not empty is no request."""
    if isinstance(fault, msgspec.ValidationError):
        return "this is no JSON object: it is JSON of another kind"
    return f"this is no JSON object: {_plainly(fault)}"


def _plainly(fault: Exception) -> str:
    if isinstance(fault, RecursionError):
        return "it is nested too deeply"
    said = str(fault)
    return "it is cut off" if said == "Input data was truncated" else said.removeprefix("JSON is malformed: ")


def _headers_of(value: object) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise BadEnvelope("`headers` is an object of texts")
    headers = {str(name).lower(): text for name, text in value.items()}
    if len(headers) < len(value):
        raise BadEnvelope("`headers` has a name twice, whose case does not matter")
    return headers


def _text_of(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadEnvelope(f"{quoted(name)} is a text")
    return value
