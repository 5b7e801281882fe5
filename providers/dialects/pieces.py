"""Content blocks as pieces that every API has: words, and media where the target takes them; notes in place of all else.

What cannot be sent is listed where it is left out. The dialect says how a piece is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from providers.dialects.losses import Losses
from providers.spec import ModelSpec
from schemas.decode_request import blocks_of
from schemas.request import Block


class Words(Struct, frozen=True):
    """Text, never empty."""

    text: str


class Media(Struct, frozen=True):
    """An image or a file, as base64 `data` or by `url` (exactly one of them); `media_type` is "" where it is not known."""

    kind: Literal["image", "file"]
    media_type: str
    data: str | None = None
    url: str | None = None
    title: str = ""


Piece: TypeAlias = Words | Media


class Takes(Struct, frozen=True):
    """What the target takes in a message; `file_urls`: documents by their address, too."""

    images: bool
    files: bool
    file_urls: bool = False


def takes_of(model: ModelSpec | None, *, files: bool, file_urls: bool = False) -> Takes:
    """What the model takes: by its listed capabilities, else images always and files as said."""
    capabilities = model.capabilities if model is not None else None
    if capabilities is None:
        return Takes(True, files, files and file_urls)
    files = "documents" in capabilities
    return Takes("images" in capabilities, files, files and file_urls)


def cites(block: Block) -> bool:
    """Whether a block has citations, or asks for them."""
    return bool(block.citations) and block.citations != {"enabled": False}


def pieces_of(block: Block, takes: Takes, losses: Losses, place: str = "messages.content") -> list[Piece]:
    """The block as pieces, possibly none; `place` is how the losses call where it stands."""
    if cites(block):
        losses.add(f"{place}.citations", "citations are not part of this API")
    match block.type:
        case "text":
            return [Words(block.text)] if block.text else []
        case "image":
            return [_image(block, takes, losses, place)]
        case "document":
            return _document(block, takes, losses, place)
        case "search_result":
            losses.add(f"{place}.search_result", "sent as plain text")
            return [_search_result(block)]
        case "tool_reference":
            return [Words(f"The tool `{block.tool_name}` is now available.")]
        case "web_search_tool_result":
            losses.add(f"{place}.{block.type}", "sent as plain text")
            return [_web_results(block)]
        case "compaction" if isinstance(block.content, str):
            losses.add(f"{place}.compaction", "sent as plain text")
            return [Words(block.content)] if block.content else []
        case _ if isinstance(block.text, str) and block.text:
            losses.add(f"{place}.{block.type or 'block'}", "an unknown kind of block, sent as plain text")
            return [Words(block.text)]
        case _:
            losses.add(f"{place}.{block.type or 'block'}", "this API has no such block")
            return []


def text_of(pieces: Iterable[Piece], glue: str = "\n") -> str:
    """The words among the pieces."""
    return glue.join(piece.text for piece in pieces if isinstance(piece, Words))


def _image(block: Block, takes: Takes, losses: Losses, place: str) -> Piece:
    source = block.source
    if not takes.images:
        losses.add(f"{place}.image", "the model takes no images, a note stands in its place")
        return Words("[an image was here, but this model takes no images]")
    match source.get("type"):
        case "base64":
            return Media("image", str(source.get("media_type") or "image/png"), data=str(source.get("data", "")))
        case "url":
            return Media("image", "", url=str(source.get("url", "")))
        case kind:
            losses.add(f"{place}.image", f"an image by `{kind}` cannot be sent, a note stands in its place")
            return Words("[an image was here that only its vendor can read]")


def _document(block: Block, takes: Takes, losses: Losses, place: str) -> list[Piece]:
    source: dict[str, Any] = block.source
    title = block.title if isinstance(block.title, str) else ""
    heading = f"[document: {title}]" if title else "[document]"
    if isinstance(block.context, str) and block.context:
        heading = f"{heading}\n{block.context}"
    before: list[Piece] = [Words(heading)] if block.context else []
    match source.get("type"):
        case "text":
            return [Words(f"{heading}\n{source.get('data', '')}")]
        case "content":
            inner = [piece for one in blocks_of(source.get("content")) for piece in _inner(one, takes, losses, place)]
            return [Words(heading), *inner]
        case "base64" if takes.files:
            media_type = str(source.get("media_type") or "application/pdf")
            return [*before, Media("file", media_type, data=str(source.get("data", "")), title=title)]
        case "base64":
            losses.add(f"{place}.document", "the target takes no files, a note stands in its place")
            return [Words(f"{heading}\n[its content was here, but this model takes no files]")]
        case "url" if takes.file_urls:
            return [*before, Media("file", "application/pdf", url=str(source.get("url", "")), title=title)]
        case "url":
            losses.add(f"{place}.document", "a document by address cannot be sent, its address stands in its place")
            return [Words(f"{heading}\n[to be found at {source.get('url', '')}]")]
        case kind:
            losses.add(f"{place}.document", f"a document by `{kind}` cannot be sent, a note stands in its place")
            return [Words(f"{heading}\n[its content was here, but only its vendor can read it]")]


def _inner(block: Block, takes: Takes, losses: Losses, place: str) -> list[Piece]:
    if block.type == "document":
        losses.add(f"{place}.document", "a document within a document cannot be sent")
        return []
    return pieces_of(block, takes, losses, place)


def _search_result(block: Block) -> Words:
    texts = [one.text for one in blocks_of(block.content) if isinstance(one.text, str)]
    return Words("\n".join([f"[search result: {block.title}]", str(block.source or ""), *texts]))


def _web_results(block: Block) -> Words:
    results = block.content if isinstance(block.content, list) else []
    lines = [
        f"- {one.get('title', '')} ({one.get('url', '')})"
        for one in results
        if isinstance(one, dict) and one.get("type") == "web_search_result"
    ]
    return Words("\n".join(["[web search results]", *lines]))
