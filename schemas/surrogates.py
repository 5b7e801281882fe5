"""Lone UTF-16 surrogates, which JSON allows and UTF-8 does not: U+FFFD stands in their place."""

from __future__ import annotations

import re

from schemas.request import BadRequest


def text_of_body(body: bytes) -> tuple[bytes, int]:
    """A JSON body of whatever API as UTF-8 in which every lone surrogate became U+FFFD, and how many that were.

    Raises `BadRequest` for what is no UTF-8.
    """
    text, encoded = utf8_of(body)
    whole, escaped = without_lone_escapes(text) if b"\\u" in text else (text, 0)
    return whole, encoded + escaped


_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_ENCODED_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def utf8_of(body: bytes) -> tuple[bytes, int]:
    """The body as UTF-8 and how many encoded surrogates were replaced; escaped ones stay. Raises `BadRequest` like `text_of_body`."""
    if body.isascii():
        return body, 0
    try:
        body.decode()
    except UnicodeDecodeError:
        pass
    else:
        return body, 0
    body, replaced = _ENCODED_SURROGATE.subn(b"\xef\xbf\xbd", body)
    try:
        body.decode()
    except UnicodeDecodeError as fault:
        raise BadRequest(f"the request body is not valid UTF-8 (byte {fault.start})") from None
    return body, replaced


def without_lone_escapes(body: bytes) -> tuple[bytes, int]:
    """The JSON with `\\ufffd` for every escape of half a pair, and how many that were."""
    lone = 0

    def mended(match: re.Match[bytes]) -> bytes:
        nonlocal lone
        if match[1] is None:
            return match[0]
        lone += 1
        return rb"\ufffd"

    return _ESCAPE.sub(mended, body), lone
