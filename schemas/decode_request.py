"""Bytes of a Messages body to a `MessagesRequest`, with the vendor's wording for what is wrong.

Two passes: the top level as raw members, then the members the router looks at, typed. What is unknown (fields,
block types, roles, betas) is never refused; what is known and of the wrong type is, with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, structs

from schemas.decode_wording import wording_of
from schemas.limits import MAX_BLOCKS, MAX_MESSAGES, MAX_MODEL_CHARS, MAX_TOOLS
from schemas.recent import Recent
from schemas.request import BadRequest, Block, Message, MessagesRequest, Path, Tool
from schemas.surrogates import utf8_of, without_lone_escapes

T = TypeVar("T")


def decode_request(
    body: bytes, path: Path = "messages", known_tools: Recent[tuple[Tool, ...]] | None = None
) -> MessagesRequest:
    """The request in `body`; `path` is the endpoint (a count has no `max_tokens`), `known_tools` those decoded lately.

    Null is the same as absent for optional fields. A string with a lone UTF-16 surrogate, which JSON allows and
    UTF-8 does not, gets U+FFFD there, counted in `replaced_surrogates`; `raw` is always what came.
    Raises `BadRequest` for what is no JSON object, for wrong types of known fields and for a top-level field given twice.
    """
    text, fields, replaced = _top_level(body)
    _refuse_duplicates(text, fields)
    try:
        known = _known(fields, known_tools)
    except (msgspec.DecodeError, RecursionError):
        known = None
    if known is None:
        known = _one_by_one(fields, path)
    _check_model(known.model)
    _check_messages(known.messages)
    _check_max_tokens(known.max_tokens, path)
    _check_tools(known.tools)
    return MessagesRequest(
        raw=body,
        fields=fields,
        model=known.model,
        messages=known.messages,
        system=_blocks_of_system(known.system),
        tools=known.tools,
        max_tokens=known.max_tokens,
        stream=known.stream or False,
        temperature=known.temperature,
        top_p=known.top_p,
        top_k=known.top_k,
        stop_sequences=tuple(known.stop_sequences or ()),
        thinking=known.thinking,
        tool_choice=known.tool_choice,
        metadata=known.metadata,
        output_config=known.output_config,
        replaced_surrogates=replaced,
    )


def blocks_of(content: object) -> tuple[Block, ...]:
    """Nested content (of a `tool_result`, a `document`) as blocks, whatever its form: string, list, one object, null.

    A bare string in a list is a text block; any other scalar is its JSON text, and so is the `text` of a text block
    that is none.
    """
    if content is None or content is UNSET:
        return ()
    items: Iterable[object] = content if isinstance(content, list) else (content,)
    return tuple(_block_of(item) for item in items)


class _Known(msgspec.Struct, kw_only=True):
    """The top-level members that the router looks at."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    tools: tuple[Tool, ...] | None = None
    stop_sequences: list[str] | None = None
    system: str | list[Block] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: dict[str, Any] | None = None
    tool_choice: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None


_RAW_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_KNOWN = {member.name: msgspec.json.Decoder(member.type) for member in structs.fields(_Known)}
_TOOLS = msgspec.json.Decoder(tuple[Tool, ...])
_SYSTEM = msgspec.json.Decoder(str | list[Block])
_STRINGS = msgspec.json.Decoder(list[str])
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_STR = msgspec.json.Decoder(str)
_INT = msgspec.json.Decoder(int)
_FLOAT = msgspec.json.Decoder(float)
_BOOL = msgspec.json.Decoder(bool)

_CHECKED: dict[str, tuple[tuple[str, type, str], ...]] = {
    "text": (("text", str, "string"),),
    "image": (("source", dict, "dictionary"),),
    "document": (("source", dict, "dictionary"),),
    "thinking": (("thinking", str, "string"),),
    "redacted_thinking": (("data", str, "string"),),
    "tool_use": (("id", str, "string"), ("name", str, "string")),
    "tool_result": (("tool_use_id", str, "string"),),
    "tool_reference": (("tool_name", str, "string"),),
}
"""Block type -> the members it must have, with their type; every other member may be absent or anything."""

