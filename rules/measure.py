"""`inputTokens`: our estimate of what a request weighs, with cheap bounds from the same formula.

No vocabulary is fetched or shipped. A text is weighed by what tokenizers split it at: its words, its runs of
punctuation, its digits and line ends, its bytes beyond ASCII, and a little for every byte (`WEIGHTS`, fitted on source
code, JSON, prose, logs and listings against two public tokenizers; `tests/bench/token_error.py` measures the error).
A text's weight is kept between `LEAST` and `MOST` for each byte, which is what makes the bounds cheap.

Thinking of earlier turns, base64 and the client's billing line weigh nothing, as with the vendor's own count.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from rules.extract import nested_of, offered_tools, system_texts
from schemas.request import Block, MessagesRequest

VERSION = "ccr-1"

WEIGHTS: Mapping[str, int] = {
    "byte": 80,
    "word": 690,
    "punctuation": 900,
    "digit": 480,
    "line": 140,
    "beyond_ascii": 370,
}
"""Thousandths of a token for each: any byte, run of letters, run of punctuation, digit, line end, continuation byte."""

LEAST, MOST = 100, 437
"""Thousandths of a token for each byte of a text, at least and at most."""

CONSTANTS: Mapping[str, int] = {"request": 3, "message": 4, "tool": 12, "image": 1500, "page": 2000}
"""Tokens for each request, message, tool offered, image, and page of a document."""

PAGE_BYTES = 60_000
"""Bytes of a document that is no text and counts as one page; a document by reference counts as one page."""

SHORT = 40
"""Characters up to which a text's weight is remembered."""

Text: TypeAlias = str | bytes
"""A text, or JSON as it came."""

_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_WORDS = bytes(97 if byte in _LETTERS else 32 for byte in range(256))
_PUNCTUATION = bytes(46 if byte in string.punctuation.encode() else 32 for byte in range(256))


def input_tokens(request: MessagesRequest) -> int:
    """The estimate, in tokens.

    INVARIANT: every value from the estimate of an empty text on is that of some text, since one more character never
    adds more than `MOST` thousandths, which is less than a token.
    """
    texts, fixed = _parts_of(request)
    return fixed + _tokens(sum(_short_weight(text) if len(text) <= SHORT else weight_of(_utf8(text)) for text in texts))


def least_tokens(request: MessagesRequest) -> int:
    """What the texts of a request weigh at least, in tokens; pictures and documents, which are guesses, count nothing."""
    return _tokens(sum(len(text) for text in _parts_of(request)[0]) * LEAST)


def rough_bounds(request: MessagesRequest) -> tuple[int, int]:
    """At least and at most what `input_tokens` gives, from the body's size: all texts together are no more than that."""
    return 0, _most_fixed(request) + _tokens(len(request.raw) * MOST)


def close_bounds(request: MessagesRequest) -> tuple[int, int]:
    """The same from the sizes of the texts, of which one beyond ASCII has at most four bytes for each character."""
    texts, fixed = _parts_of(request)
    least = sum(map(len, texts))
    most = sum(len(text) if text.isascii() else 4 * len(text) for text in texts)
    return fixed + _tokens(least * LEAST), fixed + _tokens(min(most, len(request.raw)) * MOST)


BOUNDS = (rough_bounds, close_bounds)
"""Bounds of `input_tokens`, ever closer and dearer."""


def _most_fixed(request: MessagesRequest) -> int:
    """At most the tokens that are constants; a document's further pages weigh less than its bytes do in the body."""
    fixed = CONSTANTS["request"] + CONSTANTS["message"] * len(request.messages)
    fixed += CONSTANTS["tool"] * len(request.tools or ())
    pictures = 0
    for message in request.messages:
        content = message.content
        if isinstance(content, list):
            for block in content:
                kind = block.type
                if kind == "text" or kind == "tool_use":
                    continue
                if kind == "image" or kind == "document":
                    pictures += 1 + _pictures_in(block.source)
                elif isinstance(block.content, list):
                    pictures += _pictures_in(block.content)
    return fixed + pictures * _MOST_FOR_A_PICTURE


