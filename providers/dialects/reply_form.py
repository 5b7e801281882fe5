"""What form a 200's body has, told by its first bytes: neither the request nor `content-type` can be relied on."""

from __future__ import annotations

from enum import StrEnum

MAX_BYTES = 64 * 1024 * 1024
"""How large a body that is no stream may be."""

TOO_LARGE = f"a reply of more than {MAX_BYTES} bytes"

_FIELDS = (b"data", b"event", b"id", b"retry", b":")
_BOM = b"\xef\xbb\xbf"
_MOST_BLANK = 4_096


class Form(StrEnum):
    """The forms that matter here."""

    UNKNOWN = "unknown"
    STREAM = "event stream"
    OTHER = "JSON, a page, or text"


_UNKNOWN, _STREAM = Form.UNKNOWN, Form.STREAM  # asked with each piece: before Python 3.12 to look up a member is a call


def form_of(begun: bytes | bytearray, content_type: str) -> Form:
    """The form of a body that begins with `begun`; `UNKNOWN` while more bytes are needed."""
    first = bytes(begun[:_MOST_BLANK])
    if len(first) < len(_BOM) and _BOM.startswith(first):
        return Form.UNKNOWN
    says_stream = "event-stream" in content_type.lower()
    blank = len(first) - len(first.removeprefix(_BOM).lstrip())
    head = bytes(begun[blank : blank + 64])
    if not head:
        # Blank lines keep a connection alive, in front of either form.
        return Form.UNKNOWN if len(begun) < _MOST_BLANK else Form.STREAM if says_stream else Form.OTHER
    if head[:1] in (b"{", b"[", b"<"):
        return Form.OTHER
    if says_stream or any(head.startswith(name) for name in _FIELDS):
        return Form.STREAM
    return Form.UNKNOWN if any(name.startswith(head) for name in _FIELDS) else Form.OTHER


class Gathered:
    """The bytes of a reply: kept while its form is not known; then a stream's go on at once, and all others wait for the end."""

    __slots__ = ("_content_type", "body", "form")

    def __init__(self, content_type: str) -> None:
        self._content_type = content_type
        self.form = Form.UNKNOWN
        self.body = bytearray()

    def take(self, data: bytes) -> bytes:
        """What of a stream is to be read now that `data` has come; nothing where it is no stream, or may be none."""
        if self.form is _STREAM:
            return data
        self.body += data
        if self.form is _UNKNOWN:
            self.form = form_of(self.body, self._content_type)
            if self.form is _STREAM:
                begun = bytes(self.body)
                self.body.clear()
                return begun
        return b""

    def whole(self) -> bytes:
        """All of a body that is no stream, without its byte order mark."""
        return bytes(self.body).removeprefix(_BOM)

    def is_too_large(self) -> bool:
        """Whether what is kept is over `MAX_BYTES`."""
        return len(self.body) > MAX_BYTES
