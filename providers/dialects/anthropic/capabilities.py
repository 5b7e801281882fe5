"""What a model that the configuration lists does not take: clamped, left out, or a note in its place, and said so.

A model without `capabilities` is sent everything as it came.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET

from providers.dialects.anthropic.history import Fate
from providers.dialects.anthropic.thoughts import clearing_left_out
from providers.dialects.losses import Losses
from providers.spec import ModelSpec
from schemas.decode_request import blocks_of
from schemas.request import Block, MessagesRequest

LEAST_BUDGET = 1024
"""Tokens; the vendor refuses a smaller thinking budget."""


def fitting(request: MessagesRequest, model: ModelSpec | None, losses: Losses) -> dict[str, bytes | None]:
    """The edits of the request's members that make it fit the model."""
    if model is None:
        return {}
    edits = _clamped(request, model, losses)
    if model.capabilities is None:
        return edits
    if "thinking" not in model.capabilities:
        edits |= _unthinking(request, losses)
    if "tools" not in model.capabilities and request.tools:
        losses.add("tools", "the model takes no tools", len(request.tools))
        edits |= {"tools": None, "tool_choice": None}
    return edits


class Notes:
    """Puts notes in the place of blocks that the model does not take; `kinds` are the types that it has to see."""

    __slots__ = ("_losses", "_takes", "kinds")

    def __init__(self, model: ModelSpec | None, losses: Losses) -> None:
        listed = model.capabilities if model is not None else None
        self._takes = frozenset(("images", "documents", "tools")) if listed is None else listed
        self._losses = losses
        self.kinds = frozenset() if listed is None else _JUDGED

    def __call__(self, block: Block) -> bytes | Literal[Fate.KEEP, Fate.DROP]:
        """What stands in a block's place."""
        match block.type:
            case "image" if "images" not in self._takes:
                self._losses.add("messages.content.image", "the model takes no images, a note stands in its place")
                return _text("[an image was here, but this model takes no images]")
            case "document" if "documents" not in self._takes:
                return _text(self._document(block))
            case "tool_use" if "tools" not in self._takes:
                self._losses.add("messages.content.tool_use", "the model takes no tools, the call is told as text")
                call = "{}" if block.input is UNSET else bytes(block.input).decode("utf-8", "replace")
                return _text(f"[called the tool `{block.name}` with {call}]")
            case "tool_result":
                return self._result(block)
            case _:
                return Fate.KEEP

    def _document(self, block: Block) -> str:
        self._losses.add(
            "messages.content.document", "the model takes no documents, its text or a note stands in its place"
        )
        heading = f"[document: {block.title}]" if isinstance(block.title, str) and block.title else "[document]"
        source = block.source if isinstance(block.source, dict) else {}
        match source.get("type"):
            case "text":
                return f"{heading}\n{source.get('data', '')}"
            case "content":
                return "\n".join([heading, *_texts(source.get("content"))])
            case _:
                return f"{heading}\n[its content was here, but this model takes no documents]"

    def _result(self, block: Block) -> bytes | Literal[Fate.KEEP]:
        """A result as text where the model takes no tools, else with notes within it."""
        inner = blocks_of(block.content) if isinstance(block.content, list) else ()
        fates = [self(one) for one in inner]
        if "tools" not in self._takes:
            self._losses.add("messages.content.tool_result", "the model takes no tools, the result is told as text")
            texts = _texts(block.content) or ["nothing"]
            return _text("\n".join(["[the tool answered:]", *texts]))
        if all(fate is Fate.KEEP for fate in fates):
            return Fate.KEEP
        content = [
            original if fate is Fate.KEEP else msgspec.Raw(fate)
            for original, fate in zip(block.content, fates, strict=True)
            if fate is not Fate.DROP
        ]
        members: dict[str, Any] = {"type": "tool_result", "tool_use_id": block.tool_use_id, "content": content}
        if block.is_error is not None:
            members["is_error"] = block.is_error
        if block.cache_control is not None:
            members["cache_control"] = block.cache_control
        return msgspec.json.encode(members)


_JUDGED = frozenset(("image", "document", "tool_use", "tool_result"))


def _clamped(request: MessagesRequest, model: ModelSpec, losses: Losses) -> dict[str, bytes | None]:
    most, asked = model.max_output_tokens, request.max_tokens
    if most is None or asked is None or asked <= most:
        return {}
    losses.add("max_tokens", f"{asked} is more than the {most} of `{model.name}`, which are sent")
    edits: dict[str, bytes | None] = {"max_tokens": msgspec.json.encode(most)}
    thinking = request.thinking or {}
    budget = thinking.get("budget_tokens")
    if thinking.get("type") != "enabled" or not isinstance(budget, int) or budget < most:
        return edits
    if most > LEAST_BUDGET:
        losses.add("thinking.budget_tokens", f"{budget} is not less than `max_tokens`, {most - 1} are sent")
        edits["thinking"] = msgspec.json.encode({**thinking, "budget_tokens": most - 1})
    else:
        losses.add("thinking", f"no budget fits into the {most} tokens of `{model.name}`")
        edits |= {"thinking": None, **clearing_left_out(request)}
    return edits


def _unthinking(request: MessagesRequest, losses: Losses) -> dict[str, bytes | None]:
    edits: dict[str, bytes | None] = {}
    if (request.thinking or {}).get("type") in ("enabled", "adaptive"):
        losses.add("thinking", "the model does not list the capability `thinking`")
        edits |= {"thinking": None, **clearing_left_out(request)}
    config = dict(request.output_config or {})
    if "effort" in config:
        losses.add("output_config.effort", "the model does not list the capability `thinking`")
        del config["effort"]
        edits["output_config"] = msgspec.json.encode(config) if config else None
    return edits


def _texts(content: object) -> list[str]:
    return [one.text for one in blocks_of(content) if isinstance(one.text, str) and one.text]


def _text(text: str) -> bytes:
    return msgspec.json.encode({"type": "text", "text": text})
