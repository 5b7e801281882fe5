"""HTTP/1.1 as a client speaks it, without a socket: request bytes out, an answer's head and body in.

Sources: RFC 9112 (messages), RFC 9110 section 15.2 (interim answers). httptools (llhttp, strict) does the parsing;
here are the limits and the framing that it leaves to its caller.
"""

from __future__ import annotations

from collections.abc import Iterable

import httptools

from providers.dialects.seams import Head

HEAD_BYTES = 65_536
"""The most an answer's head (with its interim answers), or framing between two body bytes, may take."""


class Garbage(Exception):  # noqa: N818 - says what the bytes are
    """What came is no HTTP/1.1 answer."""


def head_bytes(method: str, target: str, host: str, headers: Iterable[tuple[str, str]], length: int | None) -> bytes:
    """The request's head. Raises ValueError for a header that would end its line: our bug, nothing is sent.

    `length` None leaves `content-length` out (a GET). A `host` or `content-length` among `headers` is not sent twice.
    """
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in ("host", "content-length")]
    if length is not None:
        lines.append(f"content-length: {length}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header holds a line break")
    return (text + "\r\n\r\n").encode("utf-8", "surrogateescape")


class AnswerParser:
    """One answer. `head` is None until it is whole; interim answers (1xx) are passed over; after `complete` it takes nothing.

    `keep_alive` is valid once complete: the connection may carry another request.
    """

    __slots__ = (
        "_body",
        "_fields",
        "_framed",
        "_interim",
        "_loose_bytes",
        "_no_body",
        "_parser",
        "complete",
        "head",
        "keep_alive",
    )

    def __init__(self, method: str) -> None:
        self.head: Head | None = None
        self.complete = False
        self.keep_alive = False
        self._no_body = method == "HEAD"
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._fields: dict[str, str] = {}
        self._body: list[bytes] = []
        self._loose_bytes = 0
        self._interim = False
        self._framed = False

    def feed(self, data: bytes) -> list[bytes]:
        """Body bytes that came with `data`. Raises `Garbage`."""
        if self._parser is None:
            # Bytes after the end: this connection cannot be trusted with another request.
            self.keep_alive = self.keep_alive and not data
            return []
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self.complete:
                raise Garbage("the answer is not HTTP/1.1") from error
            self.keep_alive = False
        except httptools.HttpParserUpgrade as error:
            raise Garbage("the answer switches to another protocol") from error
        if self.complete:
            self._parser = None
        body = self._body
        if body:
            self._body = []
            self._loose_bytes = 0
        elif not self.complete:
            self._loose_bytes += len(data)
            if self._loose_bytes > HEAD_BYTES:
                raise Garbage("the answer's head or framing is too large")
        return body

    def end(self) -> bool:
        """Whether an answer that ends with the connection is whole: not one whose framing promised more."""
        self._parser = None
        if self.head is not None and not self.complete and not self._framed:
            self.complete = True
        return self.complete

    def on_message_begin(self) -> None:
        self._fields = {}
        if self.complete:
            self.keep_alive = False

    def on_header(self, name: bytes, value: bytes | None) -> None:
        if self.head is not None:
            return  # trailers, which nobody reads
        key = name.decode("latin-1").lower()
        text = (value or b"").decode("latin-1")
        before = self._fields.get(key)
        self._fields[key] = text if before is None else f"{before}, {text}"

    def on_headers_complete(self) -> None:
        if self._parser is None or self.complete:
            return
        status = self._parser.get_status_code()
        self._interim = status < 200
        if self._interim:
            return
        fields = self._fields
        self._framed = "content-length" in fields or "chunked" in fields.get("transfer-encoding", "").lower()
        self.head = Head(status, fields)
        self._loose_bytes = 0
        if self._no_body:
            self.complete = True

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._interim or self.complete or self._parser is None:
            return
        self.complete = True
        self.keep_alive = self._parser.should_keep_alive()
