"""Messages as turns that alternate, with everything this service has no block for turned into text or refused.

The service knows a user message (text, images, results of calls) and an assistant message (text, calls); nothing else.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, Raw, Struct, field

from providers.dialects.losses import Losses
from providers.dialects.pieces import cites
from providers.dialects.seams import Unencodable
from providers.errors import KINDS, ProviderError
from providers.messages.signatures import unmarked
from schemas.decode_request import blocks_of
from schemas.request import Block, Message

IMAGE_FORMATS: dict[str, str] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}


class Call(Struct):
    """A `tool_use` of the client's; the input is JSON text."""

    id: str
    name: str
    input: Raw


class Result(Struct):
    """A `tool_result` of the client's; `text` may be empty."""

    id: str
    text: str
    failed: bool


class UserTurn(Struct):
    """Neighbouring messages of every role but `assistant`."""

    texts: list[str] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


class Thought(Struct, frozen=True):
    """A thought that this service has signed, or sealed (then it has no text); as it gave it."""

    text: str
    signature: str
    is_sealed: bool = False


class AssistantTurn(Struct):
    """Neighbouring messages of the assistant."""

    texts: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    thoughts: list[Thought] = field(default_factory=list)


Turn = UserTurn | AssistantTurn


class Thinking(Struct, frozen=True):
    """Which earlier thinking goes back: that of `issuer`; None: none does, for the reason `why`."""

    issuer: str | None
    why: str = ""


def turns_of(
    messages: Sequence[Message], losses: Losses, thinking: Thinking, *, takes_images: bool = True
) -> list[Turn]:
    """The turns in order, equal neighbours merged; a message of role `system` counts as the user's.

    A PDF or an image by URL in what the user says now raises `Unencodable`: the question could not be answered. In earlier
    turns and in results of calls a note stands for it, so that a session goes on.
    """
    turns: list[Turn] = []
    newest = max((at for at, message in enumerate(messages) if message.role == "assistant"), default=-1) + 1
    for at, message in enumerate(messages):
        blocks = blocks_of(message.content) if isinstance(message.content, str) else message.content
        if message.role == "assistant":
            if not turns or isinstance(turns[-1], UserTurn):
                turns.append(AssistantTurn())
            _add_assistant(turns[-1], blocks, thinking, _Reading([], False, False, losses))
        elif blocks or message.role == "user":
            if message.role != "user":
                losses.add("messages.role", "a system message within the conversation is sent as the user's text")
            if not turns or isinstance(turns[-1], AssistantTurn):
                turns.append(UserTurn())
            _add_user(turns[-1], blocks, takes_images, at >= newest, losses)
    return turns


def _add_assistant(turn: Turn, blocks: Iterable[Block], thinking: Thinking, reading: _Reading) -> None:
    assert isinstance(turn, AssistantTurn)
    losses = reading.losses
    for block in blocks:
        match block.type:
            case "tool_use":
                turn.calls.append(Call(block.id, block.name, Raw(b"{}") if block.input is UNSET else block.input))
            case "thinking" | "redacted_thinking":
                thought = _thought(block, thinking, losses)
                if thought is not None:
                    turn.thoughts.append(thought)
            case "server_tool_use" | "mcp_tool_use":
                losses.add(f"messages.content.{block.type}", "a call that the vendor's own server answered")
            case _:
                texts = reading.texts(block)
                if texts and turn.calls:
                    losses.add("messages.content.text", "text after a tool call is sent before it")
                turn.texts.extend(texts)
        _lose_cache_control(block, losses)


def _thought(block: Block, thinking: Thinking, losses: Losses) -> Thought | None:
    field_name = f"messages.content.{block.type}"
    if thinking.issuer is None:
        losses.add(field_name, thinking.why)
        return None
    is_sealed = block.type == "redacted_thinking"
    signature = unmarked(thinking.issuer, block.data if is_sealed else block.signature)
    if signature is None:
        losses.add(field_name, "only its issuer takes a signed thought back")
        return None
    return Thought("" if is_sealed else block.thinking or "", signature, is_sealed)


def _add_user(turn: Turn, blocks: Iterable[Block], takes_images: bool, asked_now: bool, losses: Losses) -> None:
    assert isinstance(turn, UserTurn)
    for block in blocks:
        if block.type == "tool_result":
            turn.results.append(_result(block, _Reading(turn.images, takes_images, False, losses)))
        else:
            turn.texts.extend(_Reading(turn.images, takes_images, asked_now, losses).texts(block))
        _lose_cache_control(block, losses)


