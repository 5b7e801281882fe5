"""The binary event stream of AWS services (`application/vnd.amazon.eventstream`): bytes to frames.

Source: "Event stream encoding" in the AWS documentation (Amazon Lex V2, Amazon Transcribe). All numbers are big-endian:

    u32 total length | u32 headers length | u32 CRC of these 8 bytes | headers | payload | u32 CRC of everything before

CRC is CRC-32 as in zlib. A header is: u8 name length, name, u8 type, value; see `_header_value`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from zlib import crc32

import msgspec

MAX_HEADERS_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
"""The caps of AWS's own Python client; a frame that announces more is refused before any of it is waited for."""

HeaderValue = bool | int | bytes | str
"""Timestamps are milliseconds since the epoch, UUIDs are their 16 bytes."""

_PRELUDE = Struct(">III")
_CRC = Struct(">I")
_LENGTH = Struct(">H")
_NUMBERS: dict[int, Struct] = {2: Struct(">b"), 3: Struct(">h"), 4: Struct(">i"), 5: Struct(">q"), 8: Struct(">q")}
_BOOLEANS: dict[int, bool] = {0: True, 1: False}
_BYTES, _STRING, _UUID = 6, 7, 9
_UUID_BYTES = 16
_KNOWN_BLOCKS, _KNOWN_BYTES = 16, 512
_FRAME_BYTES = _PRELUDE.size + _CRC.size
"""What a frame without headers and payload takes."""


class Frame(msgspec.Struct, frozen=True):
    """One message whose two checksums were right."""

    headers: Mapping[str, HeaderValue]
    payload: bytes

    def text(self, header: str) -> str:
        """The header's value, or `""` where it is absent or no string."""
        value = self.headers.get(header)
        return value if isinstance(value, str) else ""


class FrameReader:
    """Cuts any chunking of one stream into its frames; time and memory are linear in what came.

    Never raises: `broken` says why nothing further can be read, and `leftover` is how many bytes of a frame are
    still waiting for the rest: at the end of a body anything but 0 means that the stream was cut.
    """

    __slots__ = ("_buffer", "_known", "_wanted", "broken")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._known: dict[bytes, Mapping[str, HeaderValue]] = {}
        self._wanted = _PRELUDE.size
        self.broken: str | None = None

    @property
    def leftover(self) -> int:
        """Bytes that came and belong to no whole frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Sequence[Frame]:
        """The frames that `data` completed. INVARIANT: frames before the damage are returned, nothing after it."""
        if self.broken is not None:
            return ()
        buffer = self._buffer
        buffer += data
        frames: list[Frame] = []
        start = 0
        try:
            while len(buffer) - start >= self._wanted:
                if self._wanted == _PRELUDE.size:
                    self._wanted = _frame_length(buffer, start)
                    continue
                head, payload = _checked(buffer, start, self._wanted)
                frames.append(Frame(self._headers(head), payload))
                start += self._wanted
                self._wanted = _PRELUDE.size
        except _BadFrame as bad:
            self.broken = str(bad)
            start = len(buffer)
        del buffer[:start]
        return frames

    def _headers(self, block: bytes) -> Mapping[str, HeaderValue]:
        """The headers in a block; a stream repeats the same few blocks, so the first ones are remembered."""
        headers = self._known.get(block)
        if headers is None:
            headers = _headers(block)
            if len(self._known) < _KNOWN_BLOCKS and len(block) <= _KNOWN_BYTES:
                self._known[block] = headers
        return headers


class _BadFrame(Exception):  # noqa: N818 - never leaves this file
    """These bytes are no frame; the text says what is wrong with them."""


def _frame_length(buffer: bytearray, start: int) -> int:
    """The whole length of the frame whose prelude begins at `start`, once the prelude is known to be sound."""
    total, headers, checksum = _PRELUDE.unpack_from(buffer, start)
    if crc32(buffer[start : start + 8]) != checksum:
        raise _BadFrame("the checksum of a frame's prelude is wrong")
    if total < _FRAME_BYTES or headers > total - _FRAME_BYTES:
        raise _BadFrame("a frame's lengths contradict each other")
    if headers > MAX_HEADERS_BYTES:
        raise _BadFrame(f"a frame announces {headers} bytes of headers, more than {MAX_HEADERS_BYTES}")
    if total - headers - _FRAME_BYTES > MAX_PAYLOAD_BYTES:
        raise _BadFrame(f"a frame announces {total} bytes, more than {MAX_PAYLOAD_BYTES}")
    return int(total)


def _checked(buffer: bytearray, start: int, total: int) -> tuple[bytes, bytes]:
    """The header block and the payload of a whole frame whose checksum is right."""
    end = start + total - _CRC.size
    with memoryview(buffer) as view:
        checksum = crc32(view[start:end])
        headers_end = start + _PRELUDE.size + _PRELUDE.unpack_from(buffer, start)[1]
        head = bytes(view[start + _PRELUDE.size : headers_end])
        payload = bytes(view[headers_end:end])
    if checksum != _CRC.unpack_from(buffer, end)[0]:
        raise _BadFrame("the checksum of a frame is wrong")
    return head, payload


def _headers(block: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    at = 0
    while at < len(block):
        name, at = _take(block, at + 1, block[at])
        kind, at = _take(block, at, 1)
        value, at = _header_value(block, at, kind[0])
        key = _utf8(name)
        if not key or key in headers:
            raise _BadFrame(f"a frame's header `{key}` occurs twice" if key else "a frame has a header without a name")
        headers[key] = value
    return headers


def _header_value(block: bytes, at: int, kind: int) -> tuple[HeaderValue, int]:
    if kind in _BOOLEANS:
        return _BOOLEANS[kind], at
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        raw, at = _take(block, at, number.size)
        return int(number.unpack(raw)[0]), at
    if kind in (_BYTES, _STRING):
        raw, at = _take(block, at, _LENGTH.size)
        value, at = _take(block, at, _LENGTH.unpack(raw)[0])
        return (_utf8(value) if kind == _STRING else value), at
    if kind == _UUID:
        return _take(block, at, _UUID_BYTES)
    raise _BadFrame(f"a frame has a header of unknown type {kind}")


def _take(block: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(block):
        raise _BadFrame("a frame's headers do not fit into their block")
    return block[at : at + size], at + size


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _BadFrame("a frame's header is not UTF-8") from None
