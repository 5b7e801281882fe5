"""Whether JSON text that arrives in pieces is well formed so far, and whether its value is complete.

Source: RFC 8259. Keys may repeat and numbers may be of any size: the text is only looked at, never read into values.
"""

from __future__ import annotations

import re
from enum import StrEnum

_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[-+.0-9A-Za-z]*")
_NUMBER_OR_WORD = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_HEX = frozenset("0123456789abcdefABCDEF")
_CLOSER = {"{": "}", "[": "]"}


class Verdict(StrEnum):
    """What is known of the text so far."""

    OPEN = "open"
    COMPLETE = "complete"
    BROKEN = "broken"


class _Want(StrEnum):
    """What the grammar wants next."""

    VALUE = "value"
    VALUE_OR_END = "value or end"
    KEY = "key"
    KEY_OR_END = "key or end"
    COLON = "colon"
    COMMA_OR_END = "comma or end"
    STRING = "rest of a string"
    ESCAPE = "rest of an escape"
    SCALAR = "rest of a number or word"


class JsonScan:
    """Takes the pieces in order. Only objects, arrays and strings can be told complete before `end`; a number may go on.

    `consumed` counts the characters of the value: once complete, what `feed` was given beyond them does not belong to it.
    """

    __slots__ = ("_escape", "_key", "_scalar", "_stack", "_want", "consumed", "first", "verdict")

    def __init__(self) -> None:
        self.verdict = Verdict.OPEN
        self.consumed = 0
        self.first = ""
        self._want = _Want.VALUE
        self._stack: list[str] = []
        self._key = False
        self._escape = ""
        self._scalar = ""

    def feed(self, text: str) -> Verdict:
        """The verdict with `text` added. Once it is not open any more, text is neither read nor counted."""
        at = 0
        while at < len(text) and self.verdict is Verdict.OPEN:
            at = self._string(text, at) if self._want is _Want.STRING else self._step(text, at)
        self.consumed += at
        return self.verdict

    def end(self) -> Verdict:
        """The verdict when nothing follows: what is open now is cut."""
        if self.verdict is Verdict.OPEN and self._want is _Want.SCALAR:
            self._end_scalar()
        return self.verdict

    @property
    def is_object(self) -> bool:
        """Whether the text is one complete JSON object."""
        return self.verdict is Verdict.COMPLETE and self.first == "{"

    def _string(self, text: str, at: int) -> int:
        """Runs to the end of the string, to an escape, or to the end of `text`."""
        match = _PLAIN.match(text, at)
        at = match.end() if match else at
        if at == len(text):
            return at
        if text[at] == '"':
            self._after_string()
        elif text[at] == "\\":
            self._want, self._escape = _Want.ESCAPE, ""
        else:
            self.verdict = Verdict.BROKEN
        return at + 1

    def _step(self, text: str, at: int) -> int:
        if self._want is _Want.ESCAPE:
            return self._in_escape(text[at], at)
        if self._want is _Want.SCALAR:
            match = _SCALAR.match(text, at)
            end = match.end() if match else at
            self._scalar += text[at:end]
            if end < len(text) or len(self._scalar) > 4096:
                self._end_scalar()
            return end
        match = _SPACE.match(text, at)
        at = match.end() if match else at
        if at == len(text):
            return at
        # A number or word is read whole by the next step, from its first character on.
        return at + 1 if self._token(text[at]) is not _Want.SCALAR else at

    def _token(self, char: str) -> _Want:
        """Moves on by one character that is no white space; what is wanted then."""
        self.first = self.first or char
        want = self._want
        if want in (_Want.VALUE, _Want.VALUE_OR_END) and not (want is _Want.VALUE_OR_END and char == "]"):
            self._begin_value(char)
        elif char == '"' and want in (_Want.KEY, _Want.KEY_OR_END):
            self._want, self._key = _Want.STRING, True
        elif char == ":" and want is _Want.COLON:
            self._want = _Want.VALUE
        elif char == "," and want is _Want.COMMA_OR_END:
            self._want = _Want.KEY if self._stack[-1] == "{" else _Want.VALUE
        elif want in (_Want.COMMA_OR_END, _Want.KEY_OR_END, _Want.VALUE_OR_END) and char == _CLOSER[self._stack[-1]]:
            self._stack.pop()
            self._after_value()
        else:
            self.verdict = Verdict.BROKEN
        return self._want

    def _begin_value(self, char: str) -> None:
        if char in _CLOSER:
            self._stack.append(char)
            self._want = _Want.KEY_OR_END if char == "{" else _Want.VALUE_OR_END
        elif char == '"':
            self._want, self._key = _Want.STRING, False
        elif char in "-0123456789tfn":
            self._want, self._scalar = _Want.SCALAR, ""
        else:
            self.verdict = Verdict.BROKEN

    def _in_escape(self, char: str, at: int) -> int:
        self._escape += char
        if self._escape[0] == "u":
            if len(self._escape) > 1 and char not in _HEX:
                self.verdict = Verdict.BROKEN
            elif len(self._escape) == 5:
                self._want = _Want.STRING
        elif char in '"\\/bfnrt':
            self._want = _Want.STRING
        else:
            self.verdict = Verdict.BROKEN
        return at + 1

    def _end_scalar(self) -> None:
        if _NUMBER_OR_WORD.fullmatch(self._scalar):
            self._after_value()
        else:
            self.verdict = Verdict.BROKEN

    def _after_string(self) -> None:
        if self._key:
            self._want, self._key = _Want.COLON, False
        else:
            self._after_value()

    def _after_value(self) -> None:
        if self._stack:
            self._want = _Want.COMMA_OR_END
        else:
            self.verdict = Verdict.COMPLETE
