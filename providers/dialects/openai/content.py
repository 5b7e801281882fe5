"""Content blocks as OpenAI content parts: text, images, files, and notes where the target takes none of these.

Source: the `ChatCompletionContentPart` types of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

from msgspec import Struct

from providers.dialects import pieces
from providers.dialects.losses import Losses
from providers.dialects.openai.options import Options
from providers.dialects.pieces import Media, Piece, pieces_of
from providers.spec import ModelSpec
from schemas.decode_request import blocks_of
from schemas.request import Block

Part: TypeAlias = dict[str, Any]


class Takes(Struct, frozen=True):
    """What the target takes in a message; `cache` is the `cacheControl` setting."""

    media: pieces.Takes
    cache: str


def takes_of(options: Options, model: ModelSpec | None) -> Takes:
    """What the model takes: by its listed capabilities, else images always and files as the settings say."""
    return Takes(pieces.takes_of(model, files=options.documents == "file"), options.cache_control)


def text_part(text: str) -> Part:
    """A text part."""
    return {"type": "text", "text": text}


def is_plain(block: Block) -> bool:
    """Whether a block is a text with nothing that would get lost."""
    return block.type == "text" and block.cache_control is None and not block.citations


def is_plain_item(item: object) -> TypeGuard[dict[str, str]]:
    """The same of what stands in a tool result."""
    return type(item) is dict and len(item) == 2 and item.get("type") == "text" and type(item.get("text")) is str


def parts_of(block: Block, takes: Takes, losses: Losses, place: str = "messages.content") -> list[Part]:
    """The block as parts, possibly none; `place` is how the losses call where it stands."""
    if is_plain(block):  # nearly all are
        return [{"type": "text", "text": block.text}] if block.text else []
    parts = [_part(piece) for piece in pieces_of(block, takes.media, losses, place)]
    mark(parts, block, takes, losses, place)
    return parts


def result_parts_of(content: object, takes: Takes, losses: Losses) -> tuple[list[Part], list[Part]]:
    """The parts of what stands in a tool result, those of text and the others: a `tool` message takes only text."""
    texts: list[Part] = []
    media: list[Part] = []
    items = content if isinstance(content, list) else () if content is None else (content,)
    for item in items:
        if is_plain_item(item):
            if item["text"]:
                texts.append({"type": "text", "text": item["text"]})
        else:
            for block in blocks_of([item]):
                said, others = split_media(parts_of(block, takes, losses))
                texts += said
                media += others
    return texts, media


def _part(piece: Piece) -> Part:
    if not isinstance(piece, Media):
        return text_part(piece.text)
    url = piece.url if piece.data is None else f"data:{piece.media_type};base64,{piece.data}"
    if piece.kind == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": piece.title or "document.pdf", "file_data": url}}


def mark(parts: Sequence[Part], block: Block, takes: Takes, losses: Losses, place: str) -> None:
    """Puts the block's cache mark on the last of its parts, in the form the target has for it."""
    if block.cache_control is None:
        return
    if takes.cache == "drop" or not parts:
        losses.add(f"{place}.cache_control", "this upstream takes no cache marks")
    elif takes.cache == "keep":
        parts[-1]["cache_control"] = block.cache_control
    else:
        parts[-1]["prompt_cache_breakpoint"] = {"mode": "explicit"}


def compact(parts: Sequence[Part], glue: str = "\n") -> str | list[Part]:
    """Parts as one string where all are plain text (every upstream takes that), else the list."""
    texts: list[str] = []
    for part in parts:
        if len(part) != 2 or part["type"] != "text":
            return list(parts)
        text: str = part["text"]
        if len(parts) == 1:
            return text
        texts.append(text)
    return glue.join(texts)


def split_media(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Text parts and the others."""
    texts = [part for part in parts if part["type"] == "text"]
    return texts, [] if len(texts) == len(parts) else [part for part in parts if part["type"] != "text"]
