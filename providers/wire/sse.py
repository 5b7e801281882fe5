"""Server-sent events from raw bytes, cut anywhere.

Source: the WHATWG HTML standard, section 9.2.6 (interpreting an event stream), with one deviation: what stands unfinished at the
end of the body is given too, because upstreams forget the blank line after their last event; its reader sees whether it is cut.
"""

from __future__ import annotations

import msgspec

from providers.errors import KINDS, ProviderError

MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_LF, _CR = b"\n\r"  # as numbers: looking for bytes in bytes makes an error first, and drops it


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One event: its data lines joined by LF, and its `event:` name (empty where it has none)."""

    data: bytes
    event: bytes = b""


class SseDecoder:
    """Bytes to frames. Any cut of the same bytes gives the same frames; lines end at CR, LF and CRLF and nowhere else.

    `fault` is set once an event is larger than `max_event_bytes`; from then on there are no more frames.
    """

    __slots__ = ("_after_cr", "_at_start", "_limit", "_pending", "fault")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.fault: ProviderError | None = None
        self._limit = max_event_bytes
        self._pending = bytearray()
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        if self.fault is not None or not data:
            return []
        if self._after_cr or _CR in data:
            data = self._with_lf_only(data)
        if self._at_start:
            data = self._without_bom(data)
        if not self._pending and data[-2:] == b"\n\n":
            if data[:6] == b"data: " and data.find(b"\n") == len(data) - 2 <= self._limit:
                return [Frame(data[6:-2])]  # one event of one line: what most chunks are
            return self._frames_of(data[:-2])
        # A blank line may straddle the cut, so the search starts one byte before what is new.
        start = max(len(self._pending) - 1, 0)
        self._pending += data
        end = self._pending.rfind(b"\n\n", start)
        frames: list[Frame] = []
        if end >= 0:
            complete = bytes(memoryview(self._pending)[:end])
            del self._pending[: end + 2]
            frames = self._frames_of(complete)
        if self._is_too_large(self._pending):
            self._overflow()
        return frames

    def finish(self) -> list[Frame]:
        """The frame that the end of the body leaves without its blank line, if there is one."""
        rest = bytes(self._pending)
        self._pending.clear()
        return [] if self.fault is not None else self._frames_of(rest)

    def _with_lf_only(self, data: bytes) -> bytes:
        """`data` with every line end as LF: a CR ends its line at once, an LF right after it belongs to it."""
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
            if not data:
                self._after_cr = False
                return data
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _without_bom(self, data: bytes) -> bytes:
        """`data` behind the byte order mark a stream may begin with; b"" while that cannot be told."""
        head = bytes(self._pending) + data
        if _BOM.startswith(head) and len(head) < len(_BOM):
            self._pending += data
            return b""
        self._at_start = False
        self._pending.clear()
        return head.removeprefix(_BOM)

    def _frames_of(self, blocks: bytes) -> list[Frame]:
        frames = []
        for block in blocks.split(b"\n\n"):
            if self._is_too_large(block):
                self._overflow()
                break
            if block[:6] == b"data: " and _LF not in block:
                frames.append(Frame(block[6:]))
            elif block and (frame := _frame_of(block)) is not None:
                frames.append(frame)
        return frames

    def _is_too_large(self, block: bytes | bytearray) -> bool:
        # Blank lines around an event are not counted: how many stick to it depends on the cut.
        return len(block) > self._limit and len(block.strip(b"\n")) > self._limit

    def _overflow(self) -> None:
        self._pending.clear()
        self.fault = ProviderError(KINDS["garbage"], f"the upstream sent an event of more than {self._limit} bytes")


def _frame_of(block: bytes) -> Frame | None:
    """The frame of the lines of one block, None where no line is data: comments, `id`, `retry` and unknown fields say nothing here."""
    data: list[bytes] = []
    event = b""
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            event = value.removeprefix(b" ")
    return Frame(b"\n".join(data), event) if data else None
