"""A piece of a stream, or a whole reply, as typed values. Source: `GenerateContentResponse` of the Gemini API."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from providers.messages.encode import json_of
from providers.wire.json_text import value_of


class Call(msgspec.Struct, rename="camel"):
    """A function call; `partial_args` come only where arguments are streamed, which we do not ask for."""

    id: str | None = None
    name: str | None = None
    args: Raw | UnsetType = UNSET
    partial_args: Any = None


class Part(msgspec.Struct, rename="camel"):
    """A part of the content; members of other kinds (code, images) are not looked at."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: Call | None = None


class Content(msgspec.Struct):
    """What the model said."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    """One answer; we ask for one."""

    index: int | None = None
    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    grounding_metadata: Any = None


class Feedback(msgspec.Struct, rename="camel"):
    """What the service says of the prompt."""

    block_reason: str | None = None


class Counts(msgspec.Struct, rename="camel"):
    """Tokens; `prompt_token_count` includes what came from the cache."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    total_token_count: int | None = None


class Chunk(msgspec.Struct, rename="camel"):
    """A reply or a piece of one."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: Counts | None = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(Chunk)
_CHUNKS = msgspec.json.Decoder(list[Chunk])


def chunks_of(data: bytes) -> list[Chunk]:
    """The chunks in a JSON text: one, or a list of them (a stream that was not asked for as events). Raises ValueError."""
    try:
        return _CHUNKS.decode(data) if data.lstrip()[:1] == b"[" else [_CHUNK.decode(data)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    value = value_of(data)
    try:
        return [msgspec.convert(_with_raw_args(one), Chunk) for one in (value if isinstance(value, list) else [value])]
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError("JSON that is no reply") from error


def _with_raw_args(value: Any) -> Any:
    """The value with the arguments of its calls as JSON again: what the typed decoder takes from the text itself."""
    match value:
        case {"functionCall": {"args": args} as call}:
            return value | {"functionCall": call | {"args": Raw(json_of(args))}}
        case dict():
            return {key: _with_raw_args(item) for key, item in value.items()}
        case list():
            return [_with_raw_args(item) for item in value]
        case _:
            return value
