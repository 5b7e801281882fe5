"""The client's explicit choice of a target: a model written `provider,model`, or the subagent tag in a text.

The tag is `<CCR-SUBAGENT-MODEL>provider,model</CCR-SUBAGENT-MODEL>`, in any system block or the first two user messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from rules.extract import plain_model, texts_of
from schemas.request import Block, Message, MessagesRequest

_OPEN = "<CCR-SUBAGENT-MODEL>"
TAG = re.compile(r"<CCR-SUBAGENT-MODEL>([^<]*)</CCR-SUBAGENT-MODEL>")
"""Where a client chooses a target in a text."""
_USER_MESSAGES = 2


def choices_of(request: MessagesRequest) -> tuple[str, ...]:
    """What the client chose, as `provider,model`: by the tag (the first one counts), then by the model."""
    tagged = _tagged(request)
    by_model = (plain_model(request.model),) if "," in request.model else ()
    return by_model if tagged is None else (tagged, *by_model)


def without_tag(request: MessagesRequest) -> MessagesRequest:
    """The request without any tag where tags are looked for; the same object where there is none.

    `raw` and `fields` are written anew only as far as they held one. A text block left empty goes, unless it is alone.
    """
    if _tagged(request) is None:
        return request
    tagged = {index for index, _ in _first_user_messages(request)}
    messages = tuple(
        _cleaned_message(message) if index in tagged else message for index, message in enumerate(request.messages)
    )
    fields = dict(request.fields)
    if "system" in fields:
        fields["system"] = _cleaned_field(fields["system"], None)
    fields["messages"] = _cleaned_field(fields["messages"], tagged)
    members = (msgspec.json.encode(name) + b":" + bytes(raw) for name, raw in fields.items())
    system = tuple(_cleaned_blocks(list(request.system)))
    return replace(request, raw=b"{" + b",".join(members) + b"}", fields=fields, messages=messages, system=system)


def _first_user_messages(request: MessagesRequest) -> list[tuple[int, Message]]:
    found = []
    for index, message in enumerate(request.messages):
        if message.role == "user":
            found.append((index, message))
            if len(found) == _USER_MESSAGES:
                break
    return found


def _tagged(request: MessagesRequest) -> str | None:
    """What the first tag chooses; None without a tag."""
    texts = [block.text for block in request.system]
    for _, message in _first_user_messages(request):
        texts += texts_of(message)
    for text in texts:
        if isinstance(text, str) and _OPEN in text and (match := TAG.search(text)):
            return plain_model(match.group(1).strip())
    return None


def _cleaned_message(message: Message) -> Message:
    if isinstance(message.content, str):
        return msgspec.structs.replace(message, content=TAG.sub("", message.content))
    return msgspec.structs.replace(message, content=_cleaned_blocks(message.content))


def _cleaned_blocks(blocks: list[Block]) -> list[Block]:
    cleaned = [
        msgspec.structs.replace(block, text=TAG.sub("", block.text))
        if block.type == "text" and isinstance(block.text, str)
        else block
        for block in blocks
    ]
    kept = [new for new, old in zip(cleaned, blocks, strict=True) if new.text != "" or old.text == ""]
    return kept or cleaned[:1]


def _cleaned_field(raw: Raw, messages: set[int] | None) -> Raw:
    """`system` (no `messages` given) or `messages` as JSON without tags; the bytes that came where there are none."""
    if _OPEN.encode() not in bytes(raw) and b"\\u" not in bytes(raw):
        return raw
    value = msgspec.json.decode(raw)
    if messages is None:
        cleaned = _cleaned_content(value)
    else:
        cleaned = [
            {**message, "content": _cleaned_content(message["content"])} if index in messages else message
            for index, message in enumerate(value)
        ]
    return raw if cleaned == value else Raw(msgspec.json.encode(cleaned))


def _cleaned_content(content: Any) -> Any:
    if isinstance(content, str):
        return TAG.sub("", content)
    if not isinstance(content, list):
        return content
    cleaned = [_cleaned_item(item) for item in content]
    kept = [new for new, old in zip(cleaned, content, strict=True) if new == old or new.get("text") != ""]
    return kept or cleaned[:1]


def _cleaned_item(item: Any) -> Any:
    is_text = isinstance(item, Mapping) and item.get("type") == "text" and isinstance(item.get("text"), str)
    return {**item, "text": TAG.sub("", item["text"])} if is_text else item
