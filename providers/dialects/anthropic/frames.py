"""Server-sent events as the bytes that came, one piece for each event, cut only at the blank lines between them.

Source: the WHATWG HTML standard, section 9.2.6. Unlike `providers/wire/sse.py` nothing is interpreted away: comments,
`id` lines, line ends and white space stay, since they are passed on.
"""

from __future__ import annotations

import re

from msgspec import Struct

from providers.errors import KINDS, ProviderError

MAX_EVENT_BYTES = 16 * 1024 * 1024

# A blank line: a line end after a line end. A CR and the LF after it are one line end, so a CR waits for what follows it.
_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?=[^\n]))")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LONGEST_BLANK = 4


class Frames:
    """Takes bytes in pieces of any size, gives whole events with the blank line that ends them.

    INVARIANT: the pieces given, and `rest` at the end, are together the bytes taken.
    """

    __slots__ = ("_limit", "_pending", "fault")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._pending = b""
        self.fault: ProviderError | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The events that `data` completes; after a `fault` (an event without end) none."""
        if self.fault is not None:
            return []
        searched = max(0, len(self._pending) - _LONGEST_BLANK)
        buffer = self._pending + data if self._pending else data
        frames = []
        start = 0
        for blank in _BLANK.finditer(buffer, searched):
            frames.append(buffer[start : blank.end()])
            start = blank.end()
        self._pending = buffer[start:] if start else buffer
        if len(self._pending) > self._limit:
            self.fault = ProviderError(KINDS["garbage"], f"the upstream sent an event of more than {self._limit} bytes")
            self._pending = b""
        return frames

    @property
    def rest(self) -> bytes:
        """What no blank line has ended."""
        return self._pending


class Lines(Struct, frozen=True):
    """An event as its lines with their ends. `data` are the joined data lines, None where there are none; `named`: it has a name."""

    lines: tuple[bytes, ...]
    data: bytes | None
    named: bool

    def with_data(self, data: bytes) -> bytes:
        """The event with other data, everything else as it was."""
        out: list[bytes] = []
        written = False
        for line in self.lines:
            if not line.startswith(b"data:"):
                out.append(line)
            elif not written:
                written = True
                begin = b"data: " if line.startswith(b"data: ") else b"data:"
                end = line[len(line.rstrip(b"\r\n")) :]
                out += [begin + piece + end for piece in data.split(b"\n")]
        return b"".join(out)


def lines_of(frame: bytes) -> Lines:
    """The lines of one event."""
    lines: list[bytes] = []
    data: list[bytes] = []
    named = False
    at = 0
    for end in _LINE_END.finditer(frame):
        line = frame[at : end.start()]
        lines.append(frame[at : end.end()])
        at = end.end()
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            named = True
    if at < len(frame):
        return lines_of(frame + b"\n")
    return Lines(tuple(lines), b"\n".join(data) if data else None, named)
