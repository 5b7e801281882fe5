"""The lines of the audit log, each with the hash of the one before it, and whether they are still as written. Pure.

A line is a JSON object whose last member `before` is the SHA-256 of the line before it (without its line break), 64 zeros
for the first of a chain. A chain goes on from file to file. What a crash left half written stays, as a line of its own; the
line after it is of kind `recovered`, names the fragment's hash as `torn`, and hangs on the last whole line. A line of kind
`cut` names as `missing` the hash of the line that was the last one and was gone when the chain went on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

FIRST = "0" * 64
CUT = "cut"

_HEAD = re.compile(rb"([0-9]{12}) ([0-9a-f]{64})\n")


def line_of(entry: Mapping[str, object], before: str) -> bytes:
    """The line of an entry, with its line break. Members that are None are left out."""
    kept = {name: value for name, value in entry.items() if value is not None}
    return msgspec.json.encode({**kept, "before": before}, enc_hook=str) + b"\n"


def hash_of(line: bytes) -> str:
    """What the next line holds of this one."""
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


class Head(Struct, frozen=True):
    """How far a chain goes: the number of its last file, and the hash of its last line."""

    number: int
    last: str


def head_of(number: int, last: str) -> bytes:
    """What says so in a file: always as long."""
    return b"%012d %s\n" % (number, last.encode("ascii"))


def read_head(data: bytes) -> Head | None:
    """What a file says; None for one that is none."""
    found = _HEAD.fullmatch(data)
    return None if found is None else Head(int(found[1]), found[2].decode("ascii"))


class Broken(Struct, frozen=True):
    """The first line that is not as it was written: its number in its file, from 1, and why."""

    file: str
    line: int
    why: str


class Verifier(Struct):
    """Goes through one chain, file after file, line after line. `last` is the hash of its last line so far.

    `begins_late`: the chain's first line is not among them, as after old files were deleted. `head`, read before the lines,
    says which of them was the last one then; `head_met`: it is among them.
    """

    lines: int = 0
    last: str = FIRST
    begins_late: bool = False
    head: Head | None = None
    head_met: bool = False
    _torn: tuple[bytes, Broken] | None = None
    _end: Broken | None = None

    def read(self, file: str, lines: Iterable[bytes]) -> Broken | None:
        """The first broken line of the file, if any. Lines come with their breaks."""
        for number, line in enumerate(lines, start=1):
            broken = self._take(file, number, line)
            if broken is not None:
                return broken
        return None

    def end(self) -> Broken | None:
        """What only shows when nothing follows."""
        if self._torn is not None:
            return self._torn[1]
        if self.head is not None and not self.head_met and self._end is not None:
            return replace(self._end, why="lines behind it were removed")
        return None

    def _take(self, file: str, number: int, line: bytes) -> Broken | None:
        entry = _entry(line)
        torn, self._torn = self._torn, None
        if torn is not None:
            fragment, broken = torn
            healed = entry is not None and entry.get("kind") == "recovered" and entry.get("torn") == hash_of(fragment)
            if not healed:
                return broken
        if entry is None or not line.endswith(b"\n"):
            self._torn = line, Broken(file, number, "it is no whole line")
            return None
        before = entry.get("before")
        if self.lines == 0 and before != FIRST:
            self.begins_late = True
        elif before != self.last:
            return Broken(file, number, "the line before it was changed, added or removed")
        if entry.get("kind") == CUT:
            return Broken(file, number, "lines before it were removed, and then the log went on")
        self.lines += 1
        self.last = hash_of(line)
        self.head_met = self.head_met or (self.head is not None and self.head.last == self.last)
        self._end = Broken(file, number, "it is the last line")
        return None


def _entry(line: bytes) -> dict[str, object] | None:
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
