"""Bedrock's binary event stream as the event stream it carries: each chunk holds one of Anthropic's events, in base64."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable

import msgspec

from providers.errors import KINDS, ProviderError
from providers.wire.eventstream import Frame, FrameReader

EVENT_STREAM = "application/vnd.amazon.eventstream"


class _Chunk(msgspec.Struct):
    """The payload of a `chunk` event; padding that hides its length is not looked at."""

    bytes: str


class _Named(msgspec.Struct):
    type: str


_CHUNK = msgspec.json.Decoder(_Chunk)
_NAMED = msgspec.json.Decoder(_Named)


class EventsInFrames:
    """Binary frames to server-sent events. `fault` is set by an exception, by damage and by a cut; nothing follows it."""

    __slots__ = ("_exception_of", "_reader", "fault")

    def __init__(self, exception_of: Callable[[str, bytes], ProviderError]) -> None:
        self._exception_of = exception_of
        self._reader = FrameReader()
        self.fault: ProviderError | None = None

    def feed(self, data: bytes) -> bytes:
        """The events that `data` completes."""
        if self._is_over():
            return b""
        out: list[bytes] = []
        for frame in self._reader.feed(data):
            out.append(self._event(frame))
            if self._is_over():
                break
        if self._reader.broken is not None and not self._is_over():
            self.fault = ProviderError(KINDS["garbage"], f"the upstream's stream is damaged: {self._reader.broken}")
        return b"".join(out)

    def finish(self) -> None:
        """At the end of the body: a frame that is not whole was cut."""
        if not self._is_over() and self._reader.leftover:
            self.fault = ProviderError(KINDS["cut"], "the upstream's stream ended in the middle of a frame")

    def _is_over(self) -> bool:
        return self.fault is not None

    def _event(self, frame: Frame) -> bytes:
        match frame.text(":message-type"):
            case "exception":
                self.fault = self._exception_of(frame.text(":exception-type"), frame.payload)
            case "error":
                message = msgspec.json.encode({"message": frame.text(":error-message")})
                self.fault = self._exception_of(frame.text(":error-code"), message)
            case _ if frame.text(":event-type") == "chunk":
                return self._chunk(frame.payload)
        return b""

    def _chunk(self, payload: bytes) -> bytes:
        try:
            event = a2b_base64(_CHUNK.decode(payload).bytes)
            name = _NAMED.decode(event).type
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Base64Error, ValueError):
            self.fault = ProviderError(KINDS["garbage"], "a chunk of the upstream's stream cannot be read")
            return b""
        if not name.isprintable():
            return b""
        line = event.replace(b"\r", b" ").replace(b"\n", b" ")
        return b"event: " + name.encode() + b"\ndata: " + line + b"\n\n"
