"""What stands between the structure of a YAML text: gaps, words, quoted texts, text blocks, anchors and tags.

Every pattern reads one token, and of a text that ends in NUL, which no YAML has. Only CR, LF and CRLF end a line.
"""

from __future__ import annotations

import re


class Unsure(Exception):  # noqa: N818 - not an error: the library says whether this is one
    """The text is wrong here, or written in a way that is left to the library."""


LONGEST_KEY = 1024
"""How far behind its beginning the `:` of a key without `?` may stand, on the same line."""
AFTER_SIGN = " \t\r\n\0"
"""What stands behind a `-`, `?` or `:` that is more than a letter of a word."""
GAP = re.compile(r"(?:[ ]*+(?:#[^\r\n\0]*+)?(?:\r\n?|\n))*+([ ]*+)")
FLOW_GAP = re.compile(r"(?:[ \t]*+(?:#[^\r\n\0]*+)?(?:\r\n?|\n))*+[ \t]*+")

_NEVER_FIRST = r" \t\r\n\0\-?:,\[\]{}#&*!|>'\"%@`"
_COLON = r":(?=[^ \t\r\n\0])"
_WORD = rf"[^ \t\r\n\0:]++|{_COLON}"
_BLOCK_LINE = rf"(?:{_WORD}|[ ]++(?=[^ \t\r\n\0:#]|{_COLON}))*+"
BLOCK_PLAIN = re.compile(rf"((?:[^{_NEVER_FIRST}]|[-?:](?=[^ \t\r\n\0])){_BLOCK_LINE})[ ]*+(:(?=[ \t\r\n\0]))?")
"""A word and those behind it on its line; the second group is the colon of a key."""
BLOCK_MORE = re.compile(rf"(?=[^ \t\r\n\0:#]|{_COLON}){_BLOCK_LINE}")
"""A further line of it."""
_FLOW_WORD = rf"[^ \t\r\n\0:,\[\]{{}}]++|{_COLON}"
_FLOW_LINE = rf"(?:{_FLOW_WORD}|[ ]++(?=[^ \t\r\n\0:#,\[\]{{}}]|{_COLON}))*+"
FLOW_PLAIN = re.compile(rf"((?:[^{_NEVER_FIRST}]|-(?=[^ \t\r\n\0])){_FLOW_LINE})[ \t]*+(:)?")
FLOW_ITEM = re.compile(rf"([^{_NEVER_FIRST}.]{_FLOW_LINE})[ \t]*+(?:,[ ]*+|(?=\]))")
"""A word and those behind it, and the comma behind them."""
FLOW_ENDS = re.compile(r"[\]}][ \t]*+:")
"""Where a collection in brackets ends that may be a key."""
FLOW_MORE = re.compile(rf"(?=[^ \t\r\n\0:#,\[\]{{}}]|{_COLON}){_FLOW_LINE}")

QUOTED = re.compile(r"'[^'\0]*+(?:''[^'\0]*+)*+'|\"[^\"\\\0]*+(?:\\[^\0][^\"\\\0]*+)*+\"")
_BREAK = r"(?:\r\n?|\n)"
_FOLD = re.compile(rf"[ \t]*+{_BREAK}((?:[ \t]*+{_BREAK})*+)[ \t]*+")
_ESCAPED = re.compile(
    r"\\(?:(?P<letter>[0abtnvfre \"/\\N_LP\t])|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})"
    rf"|{_BREAK}(?P<kept>(?:[ \t]*+{_BREAK})*+)[ \t]*+|(?P<wrong>[^\0]))"
    rf"|[ \t]*+{_BREAK}(?P<more>(?:[ \t]*+{_BREAK})*+)[ \t]*+"
)
_LETTERS = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", " ": " ",
    '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_BREAKS = re.compile(_BREAK)
MARKER = re.compile(r"(?:---|\.\.\.)(?=[ \t\r\n\0])")
"""Where a line begins, the start or the end of a document."""
_MARKER_LINE = re.compile(rf"[\r\n]{MARKER.pattern}")

_NAME = r"[^ \t\r\n\0,\[\]{}]++"
PROPERTY = re.compile(rf"&({_NAME})|!(?:!?[A-Za-z0-9;/?:@&=+$,_.~*'()\[\]-]*|<[A-Za-z0-9:/._-]+>)(?=[ \r\n\0])")
"""An anchor, whose name is the group, or a tag."""
ALIAS = re.compile(rf"\*({_NAME})")
DIRECTIVE = re.compile(r"%(?:YAML[ ]+1\.[0-9]|(?!YAML|TAG)[0-9A-Za-z_:.-]+(?:[ ][^\r\n\0]*)?)[ ]*(?=[\r\n])")

_HEADER = re.compile(r"[|>](?:([+-])([1-9])?|([1-9])([+-])?)?(?:[ ]++(?:#[^\r\n\0]*+)?)?(?:\r\n?|\n|(?=\0))")
_LINE = re.compile(r"([ ]*+)([^\r\n\0]*+)(\r\n?|\n|(?=\0))")

