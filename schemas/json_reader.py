"""JSON text, with `//` and `/* */` comments, to a positioned tree; mends small slips to go on and reports each."""

from __future__ import annotations

import re
from typing import NoReturn

from msgspec import Struct, field
from msgspec.structs import replace

from schemas import json_words
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Document, Entry, Mapping, Node, Scalar, Sequence
from schemas.edits import replacing
from schemas.limits import MAX_DEPTH, MAX_ENTRIES, MAX_FINDINGS, MAX_LISTS_IN_LISTS, MAX_NODES
from schemas.lines import Lines
from schemas.repeats import duplicate_key
from schemas.scalars import number_of, unescaped
from schemas.too_many import ENTRIES, LISTS_IN_LISTS, too_many
from schemas.wording import quoted


def read_json(text: str, file: str) -> tuple[Document | None, list[Diagnostic]]:
    """The tree, or None where the text has none, and what is wrong. Accepts a text, not bytes; never raises."""
    reader = _Reader(Lines(text, file))
    try:
        root = reader.whole()
    except _Stop:
        return None, reader.findings
    return Document(root, {file: text}), reader.findings


class _Stop(Exception):  # noqa: N818 - ends the reading; the finding is already made
    pass


class _Reader(Struct):
    lines: Lines
    at: int = 0
    nodes: int = 0
    lists_in_lists: int = 0
    findings: list[Diagnostic] = field(default_factory=list)
    line: int = 0
    first: int = 0
    last: int = -1
    """The line of the last place that was asked for, and the offsets of its first character and its end."""

    def whole(self) -> Node:
        self._gap()
        if self.at == len(self.lines.text):
            self.findings.append(
                finding(
                    "CCR012", "the file has no content", self.lines.span(0, 0), help="`ccr init` writes a starter file"
                )
            )
            raise _Stop
        root = self._value(0)
        self._gap()
        if self.at < len(self.lines.text):
            self._report("CCR004", "there is more text after the end of the value", self.at, self.at + 1, "remove it")
        return root

    def _span(self, start: int, end: int) -> Span:
        if start < self.first or end > self.last:
            span = self.lines.span(start, end)
            if span.line != span.end_line:
                return span
            self.line, self.first = span.line, start - span.column + 1
            self.last = self.first + self.lines.length(self.line)
        line, first = self.line, self.first - 1
        return Span(self.lines.file, line, start - first, line, end - first)

    def _report(
        self, code: str, message: str, start: int, end: int, help_text: str | None = None, mended: str | None = None
    ) -> None:
        """`mended` is what the text from `start` to `end` must be instead, where that is beyond doubt."""
        span = self.lines.span(start, end)
        fix = None if mended is None else replacing(span, mended, safe=True)
        self._add(finding(code, message, span, help=help_text, fix=fix))

    def _add(self, found: Diagnostic) -> None:
        if len(self.findings) == MAX_FINDINGS:
            self.findings.append(too_many(self.lines.file))
            raise _Stop
        self.findings.append(found)

    def _stop(self, message: str, start: int, help_text: str | None = None, code: str = "CCR004") -> NoReturn:
        end = start + (self.lines.text[start : start + 1] not in ("", "\n", "\r"))
        self._report(code, message, start, end, help_text)
        raise _Stop

    def _gap(self) -> None:
        if self.lines.text[self.at : self.at + 1] not in json_words.STARTS_OF_GAPS:
            return
        match = json_words.GAP.match(self.lines.text, self.at)
        self.at = match.end() if match else self.at
        if self.lines.text.startswith("/*", self.at):
            self._stop("this comment never ends", self.at, "close it with `*/`")

    def _value(self, depth: int) -> Node:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop(f"more than {MAX_NODES:,} values", self.at, code="CCR006")
        if depth > MAX_DEPTH:
            self._stop(f"nested more than {MAX_DEPTH} levels deep", self.at, code="CCR006")
        text, at = self.lines.text, self.at
        char = text[at : at + 1]
        if char == '"' and (plain := json_words.PLAIN_STRING.match(text, at)) is not None:
            self.at = plain.end()
            return Scalar(plain[1], self._span(at, self.at), True, plain[0])
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._array(depth)
        if char in ('"', "'") and char:
            return self._string()
        if (plain := json_words.PLAIN_NUMBER.match(text, at)) is not None:
            self.at = plain.end()
            return Scalar(int(plain[0]), self._span(at, self.at), False, plain[0])
        return self._word()

    def _object(self, depth: int) -> Mapping:
        start = self.at
        self.at += 1
        entries: list[Entry] = []
        seen: dict[str, Scalar] = {}
        comma: int | None = None
        last = start
        text = self.lines.text
        while True:
            plain = json_words.PLAIN_KEY.match(text, self.at) if comma is not None or not entries else None
            if plain is not None:
                self.at = plain.end()
                self._gap()
                key = Scalar(plain[2], self._span(*plain.span(1)), True, plain[1])
                value = self._value(depth + 1)
                comma, last = self._entry(entries, seen, key, value)
                continue
            self._gap()
            char = self._char(start, "}")
            if char == "}":
                self._trailing(comma)
                self.at += 1
                return Mapping(tuple(entries), self._span(start, self.at))
            if char == ",":
                self._report("CCR004", "there is a `,` too many", self.at, self.at + 1, "remove it", "")
                self.at += 1
                continue
            if entries and comma is None:
                self._missing_comma(last)
            key = self._key()
            self._gap()
            if self.lines.text[self.at : self.at + 1] != ":":
                self._stop(f"key {quoted(str(key.value))} has no `:`", self.at, 'each entry is `"key": value`')
            self.at += 1
            self._gap()
            value = self._value(depth + 1)
            comma, last = self._entry(entries, seen, key, value)

    def _entry(self, entries: list[Entry], seen: dict[str, Scalar], key: Scalar, value: Node) -> tuple[int | None, int]:
        """Where the comma behind an entry stands, and where the entry ends."""
        last = self.at
        first = seen.setdefault(str(key.value), key)
        if len(entries) == MAX_ENTRIES:
            self._stop(ENTRIES, last, code="CCR006")
        if first is key:
            entries.append(Entry(key, value))
        else:
            self._add(duplicate_key(key, first))
        return self._comma(), last

    def _array(self, depth: int) -> Sequence:
        start = self.at
        self.at += 1
        items: list[Node] = []
        comma: int | None = None
        last = start
        while True:
            self._gap()
            char = self._char(start, "]")
            if char == "]":
                self._trailing(comma)
                self.at += 1
                return Sequence(tuple(items), self._span(start, self.at))
            if char == ",":
                self._report("CCR004", "there is a `,` too many", self.at, self.at + 1, "remove it", "")
                self.at += 1
                continue
            if items and comma is None:
                self._missing_comma(last)
            self.lists_in_lists += char == "["
            if len(items) == MAX_ENTRIES or self.lists_in_lists > MAX_LISTS_IN_LISTS:
                self._stop(ENTRIES if len(items) == MAX_ENTRIES else LISTS_IN_LISTS, self.at, code="CCR006")
            items.append(self._value(depth + 1))
            last = self.at
            comma = self._comma()

    def _char(self, start: int, closing: str) -> str:
        char = self.lines.text[self.at : self.at + 1]
        if not char or (char in "}]" and char != closing):
            self._stop(f"this `{self.lines.text[start]}` has no `{closing}`", start)
        return char

    def _comma(self) -> int | None:
        self._gap()
        if self.lines.text[self.at : self.at + 1] != ",":
            return None
        self.at += 1
        return self.at - 1

    def _trailing(self, comma: int | None) -> None:
        if comma is not None:
            self._report("CCR004", "there is a `,` after the last entry", comma, comma + 1, "remove it", "")

    def _missing_comma(self, after: int) -> None:
        char = self.lines.text[self.at]
        if char == ":":
            self._stop("`:` cannot stand here", self.at)
        help_text = "put a `,` after the value before it"
        self._report("CCR004", "there is no `,` before this", self.at, self.at + 1, help_text)
        place = self.lines.span(after, after)
        self.findings[-1] = replace(self.findings[-1], fix=replacing(place, ",", safe=True))

    def _key(self) -> Scalar:
        char = self.lines.text[self.at]
        if char in "\"'":
            return self._string()
        match = json_words.WORD.match(self.lines.text, self.at)
        if match is None:
            self._stop(f"{quoted(char)} cannot start a key", self.at, "a key is a text in double quotes")
        self.at = match.end()
        self._report(
            "CCR004",
            f"key {quoted(match[0])} is not in quotes",
            *match.span(),
            f'write `"{match[0][:40]}"`',
            f'"{match[0]}"',
        )
        return Scalar(match[0], self.lines.span(*match.span()), raw=match[0])

    def _string(self) -> Scalar:
        text, start = self.lines.text, self.at
        plain = json_words.PLAIN_STRING.match(text, start)
        if plain:
            self.at = plain.end()
            return Scalar(plain[1], self._span(start, self.at), quoted=True, raw=plain[0])
        single = text[start] == "'"
        match = (json_words.SINGLE if single else json_words.STRING).match(text, start)
        if match is None:
            self._stop(
                "this text never ends",
                start,
                "close the quotation mark on the same line; a line break is written `\\n`",
            )
        self.at = match.end()
        if single:
            inner = match[0][1:-1]
            mended = None if '"' in inner or "\\" in inner else f'"{inner}"'
            self._report("CCR004", "a text in single quotes is not JSON", start, self.at, "use double quotes", mended)
        read = unescaped(json_words.ESCAPE.sub(lambda found: self._escape(found, start + 1), match[0][1:-1]))
        if read.problem:
            self._report("CCR008", read.problem[0], start, self.at, read.problem[1])
        return Scalar(read.value, self.lines.span(start, self.at), quoted=True, raw=match[0])

    def _escape(self, match: re.Match[str], base: int) -> str:
        start, end = base + match.start(), base + match.end()
        if match[1]:
            return json_words.ESCAPES[match[1]]
        if match[2]:
            return chr(int(match[2], 16))
        if match[0][0] == "\\":
            if match[0] == "\\'":
                return "'"
            self._report("CCR004", f"{quoted(match[0])} is no escape of JSON", start, end, "double the backslash")
            return match[0][1:]
        name, help_text = f"the control character U+{ord(match[0]):04X}", "write it as an escape"
        if match[0] == "\0":
            name, help_text = "a NUL character", "remove it"
        self._report("CCR008", f"{name} is in a text", start, end, help_text)
        return " "

    def _word(self) -> Scalar:
        text, start = self.lines.text, self.at
        match = json_words.WORD.match(text, start)
        if match is None:
            char = text[start : start + 1]
            if not char or char in "}],":
                self._stop("a value is missing here", start)
            self._stop(f"{quoted(char)} cannot start a value", start)
        self.at = match.end()
        word, span = match[0], self.lines.span(*match.span())
        if word in json_words.LITERALS:
            return Scalar(json_words.LITERALS[word], span, raw=word)
        number = number_of(word)
        if number is not None:
            return Scalar(number, span, raw=word)
        if word in json_words.FOREIGN:
            value, ours = json_words.FOREIGN[word]
            self._report("CCR004", f"{quoted(word)} is not JSON", *match.span(), f"write `{ours}`", ours)
            return Scalar(value, span, raw=word)
        if word[0] in "+-.0123456789" or word in ("NaN", "Infinity"):
            self._report(
                "CCR015",
                f"{quoted(word)} is no JSON number",
                *match.span(),
                "write plain decimal digits, or the text in double quotes",
            )
            return Scalar(json_words.salvaged(word), span, raw=word)
        help_text = "a text is written in double quotes"
        mended = f'"{word}"' if "\\" not in word else None
        self._report("CCR004", f"{quoted(word)} is not in quotes", *match.span(), help_text, mended)
        return Scalar(word, span, raw=word)