_MOST_FOR_A_PICTURE = max(CONSTANTS["page"], CONSTANTS["image"])


def _pictures_in(content: object) -> int:
    """How many images and documents are inside a tool result or a document."""
    if isinstance(content, dict):
        content = content.get("content")
    if not isinstance(content, list):
        return 0
    count = 0
    for item in content:
        if isinstance(item, dict) and item.get("type") in ("image", "document"):
            count += 1 + _pictures_in(item.get("source"))
    return count


def _tokens(thousandths: int) -> int:
    return -(-thousandths // 1000)


def weight_of(text: bytes) -> int:
    """Thousandths of a token of one text in UTF-8."""
    size = len(text)
    weight = WEIGHTS["byte"] * size
    weight += WEIGHTS["word"] * (b" " + text.translate(_WORDS)).count(b" a")
    weight += WEIGHTS["punctuation"] * (b" " + text.translate(_PUNCTUATION)).count(b" .")
    weight += WEIGHTS["digit"] * (size - len(text.translate(None, _DIGITS)))
    weight += WEIGHTS["line"] * text.count(b"\n")
    if not text.isascii():
        weight += WEIGHTS["beyond_ascii"] * (size - len(text.decode("utf-8", "replace")))
    return min(max(weight, LEAST * size), MOST * size)


@lru_cache(maxsize=2048)  # names of tools, empty schemas: the same at every request
def _short_weight(text: Text) -> int:
    return weight_of(_utf8(text))


def _parts_of(request: MessagesRequest) -> tuple[list[Text], int]:
    """All texts that count, and the tokens that are constants."""
    texts: list[Text] = []
    fixed = CONSTANTS["request"] + CONSTANTS["message"] * len(request.messages)
    texts += system_texts(request)
    for tool in offered_tools(request):
        fixed += CONSTANTS["tool"]
        texts.append(tool.name)
        if isinstance(tool.description, str):
            texts.append(tool.description)
        if isinstance(tool.input_schema, msgspec.Raw):
            texts.append(bytes(tool.input_schema))
    for message in request.messages:
        if isinstance(message.content, str):
            texts.append(message.content)
            continue
        for block in message.content:
            fixed += _add_block(block, texts)
    return texts, fixed


def _add_block(block: Block, texts: list[Text]) -> int:
    """Adds a block's texts; its constant tokens."""
    if block.type == "image":
        return CONSTANTS["image"]
    if block.type == "document":
        return _add_document(block.source, block.title, texts)
    texts += (value for value in (block.text, block.name) if isinstance(value, str))
    if isinstance(block.input, msgspec.Raw):
        texts.append(bytes(block.input))
    if isinstance(block.content, str):
        texts.append(block.content)
    return sum(_add_nested(item, texts) for item in nested_of(block))


def _add_nested(item: Mapping[str, Any], texts: list[Text]) -> int:
    if item.get("type") == "image":
        return CONSTANTS["image"]
    if item.get("type") == "document":
        return _add_document(item.get("source"), item.get("title"), texts)
    texts += _strings(item.get("text"), item.get("tool_name"))
    return 0


def _add_document(source: Any, title: Any, texts: list[Text]) -> int:
    texts += _strings(title)
    if not isinstance(source, dict):
        return CONSTANTS["page"]
    data = source.get("data")
    if source.get("type") == "text" and isinstance(data, str):
        texts.append(data)
        return 0
    content = source.get("content")
    if isinstance(content, str):
        texts.append(content)
        return 0
    if isinstance(content, list):
        return sum(_add_nested(item, texts) for item in content if isinstance(item, dict))
    pages = -(-len(data) * 3 // (4 * PAGE_BYTES)) if isinstance(data, str) else 1
    return CONSTANTS["page"] * max(1, pages)


def _strings(*values: Any) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _utf8(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
