"""Content parts of a chat message as Messages blocks.

Source: the `ChatCompletionContentPart` types of the OpenAI API. `cache_control` on a part, which several compatible
APIs take, is kept; `prompt_cache_breakpoint` says the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from providers.chat.reading import (
    missing,
    object_at,
    optional_text,
    text_at,
    under,
    unsupported,
    wrong_type,
    wrong_value,
)
from providers.dialects.losses import Losses

Block: TypeAlias = dict[str, Any]

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),(.*)", re.DOTALL)
EPHEMERAL = {"type": "ephemeral"}


def text_block(text: str) -> Block:
    """A text block."""
    return {"type": "text", "text": text}


def blocks_of(message: Mapping[str, Any], place: str, losses: Losses, *, only_text: bool) -> list[Block]:
    """The content of a message as blocks, without empty texts: none where it is absent, null or empty.

    `only_text`: the role takes nothing else. A cache mark on the message goes to the last block that has none of its own.
    """
    content = message.get("content")
    where = under(place, "content")
    if content is None:
        blocks = []
    elif isinstance(content, str):
        blocks = [text_block(content)] if content else []
    elif isinstance(content, list):
        blocks = [block for index, part in enumerate(content) for block in _part(part, f"{where}[{index}]", losses)]
        for block in blocks:
            if only_text and block["type"] != "text":
                raise unsupported(where, f"a message of the role `{message.get('role')}` takes only text")
    else:
        raise wrong_type(where, content, "one of a string or array of objects")
    mark = message.get("cache_control")
    if mark is not None and blocks:
        blocks[-1].setdefault("cache_control", mark)
    return blocks


def _part(part: object, place: str, losses: Losses) -> list[Block]:
    if not isinstance(part, dict):
        raise wrong_type(place, part, "an object")
    kind = text_at(part, "type", place)
    match kind:
        case "text":
            text = text_at(part, "text", place)
            blocks = [text_block(text)] if text else []
        case "refusal":
            text = text_at(part, "refusal", place)
            blocks = [text_block(text)] if text else []
        case "image_url":
            blocks = [_image(part, place, losses)]
        case "file":
            blocks = [_file(object_at(part, "file", place), under(place, "file"))]
        case "input_audio":
            raise unsupported(place, "audio cannot be passed on")
        case _:
            raise wrong_value(under(place, "type"), f"`{kind}` is not a kind of content this router knows")
    for block in blocks:
        if part.get("cache_control") is not None:
            block["cache_control"] = part["cache_control"]
        elif part.get("prompt_cache_breakpoint") is not None:
            block["cache_control"] = EPHEMERAL
    return blocks


def _image(part: Mapping[str, Any], place: str, losses: Losses) -> Block:
    image = part.get("image_url")
    where = under(place, "image_url")
    if isinstance(image, str):
        address = image
    else:
        members = object_at(part, "image_url", place)
        address = text_at(members, "url", where)
        where = under(where, "url")
        if members.get("detail") not in (None, "auto"):
            losses.add("messages.content.image_url.detail", "a Messages request has no such member")
    if address.startswith("data:"):
        kind, data = _base64(address, where)
        return {"type": "image", "source": {"type": "base64", "media_type": kind or "image/png", "data": data}}
    if not address.startswith(("https://", "http://")):
        raise wrong_value(where, "expected a `data:` or `https:` URL")
    return {"type": "image", "source": {"type": "url", "url": address}}


def _file(file: Mapping[str, Any], place: str) -> Block:
    if optional_text(file, "file_id", place) is not None:
        raise unsupported(under(place, "file_id"), "a file by id is known only where it was uploaded")
    given = optional_text(file, "file_data", place)
    where = under(place, "file_data")
    if given is None:
        raise missing(where)
    kind, data = _base64(given, where) if given.startswith("data:") else ("", given)
    if kind not in ("", "application/pdf"):
        raise unsupported(where, f"only PDF files can be passed on, not `{kind}`")
    block: Block = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": data},
    }
    if name := optional_text(file, "filename", place):
        block["title"] = name
    return block


def _base64(address: str, place: str) -> tuple[str, str]:
    """Media type and data of a `data:` URL."""
    found = _DATA_URL.fullmatch(address)
    if found is None or ";base64" not in found[2]:
        raise wrong_value(place, "expected a base64 `data:` URL")
    return found[1].lower(), found[3]
