"""The words of a refusal, in whichever form the body has: JSON, a list, `detail` members, an HTML page, plain text, nothing at all."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from providers.dialects.seams import Ask

_MOST_CHARS = 500


class Said(Struct, frozen=True):
    """What a body says: its message, the words that classify it in lower case, and a status it names itself."""

    message: str
    codes: tuple[str, ...] = ()
    status: int | None = None


def said_in(body: bytes) -> Said:
    """Message and codes of an error body in any of the forms met: JSON, HTML, plain text, nothing."""
    text = body.decode("utf-8", "replace").strip()
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Said(_one_line(text))
    return said_of(value)


def said_of(value: object) -> Said:
    """The same for a decoded body, or for an `error` member of a stream."""
    if isinstance(value, list) and value:
        return said_of(value[0])
    if not isinstance(value, dict):
        return Said(_one_line(value) if isinstance(value, str) else "")
    inner = value.get("error", value)
    if isinstance(inner, str):
        return Said(_one_line(inner), _codes(value), _status(value))
    if not isinstance(inner, dict):
        inner = value
    message = next((inner[key] for key in ("message", "detail", "msg", "error") if inner.get(key)), "")
    if isinstance(message, list):
        message = "; ".join(str(one.get("msg", one)) if isinstance(one, dict) else str(one) for one in message)
    message = _one_line(str(message))
    counts = inner.get("n_prompt_tokens"), inner.get("n_ctx")
    if isinstance(counts[0], int) and isinstance(counts[1], int):
        message = f"{message} ({counts[0]} tokens > {counts[1]} maximum)"
    return Said(message, _codes(inner), _status(inner))


def prompt_too_long(message: str) -> str:
    """Anthropic's wording for an overflow, with the numbers where the upstream named them.

    The client reads it: it compacts when the prompt is too long, and lowers `max_tokens` when only both together are.
    """
    for pattern in _TOGETHER:
        if found := pattern.search(message):
            counts = {name: _count(text) for name, text in found.groupdict().items()}
            if counts["input"] <= counts["limit"]:
                return (
                    f"input length and `max_tokens` exceed context limit: {counts['input']} + {counts['output']} > "
                    f"{counts['limit']}, decrease input length or `max_tokens` and try again"
                )
    limit = _first(_LIMITS, message)
    asked = _first(_ASKED, message)
    if limit is not None and asked is not None:
        return f"prompt is too long: {asked} tokens > {limit} maximum"
    return f"prompt is too long: {message}" if message else "prompt is too long"


def redacted(message: str, ask: Ask) -> str:
    """The message without anything that is or looks like a credential."""
    for instance in ask.provider.instances:
        for secret in (instance.credentials.api_key, instance.credentials.token):
            if secret is not None and secret.reveal():
                message = message.replace(secret.reveal(), "***")
    return _KEY_LIKE.sub("***", message)


_KEY_LIKE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|key|sess)-[A-Za-z0-9_*.-]{4,}|\bAIza[A-Za-z0-9_-]{10,}|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"
)

_COUNT = r"([0-9][0-9,_]*)"
_LIMITS = tuple(
    re.compile(pattern.replace("N", _COUNT), re.IGNORECASE)
    for pattern in (
        r"> N maximum",
        r"maximum context length (?:is|of) N",
        r"context length (?:is only|is|of) N",
        r"context (?:window|size)[^0-9]{0,30}N",
        r"maximum (?:number of tokens )?(?:allowed )?\(?N",
        r"limit (?:is|of) N",
    )
)
_ASKED = tuple(
    re.compile(pattern.replace("N", _COUNT), re.IGNORECASE)
    for pattern in (
        r"resulted in N tokens",
        r"requested (?:about )?N tokens",
        r"contains (?:at least )?N (?:input )?tokens",
        r"input token count \(?N",
        r"request \(N tokens\)",
        r"prompt (?:is too long: |has |of )N",
        r"N tokens >",
    )
)
_TOGETHER = (
    re.compile(
        r"maximum context length is (?P<limit>[0-9,]+).{0,80}requested [0-9,]+ tokens "
        r"\((?P<input>[0-9,]+) (?:in the messages|of text input).{0,40}?(?P<output>[0-9,]+) in the (?:completion|output)",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"max_(?:completion_)?tokens'? is too large: (?P<output>[0-9,]+).{0,40}maximum context length is (?P<limit>[0-9,]+)"
        r".{0,40}request has (?P<input>[0-9,]+) input",
        re.IGNORECASE | re.DOTALL,
    ),
)


def _first(patterns: tuple[re.Pattern[str], ...], message: str) -> int | None:
    for pattern in patterns:
        if found := pattern.search(message):
            return _count(found[1])
    return None


def _count(text: str) -> int:
    return int(text.replace(",", "").replace("_", "") or 0)


def _codes(value: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(value[key].lower() for key in ("code", "type", "status") if isinstance(value.get(key), str))


def _status(value: Mapping[str, Any]) -> int | None:
    """The HTTP status an error names itself, as a number or as digits."""
    for key in ("code", "status"):
        named = value.get(key)
        if isinstance(named, str) and named.isascii() and named.isdigit() and len(named) == 3:
            named = int(named)
        if isinstance(named, int) and 400 <= named < 600:
            return named
    return None


_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def _one_line(text: str) -> str:
    """Any text as one line of bounded length; of a page its title, else what a reader would see of it."""
    text = text[:8_000]
    if "<" in text and re.search(r"<(?:!doctype|html|head|body|title|h1)\b", text, re.IGNORECASE):
        titled = _TITLE.search(text)
        seen = titled[1] if titled and titled[1].strip() else _UNSEEN.sub(" ", text)
        text = html.unescape(_TAG.sub(" ", seen))
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _MOST_CHARS else line[: _MOST_CHARS - 1] + "…"
