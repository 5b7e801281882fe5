"""A Chat Completions chunk, or a whole completion, as typed values: strictly where it is ordinary, loosely where it is not.

Source: the OpenAI API reference and the fields compatible servers add. A member of an odd type is read as far as it makes sense and
is otherwise absent: nothing here raises but for text that is no JSON.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import msgspec

from providers.wire.json_text import value_of


class Function(msgspec.Struct, gc=False):
    """A function's name and a piece of its arguments (JSON text)."""

    name: str | None = None
    arguments: str | None = None


class CallDelta(msgspec.Struct, gc=False):
    """A piece of a tool call. `extra_content` is where Gemini has its signature."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: Any = None


class Delta(msgspec.Struct, gc=False):
    """What a choice adds: of a stream its `delta`, of a whole completion its `message`."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None
    function_call: Function | None = None
    annotations: list[Any] | None = None


class Said(NamedTuple):
    """What the deltas of a stream have said so far."""

    texts: bool
    thoughts: bool
    refused: bool
    calls: bool


def unsaid(message: Delta, said: Said) -> Delta:
    """What of a whole message the stream's deltas have not said; its calls numbered by their places."""
    calls = None if said.calls else message.tool_calls
    for place, call in enumerate(calls or ()):
        call.index = place
    return Delta(
        content=None if said.texts else message.content,
        reasoning_content=None if said.thoughts else message.reasoning_content,
        reasoning=None if said.thoughts else message.reasoning,
        reasoning_details=None if said.thoughts else message.reasoning_details,
        refusal=None if said.refused else message.refusal,
        tool_calls=calls,
        function_call=None if said.calls else message.function_call,
        annotations=message.annotations,
    )


class Choice(msgspec.Struct, gc=False):
    """One of `n` answers.

    `matched_stop` and `stop_reason` are SGLang's and vLLM's: the stop string, or a token number. `usage` is where Kimi has it.
    """

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    matched_stop: Any = None
    stop_reason: Any = None
    usage: Any = None
    error: Any = None


class Chunk(msgspec.Struct, gc=False):
    """A chunk or a whole completion. `x_groq` holds Groq's usage or error, `base_resp` MiniMax's, with status 0 where all is well."""

    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None
    base_resp: Any = None


_strict = msgspec.json.Decoder(Chunk)


def chunk_of(data: bytes) -> Chunk | None:
    """The chunk; None for JSON that is no chunk at all (a number, a list, an object without any member of a chunk).

    Raises ValueError for what is no JSON.
    """
    try:
        chunk = _strict.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _loose_chunk(value_of(data))
    # An ordinary chunk is told by its choices; the rare one without is read again for what it says instead.
    if chunk.choices is None and chunk.error is None and chunk.usage is None:
        return _loose_chunk(value_of(data))
    return chunk


_ERROR_OBJECTS = ("error",)
_ERROR_MEMBERS = ("detail", "message", "msg")


def _loose_chunk(value: Any) -> Chunk | None:
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return None
    choices = value.get("choices")
    chunk = Chunk(
        choices=[_choice(choice) for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else None,
        usage=value.get("usage"),
        error=value.get("error"),
        x_groq=value.get("x_groq"),
        base_resp=value.get("base_resp"),
    )
    says_error = value.get("object") in _ERROR_OBJECTS or value.get("type") in _ERROR_OBJECTS
    if chunk.error is None and chunk.choices is None and (says_error or any(value.get(key) for key in _ERROR_MEMBERS)):
        chunk.error = value
    members = (chunk.choices, chunk.error, chunk.usage, chunk.x_groq, chunk.base_resp)
    return None if all(member is None for member in members) else chunk


def fault_in(error: Any) -> Any:
    """An `error` that says something; None for one of empty members, as some gateways put into every chunk."""
    if isinstance(error, dict) and not any(error.values()):
        return None
    return error or None


def _choice(value: dict[str, Any]) -> Choice:
    return Choice(
        index=_number(value.get("index")),
        delta=_delta(value.get("delta")),
        message=_delta(value.get("message")),
        finish_reason=_string(value.get("finish_reason")),
        matched_stop=value.get("matched_stop"),
        stop_reason=value.get("stop_reason"),
        usage=value.get("usage"),
        error=value.get("error"),
    )


def _delta(value: Any) -> Delta | None:
    if not isinstance(value, dict):
        return None
    content, thoughts = _content(value.get("content"))
    reasoning = value.get("reasoning")
    calls = value.get("tool_calls")
    if isinstance(calls, dict):
        calls = [calls]
    return Delta(
        content=content,
        reasoning_content=_text(value.get("reasoning_content")) or thoughts,
        reasoning=_text(reasoning),
        reasoning_details=_list(value.get("reasoning_details")),
        refusal=_text(value.get("refusal")),
        tool_calls=[_call(call) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else None,
        function_call=_function(value.get("function_call")),
        annotations=_list(value.get("annotations")),
    )


def _content(value: Any) -> tuple[str | None, str | None]:
    """Text and thoughts of `content`, which may be a list of parts (Mistral's hold `thinking` parts)."""
    if not isinstance(value, list):
        return _text(value), None
    texts: list[str] = []
    thoughts: list[str] = []
    for part in value:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            if part.get("type") in ("thinking", "reasoning"):
                thoughts.append(_text(part) or "")
            else:
                texts.append(_text(part) or "")
    return "".join(texts) or None, "".join(thoughts) or None


def _text(value: Any) -> str | None:
    """The text in a string, a list of parts, or an object that holds one."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text(item) or "" for item in value) or None
    if isinstance(value, dict):
        return next(
            (text for key in ("text", "content", "thinking", "summary", "refusal") if (text := _text(value.get(key)))),
            None,
        )
    return None


def _call(value: dict[str, Any]) -> CallDelta:
    call_id = value.get("id")
    return CallDelta(
        index=_number(value.get("index")),
        id=str(call_id) if isinstance(call_id, int) and not isinstance(call_id, bool) else _string(call_id),
        # Some servers put name and arguments beside the id instead of into `function`.
        function=_function(value.get("function")) or _function(value),
        extra_content=value.get("extra_content"),
    )


def signature_of(call: CallDelta) -> str | None:
    """The signature that Gemini gave a call, None where it gave none."""
    content: Any = call.extra_content
    for name in ("google", "thought_signature"):
        content = content.get(name) if isinstance(content, dict) else None
    return _string(content) or None


def _function(value: Any) -> Function | None:
    if not isinstance(value, dict):
        return None
    arguments = value.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return Function(name=_string(value.get("name")), arguments=arguments)


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:9])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _list(value: Any) -> list[Any] | None:
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else None
