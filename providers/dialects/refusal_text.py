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
    """What a body says: its message, the words that classify it in lower case, a status it names itself, and headers it quotes."""

    message: str
    codes: tuple[str, ...] = ()
    status: int | None = None
    headers: Mapping[str, str] = {}


def said_in(body: bytes) -> Said:
    """Message and codes of an error body in any of the forms met: JSON, HTML, plain text, nothing."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Said(_one_line(body.decode("utf-8", "replace").strip()))
    return said_of(value)


def said_of(value: object) -> Said:
    """The same for a decoded body, or for an `error` member of a stream."""
    return _said(value, _MOST_NESTED)


_MOST_NESTED = 4
"""How many errors within an error are looked into."""


def _said(value: object, depth: int) -> Said:
    if isinstance(value, list) and value:
        return _said(value[0], depth)
    if not isinstance(value, dict):
        return Said(_one_line(value) if isinstance(value, str) else "")
    if isinstance(base := value.get("base_resp"), dict) and not value.get("error"):
        # MiniMax; its numbers mean something else elsewhere.
        return Said(_one_line(str(base.get("status_msg", ""))), (f"base_resp.{base.get('status_code')}",))
    inner = value.get("error", value)
    if isinstance(inner, str):
        return Said(_one_line(inner), _codes(value), _status(value))
    if not isinstance(inner, dict):
        inner = value
    message = next((inner[key] for key in _MESSAGES if inner.get(key)), "")
    codes, status = _codes(inner), _status(inner) or _status(value)
    within = _within(message, inner, depth)
    if within is not None:
        message = f"{message}: {within.message}" if isinstance(message, str) and message[:1] != "{" else within.message
        codes += within.codes
    elif isinstance(message, list):
        message = "; ".join(_complaint(one) for one in message)
    message = _one_line(str(message))
    counts = inner.get("n_prompt_tokens"), inner.get("n_ctx")
    if isinstance(counts[0], int) and isinstance(counts[1], int):
        message = f"{message} ({counts[0]} tokens > {counts[1]} maximum)"
    return Said(message, codes, status, _headers(inner))


_MESSAGES = ("message", "detail", "msg", "error", "title")


def _within(message: object, inner: Mapping[str, Any], depth: int) -> Said | None:
    """The error within an error: what a gateway quotes of its own upstream, or a message that is itself an object or its text."""
    metadata = inner.get("metadata")
    quoted = metadata.get("raw") if isinstance(metadata, dict) else None
    for one in (quoted, message):
        if isinstance(one, str) and (one is quoted or one[:1] == "{"):
            try:
                one = msgspec.json.decode(one)
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                if one is message:
                    continue
        if depth > 0 and one and (isinstance(one, dict) or one is quoted):
            said = _said(one, depth - 1)
            if said.message:
                return said
    return None


def _complaint(one: object) -> str:
    """One of several complaints of a validator, with the place that it names within the body."""
    if not isinstance(one, dict):
        return str(one)
    place = one.get("loc")
    where = ".".join(str(step) for step in place if step != "body") if isinstance(place, list) else ""
    return f"{where}: {one['msg']}" if where and "msg" in one else str(one.get("msg", one))


def _headers(inner: Mapping[str, Any]) -> dict[str, str]:
    """Headers that say when to come back, from where they are quoted in the body or told in Google's way."""
    metadata, details = inner.get("metadata"), inner.get("details")
    quoted = metadata.get("headers") if isinstance(metadata, dict) else None
    found = {str(name).lower(): str(text) for name, text in quoted.items()} if isinstance(quoted, dict) else {}
    for detail in details if isinstance(details, list) else ():
        wait = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(wait, str) and _DURATION.fullmatch(wait):
            found["retry-after"] = wait[:-1]
    return found


_DURATION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?s")


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


def _codes(value: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        value[key].lower() for key in ("code", "type", "status", "error_code") if isinstance(value.get(key), str)
    )


def _status(value: Mapping[str, Any]) -> int | None:
    """The HTTP status an error names itself, as a number or as digits."""
    for key in ("code", "status", "status_code", "http_code"):
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
