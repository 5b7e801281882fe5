"""Undoing a content-encoding as the bytes come.

We ask for `identity`; some upstreams compress all the same. Source: RFC 9110 section 8.4, RFC 1950-1952.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

PIECE = 65_536
"""The most bytes that come out at once, so that a small body that inflates hugely never stands in memory whole."""


class Garbled(Exception):  # noqa: N818 - says what the bytes are
    """The body is not what its encoding promises."""


class Inflater(Protocol):
    """One body on its way from encoded to plain."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Plain pieces, none empty. Raises `Garbled`."""
        ...

    def finish(self) -> Iterator[bytes]:
        """The rest. Raises `Garbled` where the encoded body is cut short."""
        ...


def inflater_of(content_encoding: str) -> Inflater | None:
    """What undoes the encoding; None for `identity`. Raises `Garbled` for one we cannot undo."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        return None
    if len(names) == 1 and names[0] in ("gzip", "x-gzip"):
        return _Zlib(gzip=True)
    if names == ["deflate"]:
        return _Zlib(gzip=False)
    raise Garbled(f"the answer's content-encoding `{', '.join(names)}` is not one we can undo")


class _Zlib:
    """gzip (several members too) and deflate, the latter also without its zlib header, as some servers send it."""

    __slots__ = ("_codec", "_gzip", "_start")

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._start = b""
        self._codec = zlib.decompressobj(zlib.MAX_WBITS | 16) if gzip else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._codec is None:
            self._start += data
            if len(self._start) < 2:
                return
            headed = self._start[0] & 0x0F == 8 and int.from_bytes(self._start[:2], "big") % 31 == 0
            self._codec = zlib.decompressobj(zlib.MAX_WBITS if headed else -zlib.MAX_WBITS)
            data = self._start
        while data:
            if self._codec.eof:
                if not self._gzip:
                    return
                self._codec = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                piece = self._codec.decompress(data, PIECE)
            except zlib.error as error:
                raise Garbled("the answer's body is not what its content-encoding promises") from error
            data = self._codec.unused_data if self._codec.eof else self._codec.unconsumed_tail
            if piece:
                yield piece

    def finish(self) -> Iterator[bytes]:
        while self._codec is not None and not self._codec.eof:
            piece = self._codec.decompress(b"", PIECE)
            if not piece:
                raise Garbled("the answer's compressed body is cut short")
            yield piece