_SOUND = re.compile(
    r"'(?:[^'\0]++|'')*+|\"(?:[^\"\\\0]++|\\(?:[0abtnvfre \"/\\N_LP\t\r\n]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}))*+"
)


def sound_until(text: str, at: int) -> int:
    """How far a text in quotes that has no end can be read."""
    sound = _SOUND.match(text, at)
    end = sound.end() if sound else at + 1
    marker = _MARKER_LINE.search(text, at, end + 4)
    return min(end, marker.start()) if marker else end


def text_of(raw: str) -> str:
    """What a quoted text says. Raises `Unsure` where the library would not take it."""
    inside = raw[1:-1]
    has_breaks = "\n" in inside or "\r" in inside
    if has_breaks and _MARKER_LINE.search(raw):
        raise Unsure
    if raw[0] == "'":
        if has_breaks:
            inside = _FOLD.sub(_folded, inside)
        return inside.replace("''", "'")
    return _ESCAPED.sub(_meant, inside) if has_breaks or "\\" in inside else inside


def _folded(fold: re.Match[str]) -> str:
    return joint("\n" + fold[1]) if fold[1] else " "


def joint(breaks: str) -> str:
    """What line ends between two words stand for."""
    if breaks == "\n":
        return " "
    count = len(_BREAKS.findall(breaks))
    return " " if count == 1 else "\n" * (count - 1)


def _meant(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "letter":
        return _LETTERS[match["letter"]]
    if kind == "more":
        return joint("\n" + match["more"]) if match["more"] else " "
    if kind == "kept":
        return "\n" * len(_BREAKS.findall(match["kept"]))
    if kind is None or kind == "wrong":
        raise Unsure
    code = int(match[kind], 16)
    if code > 0x10FFFF:
        raise Unsure
    return chr(code)


def text_block(text: str, at: int, indent: int) -> tuple[str, int]:
    """What the block whose `|` or `>` stands at `at` says, and where the line behind it begins.

    `indent` is the column of the innermost list or mapping, -1 where there is none.
    """
    header = _HEADER.match(text, at)
    if header is None:
        raise Unsure
    chomping, increment = header[1] or header[4], header[2] or header[3]
    least = indent + 1
    start = header.end()
    width = max(least, 1) + int(increment) - 1 if increment else max(least, _width(text, start))
    rows: list[str] = []
    written = end = start
    count = 0
    while True:
        line = _LINE.match(text, end)
        assert line
        spaces, blank = len(line[1]), not line[2]
        if least == 0 and MARKER.match(text, end):
            break
        if blank and spaces <= width:
            if not line[3]:
                break
            rows.append("")
        elif spaces >= width:
            rows.append(text[end + width : line.end(2)])
            count = len(rows)
            written = line.end()
            if not line[3]:
                end = line.end()
                break
        else:
            break
        end = line.end()
    kept = rows[:count]
    last_break = "\n" if written > start and text[written - 1] in "\r\n" else ""
    body = _in_one(kept) if text[at] == ">" else "\n".join(kept)
    if kept and chomping != "-":
        body += last_break
    return body + ("\n" * (len(rows) - count) if chomping == "+" else ""), end


def _width(text: str, at: int) -> int:
    """How far the first line that holds more than blanks is in; no blank line before it may be further in."""
    first = None
    widest = 0
    while True:
        line = _LINE.match(text, at)
        assert line
        spaces = len(line[1])
        widest = max(widest, spaces)
        if line[2] or not line[3]:
            break
        first = spaces if first is None else first
        at = line.end()
    if first and widest > first:
        raise Unsure
    return widest


def _in_one(rows: list[str]) -> str:
    """Lines folded: those that begin with no blank are one, an empty line is a line end."""
    parts: list[str] = []
    before: str | None = None
    empty = 0
    for row in rows:
        if not row:
            empty += 1
            continue
        if before is None:
            parts.append("\n" * empty)
        elif before[0] in " \t" or row[0] in " \t":
            parts.append("\n" * (empty + 1))
        else:
            parts.append("\n" * empty or " ")
        parts.append(row)
        before, empty = row, 0
    return "".join(parts)


def keys_from(text: str, at: int) -> tuple[set[int], int]:
    """The collections in brackets that are keys, from the one at `at` on, and where that one or its line ends."""
    opened = [at]
    start, at = at, at + 1
    keys: set[int] = set()
    while opened:
        char = text[at]
        if char in " \t":
            at += 1
        elif char in "[{":
            opened.append(at)
            at += 1
        elif char in "]}":
            begun = opened.pop()
            at += 1
            behind = at
            while text[behind] in " \t":
                behind += 1
            if text[behind] == ":" and behind - begun <= LONGEST_KEY:
                keys.add(begun)
        elif char in "\r\n\0#":
            break
        elif char in "'\"":
            quoted = QUOTED.match(text, at)
            if quoted is None or "\n" in quoted[0] or "\r" in quoted[0]:
                break
            at = quoted.end()
        elif char in "&*!":
            word = PROPERTY.match(text, at) or ALIAS.match(text, at)
            at = word.end() if word else at + 1
        else:
            word = FLOW_PLAIN.match(text, at)
            at = word.end() if word else at + 1
    return keys, max(at, start + 1)
