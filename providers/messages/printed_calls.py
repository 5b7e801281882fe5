"""Tool calls that a model printed as text instead of making them.

Only what cannot be prose counts: a form below at the start of a line, outside code fences, with the name of a tool of
this request and a complete JSON object, and nothing after it but white space and more such calls. Everything else stays
text.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from providers.messages.json_scan import JsonScan, Verdict

FORMS: tuple[tuple[str, str], ...] = (
    ("Tool call: {name}(", ")"),
    ("⏺ Tool call: {name}(", ")"),
    ("[Called {name} with args: ", "]"),
)
"""What stands before and after the JSON object."""

MAX_HELD_CHARS = 256 * 1024
_FENCES = ("```", "~~~")
_SPACE = " \t\n\r"


class PrintedCall(Struct, frozen=True):
    """A printed call: the tool's name as the client knows it, and the JSON object as text."""

    name: str
    json: str


class _At(StrEnum):
    LINE_START = "line start"
    PROSE = "prose"
    INTRO = "intro"
    OBJECT = "object"
    CLOSER = "closer"
    GAP = "gap"


class PrintedCalls:
    """Text in pieces; text that can still become a call is held back, all other text comes out at once and unchanged.

    `names` maps a tool's name as the model may print it to the name as the client knows it.
    """

    __slots__ = (
        "_at",
        "_calls",
        "_closer",
        "_fence",
        "_held",
        "_held_chars",
        "_intros",
        "_json",
        "_line",
        "_name",
        "_new_line",
        "_scan",
    )

    def __init__(self, names: Mapping[str, str]) -> None:
        self._intros = {
            before.format(name=printed): (name, after) for printed, name in names.items() for before, after in FORMS
        }
        self._at = _At.LINE_START
        self._line = ""
        self._fence = ""
        self._held: list[str] = []
        self._held_chars = 0
        self._calls: list[PrintedCall] = []
        self._name = self._closer = ""
        self._json: list[str] = []
        self._scan = JsonScan()
        self._new_line = False

    def feed(self, text: str) -> str:
        """The text that is certain to stay text."""
        out: list[str] = []
        while text:
            text = self._step(text, out)
            if self._held_chars > MAX_HELD_CHARS:
                out.append(self.release())
        return "".join(out)

    def release(self) -> str:
        """What is held, as text: something came after it."""
        text = "".join(self._held)
        self._held.clear()
        self._held_chars = 0
        self._calls.clear()
        if text:
            self._line = text.rpartition("\n")[2][:80]
            self._at = _At.PROSE if self._line else _At.LINE_START
        return text

    def end(self) -> tuple[str, tuple[PrintedCall, ...]]:
        """At the end of the reply: what is left as text, or the calls that the held text is."""
        if self._at is _At.GAP:
            calls = tuple(self._calls)
            self._held.clear()
            return "", calls
        return self.release(), ()

    def _step(self, text: str, out: list[str]) -> str:
        """Takes some of `text`; the rest."""
        match self._at:
            case _At.LINE_START:
                self._at = _At.PROSE if self._fence else _At.INTRO
                return text
            case _At.PROSE:
                return self._prose(text, out)
            case _At.INTRO:
                return self._intro(text, out)
            case _At.OBJECT:
                return self._object(text, out)
            case _At.CLOSER:
                if text[0] != self._closer:
                    return self._give_up(text, out)
                self._calls.append(PrintedCall(self._name, "".join(self._json)))
                self._at, self._new_line = _At.GAP, False
                return self._hold(text, 1)
            case _At.GAP:
                return self._gap(text, out)

    def _prose(self, text: str, out: list[str]) -> str:
        end = text.find("\n") + 1
        piece = text[:end] if end else text
        out.append(piece)
        self._line = (self._line + piece[:80])[:80]
        if end:
            self._end_line()
        return text[len(piece) :]

    def _end_line(self) -> None:
        mark = self._line.lstrip()[:3]
        if mark in _FENCES and (not self._fence or mark == self._fence):
            self._fence = "" if self._fence else mark
        self._line = ""
        self._at = _At.LINE_START

    def _intro(self, text: str, out: list[str]) -> str:
        begun = self._line + text
        for intro, (name, closer) in self._intros.items():
            if begun.startswith(intro):
                self._name, self._closer = name, closer
                self._json, self._scan = [], JsonScan()
                taken = len(intro) - len(self._line)
                self._at, self._line = _At.OBJECT, ""
                return self._hold(text, taken)
        if any(intro.startswith(begun) for intro in self._intros):
            self._line = begun
            return self._hold(text, len(text))
        return self._give_up(text, out)

    def _object(self, text: str, out: list[str]) -> str:
        before = self._scan.consumed
        verdict = self._scan.feed(text)
        if verdict is Verdict.BROKEN or self._scan.first not in ("", "{"):
            return self._give_up(text, out)
        used = self._scan.consumed - before
        self._json.append(text[:used])
        if verdict is Verdict.COMPLETE:
            self._at = _At.CLOSER
        return self._hold(text, used)

    def _gap(self, text: str, out: list[str]) -> str:
        spaces = len(text) - len(text.lstrip(_SPACE))
        if spaces:
            self._new_line = text[spaces - 1] == "\n"
        if spaces == len(text):
            return self._hold(text, spaces)
        if not self._new_line:
            return self._give_up(text, out)
        self._at, self._line = _At.INTRO, ""
        return self._hold(text, spaces)

    def _hold(self, text: str, count: int) -> str:
        self._held.append(text[:count])
        self._held_chars += count
        return text[count:]

    def _give_up(self, text: str, out: list[str]) -> str:
        """The held text is text after all; `text` goes on in its last line."""
        self._at, self._line = _At.PROSE, ""
        out.append(self.release())
        return text
