"""Content blocks to OpenAI content parts: text, images, files, and notes where the target takes none of these.

Source: the `ChatCompletionContentPart` types of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from providers.dialects.losses import Losses
from providers.dialects.openai.options import Options
from providers.spec import ModelSpec
from schemas.decode_request import blocks_of
from schemas.request import Block

Part: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Takes:
    """What the target takes in a message; `cache` is the `cacheControl` setting."""

    images: bool
    files: bool
    cache: str


def takes_of(options: Options, model: ModelSpec | None) -> Takes:
    """What the model takes: by its listed capabilities, else images always and files as the settings say."""
    capabilities = model.capabilities if model is not None else None
    if capabilities is None:
        return Takes(True, options.documents == "file", options.cache_control)
    return Takes("images" in capabilities, "documents" in capabilities, options.cache_control)


def text_part(text: str) -> Part:
    """A text part."""
    return {"type": "text", "text": text}


def parts_of(block: Block, takes: Takes, losses: Losses, place: str = "messages.content") -> list[Part]:
    """The block as parts, possibly none; `place` is how the losses call where it stands."""
    if block.citations and block.citations != {"enabled": False}:
        losses.add(f"{place}.citations", "citations are not part of this API")
    match block.type:
        case "text":
            parts = [text_part(block.text)] if block.text else []
        case "image":
            parts = [_image(block, takes, losses, place)]
        case "document":
            parts = _document(block, takes, losses, place)
        case "search_result":
            parts = [_search_result(block)]
            losses.add(f"{place}.search_result", "sent as plain text")
        case "tool_reference":
            parts = [text_part(f"The tool `{block.tool_name}` is now available.")]
        case "web_search_tool_result":
            parts = [_web_results(block)]
            losses.add(f"{place}.{block.type}", "sent as plain text")
        case "compaction" if isinstance(block.content, str):
            parts = [text_part(block.content)]
            losses.add(f"{place}.compaction", "sent as plain text")
        case _ if isinstance(block.text, str) and block.text:
            parts = [text_part(block.text)]
            losses.add(f"{place}.{block.type or 'block'}", "an unknown kind of block, sent as plain text")
        case _:
            parts = []
            losses.add(f"{place}.{block.type or 'block'}", "this API has no such block")
    mark(parts, block, takes, losses, place)
    return parts


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
    for part in parts:
        if part["type"] != "text" or len(part) != 2:
            return list(parts)
    return parts[0]["text"] if len(parts) == 1 else glue.join([part["text"] for part in parts])


def split_media(parts: Iterable[Part]) -> tuple[list[Part], list[Part]]:
    """Text parts and the others: a `tool` message takes only text."""
    texts: list[Part] = []
    media: list[Part] = []
    for part in parts:
        (texts if part["type"] == "text" else media).append(part)
    return texts, media


def _image(block: Block, takes: Takes, losses: Losses, place: str) -> Part:
    source = block.source
    if not takes.images:
        losses.add(f"{place}.image", "the model takes no images, a note stands in its place")
        return text_part("[an image was here, but this model takes no images]")
    match source.get("type"):
        case "base64":
            return {"type": "image_url", "image_url": {"url": _data_url(source, "image/png")}}
        case "url":
            return {"type": "image_url", "image_url": {"url": str(source.get("url", ""))}}
        case kind:
            losses.add(f"{place}.image", f"an image by `{kind}` cannot be sent, a note stands in its place")
            return text_part("[an image was here that only its vendor can read]")


def _document(block: Block, takes: Takes, losses: Losses, place: str) -> list[Part]:
    source = block.source
    title = block.title if isinstance(block.title, str) else ""
    heading = f"[document: {title}]" if title else "[document]"
    if isinstance(block.context, str) and block.context:
        heading = f"{heading}\n{block.context}"
    match source.get("type"):
        case "text":
            return [text_part(f"{heading}\n{source.get('data', '')}")]
        case "content":
            inner = [part for one in blocks_of(source.get("content")) for part in _inner(one, takes, losses, place)]
            return [text_part(heading), *inner]
        case "base64" if takes.files:
            file = {"filename": title or "document.pdf", "file_data": _data_url(source, "application/pdf")}
            part: Part = {"type": "file", "file": file}
            return [text_part(heading), part] if block.context else [part]
        case "base64":
            losses.add(f"{place}.document", "the target takes no files, a note stands in its place")
            return [text_part(f"{heading}\n[its content was here, but this model takes no files]")]
        case "url":
            losses.add(f"{place}.document", "a document by address cannot be sent, its address stands in its place")
            return [text_part(f"{heading}\n[to be found at {source.get('url', '')}]")]
        case kind:
            losses.add(f"{place}.document", f"a document by `{kind}` cannot be sent, a note stands in its place")
            return [text_part(f"{heading}\n[its content was here, but only its vendor can read it]")]


def _inner(block: Block, takes: Takes, losses: Losses, place: str) -> list[Part]:
    if block.type == "document":
        losses.add(f"{place}.document", "a document within a document cannot be sent")
        return []
    return parts_of(block, takes, losses, place)


def _search_result(block: Block) -> Part:
    texts = [one.text for one in blocks_of(block.content) if isinstance(one.text, str)]
    return text_part("\n".join([f"[search result: {block.title}]", str(block.source or ""), *texts]))


def _web_results(block: Block) -> Part:
    results = block.content if isinstance(block.content, list) else []
    lines = [
        f"- {one.get('title', '')} ({one.get('url', '')})"
        for one in results
        if isinstance(one, dict) and one.get("type") == "web_search_result"
    ]
    return text_part("\n".join(["[web search results]", *lines]))


def _data_url(source: dict[str, Any], fallback: str) -> str:
    return f"data:{source.get('media_type') or fallback};base64,{source.get('data', '')}"