_BLOCK_MEMBERS = frozenset(Block.__struct_fields__) - {"input"}


def _required(fields: Mapping[str, Raw], name: str, decoder: msgspec.json.Decoder[T]) -> T:
    if name not in fields:
        raise BadRequest(f"{name}: Field required")
    return _decoded(fields[name], name, decoder)


def _optional(fields: Mapping[str, Raw], name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
    raw = fields.get(name)
    if raw is None or bytes(raw) == b"null":
        return None
    return _decoded(raw, name, decoder)


def _decoded(raw: Raw, name: str, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise BadRequest(wording_of(fault, name)) from None


def _known(fields: Mapping[str, Raw], known_tools: Recent[tuple[Tool, ...]] | None) -> _Known | None:
    """The known members of a body at which nothing is wrong; None where one is missing. Raises for one of a wrong type."""
    members: dict[str, Any] = {}
    for name, raw in fields.items():
        if name == "tools" and known_tools is not None:
            members[name] = _tools(raw, known_tools)
        elif (decoder := _KNOWN.get(name)) is not None:
            members[name] = decoder.decode(raw)
    return _Known(**members) if "model" in members and "messages" in members else None


def _tools(raw: Raw, known_tools: Recent[tuple[Tool, ...]]) -> tuple[Tool, ...] | None:
    """A session sends the same tools with every turn: they are decoded once."""
    tools = known_tools.get(raw)
    if tools is None:
        own = raw.copy()  # what is remembered holds no part of the request
        tools = _KNOWN["tools"].decode(own)
        if tools is not None:
            known_tools.keep(own, None, tools)
    return tools


def _one_by_one(fields: Mapping[str, Raw], path: Path) -> _Known:
    """The known members, for a body that could not be read at once: finds the first that is at fault, in the vendor's order."""
    model = _required(fields, "model", _STR)
    _check_model(model)
    messages = _required(fields, "messages", _KNOWN["messages"])
    _check_messages(messages)
    max_tokens = _optional(fields, "max_tokens", _INT)
    _check_max_tokens(max_tokens, path)
    tools = _optional(fields, "tools", _TOOLS)
    _check_tools(tools)
    stop_sequences = _optional(fields, "stop_sequences", _STRINGS)
    system = _optional(fields, "system", _SYSTEM)
    _blocks_of_system(system)
    return _Known(
        model=model,
        messages=messages,
        max_tokens=max_tokens,
        tools=tools,
        stop_sequences=stop_sequences,
        system=system,
        stream=_optional(fields, "stream", _BOOL),
        temperature=_optional(fields, "temperature", _FLOAT),
        top_p=_optional(fields, "top_p", _FLOAT),
        top_k=_optional(fields, "top_k", _INT),
        thinking=_optional(fields, "thinking", _OBJECT),
        tool_choice=_optional(fields, "tool_choice", _OBJECT),
        metadata=_optional(fields, "metadata", _OBJECT),
        output_config=_optional(fields, "output_config", _OBJECT),
    )


def _check_model(model: str) -> None:
    if not model:
        raise BadRequest("model: String should have at least 1 character")
    if len(model) > MAX_MODEL_CHARS:
        raise BadRequest(f"model: String should have at most {MAX_MODEL_CHARS} characters")


def _check_max_tokens(max_tokens: int | None, path: Path) -> None:
    if max_tokens is None:
        if path == "messages":
            raise BadRequest("max_tokens: Field required")
    elif max_tokens < 0:
        raise BadRequest("max_tokens: Input should be greater than or equal to 0")


def _blocks_of_system(system: str | list[Block] | None) -> tuple[Block, ...]:
    if system is None:
        return ()
    if isinstance(system, str):
        return (Block(type="text", text=system),)
    if len(system) > MAX_BLOCKS:
        raise BadRequest(f"system: List should have at most {MAX_BLOCKS} items")
    for index, block in enumerate(system):
        if fault := _fault_of(block):
            raise BadRequest(f"system.{index}.{fault}")
    return tuple(system)


def _check_tools(tools: Sized | None) -> None:
    if tools is not None and len(tools) > MAX_TOOLS:
        raise BadRequest(f"tools: List should have at most {MAX_TOOLS} items")


def _check_messages(messages: Sequence[Message]) -> None:
    if len(messages) > MAX_MESSAGES:
        raise BadRequest(f"messages: List should have at most {MAX_MESSAGES} items")
    blocks = 0
    for position, message in enumerate(messages):
        content = message.content
        if isinstance(content, str):
            continue
        blocks += len(content)
        if blocks > MAX_BLOCKS:
            raise BadRequest(f"messages: Content should have at most {MAX_BLOCKS} blocks in all")
        for block in content:
            kind = block.type  # the most frequent ones, of which there are many, are seen to be sound at once
            if kind == "text":
                if type(block.text) is str:
                    continue
            elif kind == "tool_result":
                if type(block.tool_use_id) is str:
                    continue
            elif kind == "tool_use" and type(block.id) is str and type(block.name) is str and _has_input(block):
                continue
            if fault := _fault_of(block):
                raise BadRequest(f"messages.{position}.content.{_place_in(content, block)}.{fault}")


def _place_in(content: Sequence[Block], block: Block) -> int:
    return next(index for index, one in enumerate(content) if one is block)


def _has_input(call: Block) -> bool:
    return call.input is UNSET or bytes(call.input).startswith(b"{")


def _fault_of(block: Block) -> str | None:
    """What is wrong with a member of the block: its name and the vendor's wording."""
    for member, wanted, noun in _CHECKED.get(block.type, ()):
        value = getattr(block, member)
        if value is None:
            return f"{member}: Field required"
        if not isinstance(value, wanted):
            return f"{member}: Input should be a valid {noun}"
    if block.type == "tool_use" and not _has_input(block):
        return "input: Input should be a valid dictionary"
    return None


def _block_of(item: object) -> Block:
    if isinstance(item, str):
        return Block(type="text", text=item)
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return Block(type="text", text=msgspec.json.encode(item).decode())  # data of the tool's own, no block
    known: dict[str, Any] = {key: value for key, value in item.items() if key in _BLOCK_MEMBERS}
    if known.get("type") == "text" and not isinstance(known.get("text"), str):
        known["text"] = "" if known.get("text") is None else msgspec.json.encode(known["text"]).decode()
    if "input" in item:
        known["input"] = Raw(msgspec.json.encode(item["input"]))
    return Block(**known)


def _top_level(body: bytes) -> tuple[bytes, dict[str, Raw], int]:
    """The body as UTF-8 without lone surrogates, its members, and how many surrogates were replaced."""
    text, encoded = utf8_of(body)
    try:
        return text, _RAW_FIELDS.decode(text), encoded
    except (msgspec.DecodeError, RecursionError) as fault:
        whole, escaped = without_lone_escapes(text)
        if not escaped:
            raise BadRequest(wording_of(fault, "")) from None
    try:
        return whole, _RAW_FIELDS.decode(whole), encoded + escaped
    except (msgspec.DecodeError, RecursionError) as fault:
        raise BadRequest(wording_of(fault, "")) from None


_KEY = re.compile(rb'\s*[{,]\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL)
_END = re.compile(rb"\s*}")


def _refuse_duplicates(body: bytes, fields: Mapping[str, Raw]) -> None:
    """Raises for a member given twice: we would route by one of them and an upstream could read the other.

    The decoder keeps the last value of a name, so a body without white space is longer than what was kept exactly when a
    name came again. In any other, a walk along the kept values either fits the body or meets a repetition.
    """
    if len(body) == 1 + 4 * len(fields) + sum(map(len, fields)) + sum(map(len, fields.values())):
        return
    seen: set[str] = set()
    name, at = "", 0
    while found := _KEY.match(body, at):
        name = _STR.decode(found[1])
        value = bytes(fields[name])
        at = found.end() + len(value)
        if name in seen or not body.startswith(value, found.end()):
            raise BadRequest(f"{name}: Field given twice")
        seen.add(name)
    if fields and not _END.match(body, at):
        raise BadRequest(f"{name}: Field given twice")