def _result(block: Block, reading: _Reading) -> Result:
    before = len(reading.images)
    texts = reading.all_texts(block.content)
    attached = len(reading.images) - before
    if attached:
        texts.append("(see the attached image)" if attached == 1 else "(see the attached images)")
        reading.losses.add("messages.content.tool_result.image", "results are text here: it is attached to the message")
    return Result(block.tool_use_id, "\n".join(texts), failed=block.is_error is True)


class _Reading(Struct, frozen=True):
    """Turns content into text; images go to `images`. What cannot be sent is refused if `asked_now`, else a note says so."""

    images: list[dict[str, Any]]
    takes_images: bool
    asked_now: bool
    losses: Losses

    def all_texts(self, content: object) -> list[str]:
        """The texts of what stands within a block."""
        inner = blocks_of(content)
        for block in inner:
            _lose_cache_control(block, self.losses)
        return [text for block in inner for text in self.texts(block)]

    def texts(self, block: Block) -> list[str]:
        if cites(block):
            self.losses.add("messages.content.citations", "this service has no citations")
        match block.type:
            case "text":
                return _strings(block.text)
            case "image":
                return self._image(block)
            case "tool_reference":
                return [f"The tool {block.tool_name} can be used now."]
            case "document":
                return self._document(block)
            case "search_result":
                self.losses.add("messages.content.search_result", "sent as plain text")
                return [*_strings(block.title, block.source), *self.all_texts(block.content)]
            case "mid_conv_system":
                return self.all_texts(block.content or block.text)
            case "web_search_tool_result":
                self.losses.add(f"messages.content.{block.type}", "sent as plain text")
                return _web_results(block.content)
            case _ if texts := _strings(block.text):
                self.losses.add(f"messages.content.{block.type}", "an unknown kind of block, sent as plain text")
                return texts
            case _:
                self.losses.add(f"messages.content.{block.type or 'block'}", "this service has no such block")
                return []

    def _document(self, block: Block) -> list[str]:
        source = block.source if isinstance(block.source, dict) else {}
        match source.get("type"):
            case "text":
                return _strings(block.title, block.context, source.get("data"))
            case "content":
                return [*_strings(block.title, block.context), *self.all_texts(source.get("content"))]
            case kind:
                return self._left_out("document", str(source.get("media_type") or kind), "documents as text only")

    def _image(self, block: Block) -> list[str]:
        source = block.source if isinstance(block.source, dict) else {}
        data, media_type = source.get("data"), str(source.get("media_type")).lower()
        if not self.takes_images:
            self.losses.add("messages.content.image", "the model takes no images, a note stands in its place")
            return ["[an image was here, but this model takes no images]"]
        if source.get("type") != "base64" or not isinstance(data, str):
            return self._left_out("image", f"by {source.get('type')}", "images as base64 only")
        if media_type not in IMAGE_FORMATS:
            return self._left_out("image", media_type, "PNG, JPEG, GIF and WebP images only")
        encoded = _base64(data)
        if encoded is None:
            return self._left_out("image", media_type, "valid base64 only")
        self.images.append({"format": IMAGE_FORMATS[media_type], "source": {"bytes": encoded}})
        return []

    def _left_out(self, noun: str, form: str, taken: str) -> list[str]:
        if self.asked_now:
            raise refused(
                "bad_request", f"this upstream takes {taken}; the request has one {noun} ({form}) that it cannot read"
            )
        self.losses.add(f"messages.content.{noun}", f"this service takes {taken}; a note stands in its place")
        return [f"[{noun} left out here: {form} cannot be read by this model]"]


def _web_results(content: object) -> list[str]:
    found = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    return [" ".join(_strings(one.get("title"), one.get("url"))) for one in found]


def _strings(*values: object) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]


def _base64(data: str) -> str | None:
    """The data without a `data:…,` prefix and line breaks, or None where it is no base64."""
    if data.startswith("data:"):
        data = data.partition(",")[2]
    for attempt in (data, _WHITE.sub("", data)):
        try:
            binascii.a2b_base64(attempt, strict_mode=True)
        except ValueError:
            continue
        return attempt
    return None


_WHITE = re.compile(r"\s+")


def _lose_cache_control(block: Block, losses: Losses) -> None:
    if block.cache_control is not None:
        losses.add("messages.content.cache_control", "this service decides itself what it caches")


def refused(kind: str, message: str) -> Unencodable:
    """The client's request cannot be put to this service."""
    return Unencodable(ProviderError(kind=KINDS[kind], message=message))
