"""What people write in YAML and YAML does not take: unquoted comparisons and patterns, tabs, control characters."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.limits import MAX_REPEATS
from schemas.lines import Lines
from schemas.wording import quoted
from schemas.yaml_sink import TOO_SLOW, YamlFault

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")

_AFTER = r"(?:^[ ]*|(?<=[:,\[{]) *|(?<=-) +|(?<=\?) +)"
_UNQUOTED = re.compile(
    rf"(?m){_AFTER}(?P<value>>=?[ ]*-?[\d.$][^\n\r,\]}}#]*|\*[^\s,\]}}]*|(?<!^)[%@`][^\n\r,\]}}#]*)(?<! )(?=[ ]*(?:[\r\n,\]}}#]|\Z))",
)


class Trap(Struct, frozen=True):
    """What to say of a value that only quotes make a text; `sure`: it cannot have been meant as anything else."""

    code: str
    message: str
    help_text: str
    sure: bool = True


def parseable(lines: Lines) -> tuple[str, list[Diagnostic]]:
    """The text without the characters YAML forbids (same length), and a finding for each."""
    findings: list[Diagnostic] = []
    for match in _FORBIDDEN.finditer(lines.text):
        if len(findings) == MAX_REPEATS:
            break
        name = "a NUL character" if match[0] == "\0" else f"the control character U+{ord(match[0]):04X}"
        findings.append(finding("CCR008", f"{name} is in the text", lines.span(*match.span()), help="remove it"))
    clean = _FORBIDDEN.sub(" ", lines.text)
    return clean, findings


def traps_of(text: str) -> dict[int, Trap]:
    """Values that look like an unquoted comparison or pattern, by their offset; some may stand inside longer texts."""
    found = {}
    for match in _UNQUOTED.finditer(text):
        value = match["value"].rstrip()
        start = match.start("value")
        code, message = _trap_text(value)
        found[start] = Trap(
            code,
            message,
            f'write it in quotes: `"{value}"`' if len(value) <= 60 else "write it in quotes",
            sure=value[0] != "*" or len(value) == 1 or "*" in value[1:],
        )
    return found


def _trap_text(value: str) -> tuple[str, str]:
    if value[0] == ">":
        return "CCR009", f"{quoted(value)} is not a comparison in YAML while it is not quoted"
    if value[0] == "*":
        return "CCR010", f"{quoted(value)} is read as an alias by YAML while it is not quoted"
    return "CCR020", f"a text cannot start with `{'backtick' if value[0] == '`' else value[0]}` while it is not quoted"


_WORD = re.compile(r"[^ \t\r\n,\[\]{}]*")
_GAP = re.compile(r"[ \t\r\n]*(?:#[^\r\n]*[ \t\r\n]*)*")


def past_properties(text: str, start: int, end: int, tagged: bool) -> tuple[tuple[int, int] | None, int]:
    """Of a node with an anchor or a tag: where the tag is, if there is one, and where the node itself begins."""
    tag = None
    if tagged:
        word_end = _word_end(text, start)
        while text.startswith("&", start):
            start = _after_gap(text, word_end)
            word_end = _word_end(text, start)
        tag = start, end if text.startswith("!=", start) else word_end
    while start < end and text[start] in "&!":
        start = _after_gap(text, _word_end(text, start))
    return tag, min(start, end)


def _word_end(text: str, start: int) -> int:
    word = _WORD.match(text, start)
    return max(word.end() if word else start, min(start + 1, len(text)))


def _after_gap(text: str, start: int) -> int:
    gap = _GAP.match(text, start)
    return gap.end() if gap else start


def explain_fault(fault: YamlFault, lines: Lines) -> Diagnostic:
    """The finding for a text that is not YAML, in our words, at the place where it broke."""
    at = min(fault.offset, len(lines.text))
    char = lines.text[at : at + 1]
    if char == "\t" or (fault.start is not None and "\t" in _indent_at(lines, at)):
        place = lines.text.rfind("\n", 0, at) + 1 + _indent_at(lines, at).find("\t") if char != "\t" else at
        before = lines.text[lines.text.rfind("\n", 0, place) + 1 : place].strip()
        message = "a tab cannot stand after a word of YAML" if before else "a tab cannot indent YAML"
        return finding("CCR007", message, lines.span(place, place + 1), help="use spaces")
    for pattern, say in _FAULTS:
        if re.search(pattern, fault.problem):
            message, help_text, at_start = say(char)
            where = fault.start if at_start and fault.start is not None else at
            return finding("CCR004", message, _one(lines, where), help=help_text)
    problem = re.sub(r"[()\[\]]|,(?=\))", "", fault.problem).replace("'", "`")
    return finding("CCR004", "this is not valid YAML", _one(lines, at), help=problem)


def _one(lines: Lines, offset: int) -> Span:
    """The character at `offset`, or an empty span where a line ends."""
    return lines.span(offset, offset + (lines.text[offset : offset + 1] not in ("\n", "\r", "")))


def _indent_at(lines: Lines, offset: int) -> str:
    line, _ = lines.place(offset)
    text = lines.line(line)
    return text[: len(text) - len(text.lstrip())]


_Said = tuple[str, str | None, bool]


def _say(message: str, help_text: str | None = None, at_start: bool = False) -> Callable[[str], _Said]:
    return lambda _char: (message, help_text, at_start)


def _cannot_start(char: str) -> _Said:
    return f"a value cannot start with {quoted(char)} here", "write it in quotes", False


# the library's wording -> ours; the last column of `_say` puts the place where the construct began
_FAULTS: tuple[tuple[str, Callable[[str], _Said]], ...] = (
    (r"cannot start any token", _cannot_start),
    (r"could not find expected ':'", _say("a key here has no `:`", "each line of a mapping is `key: value`", True)),
    (
        r"mapping values are not allowed",
        _say("`:` starts a second value on this line", "put the text in quotes, or the key on its own line"),
    ),
    (
        r"unexpected end of stream|found unexpected document separator",
        _say("this quoted text never ends", "close the quotation mark", True),
    ),
    (
        r"expected <block end>",
        _say(
            "this line does not fit the indentation above it",
            "align it with its neighbours; quote a text that has more after a closing quotation mark",
        ),
    ),
    (r"block sequence entries are not allowed", _say("a list item cannot start here", "put `-` on its own line")),
    (
        r"expected ',' or '\]'",
        _say("this list has no `,` or `]` where one must be", "close the list, or quote a text with brackets", True),
    ),
    (
        r"expected ',' or '\}'",
        _say(
            "this mapping has no `,` or `}` where one must be",
            'close the mapping, or quote a text with braces, such as `"${NAME}"`',
            True,
        ),
    ),
    (r"expected the node content", _say("a value is missing here")),
    (
        r"chomping or indentation",
        _say("`>` and `|` start a text block in YAML", 'write a comparison in quotes: `"> 10"`', True),
    ),
    (r"unknown escape character", _say("this is no escape of YAML", "double the backslash, or use single quotes")),
    (
        r"escape sequence of|expected escape",
        _say("this escape is cut short", "double the backslash, or use single quotes"),
    ),
    (
        r"alphabetic or numeric|alphabetical or numeric",
        _say("`*` and `&` mark aliases and anchors in YAML", "write the text in quotes", True),
    ),
    (
        TOO_SLOW,
        _say("YAML of this kind is read in short files only", "leave out tags and directives, and write plain names"),
    ),
    (r"undefined tag handle", _say("`!` starts a tag in YAML", "write the text in quotes", True)),
)
