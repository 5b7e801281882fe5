"""A configuration says the same however it is laid out: the same findings, at the same keys and values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import settings

from engine.analysis.stage import proved
from engine.build import build
from schemas.diagnostics import Span
from schemas.document import JSONValue, plain
from schemas.lines import Lines
from schemas.pages import page_of
from schemas.read import read

ROOT = Path(__file__).parents[2]
EVERY = 1 if settings.get_current_profile_name() == "thorough" else 13
BAD = sorted(path for path in (ROOT / "tests" / "schemas" / "bad").iterdir() if path.suffix in (".yaml", ".json"))
MISTAKES = sorted((ROOT / "tests" / "corpus" / "mistakes").glob("*.json"))[::EVERY]
PAGES = sorted(path.stem for path in (ROOT / "schemas" / "pages").glob("CCR*.md"))

NodePath: TypeAlias = tuple[str | int, ...]
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_OTHER = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


class Text:
    """A text that is being written, and where each node of it stands."""

    def __init__(self) -> None:
        self.text = ""
        self.places: list[tuple[int, int, NodePath]] = []

    def one_line(self, value: JSONValue, path: NodePath = (), between: str = "") -> None:
        """JSON; `between` goes before each part."""
        start = len(self.text)
        if isinstance(value, dict | list):
            parts = _parts(value)
            self.text += "{" if isinstance(value, dict) else "["
            for number, (key, below) in enumerate(parts):
                self.text += ("," if number else "") + between
                if isinstance(value, dict):
                    self._scalar(key, (*path, key), json.dumps)
                    self.text += ":" + between[-1:].strip("\n")
                self.one_line(below, (*path, key), between)
            self.text += "}" if isinstance(value, dict) else "]"
            self.places.append((start, len(self.text), path))
        else:
            self._scalar(value, path, json.dumps)

    def block(self, value: JSONValue, path: NodePath = (), indent: int = 0) -> None:
        """YAML; the place of a collection is that of its parts."""
        if not isinstance(value, dict | list) or not value:
            self.text += " " if path else ""
            self._scalar(value, path, _yaml)
            self.text += "  # \U0001f600: [\n"
            return
        self.text += "\n" if path else ""
        start = len(self.text)
        for key, below in _parts(value):
            self.text += " " * indent
            if isinstance(value, dict):
                self._scalar(key, (*path, key), _yaml)
            self.text += ":" if isinstance(value, dict) else "-"
            self.block(below, (*path, key), indent + 2)
        self.places.append((start, len(self.text), path))

    def _scalar(self, value: object, path: NodePath, said: Callable[[object], str]) -> None:
        start = len(self.text)
        self.text += said(value)
        self.places.append((start, len(self.text), path))

    def node_at(self, span: Span) -> NodePath:
        """The smallest node around a place."""
        lines = Lines(self.text, span.file)
        start, end = lines.offset(span.line, span.column), lines.offset(span.end_line, span.end_column)
        around = [(last - first, path) for first, last, path in self.places if first <= start and end <= last]
        return min(around)[1] if around else ()


def _parts(value: dict[str, JSONValue] | list[JSONValue]) -> list[tuple[str | int, JSONValue]]:
    return [*value.items()] if isinstance(value, dict) else [*enumerate(value)]


def _yaml(value: object) -> str:
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _OTHER:
        return value
    return json.dumps(value, ensure_ascii=False)


def _layouts(value: JSONValue) -> Iterator[tuple[str, Text]]:
    compact, spread, block = Text(), Text(), Text()
    compact.one_line(value)
    spread.one_line(value, between="\n ")
    block.block(value)
    return iter((("f.json", compact), ("f.json", spread), ("f.yaml", block)))


def _nothing(name: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", name)


def _findings(name: str, text: Text) -> list[tuple[str, str, str, NodePath, list[str]]]:
    checked = build(text.text.encode(), name, read_file=_nothing, env={}, secrets="keep", allow_missing_env=True)
    found = (*checked.diagnostics, *proved(checked, _nothing).findings)
    return sorted(
        (one.code, one.severity, one.message, text.node_at(one.span), [str(text.node_at(label.span)) for label in one.labels])
        for one in found
    )  # fmt: skip


def _assert_said_alike(value: JSONValue) -> None:
    if not isinstance(value, dict):
        return
    routing = value.get("routing")
    rules = routing.get("customRules") if isinstance(routing, dict) else None
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, dict) and isinstance(rule.get("name"), str):
            rule["name"] = f"日本\U0001f600e\u0301 {rule['name']}"
    (first, *others) = [_findings(name, text) for name, text in _layouts(value)]
    assert others == [first, first]


@pytest.mark.parametrize("path", [*BAD, *MISTAKES], ids=lambda path: path.stem)
def test_a_configuration_is_judged_alike_in_every_layout(path: Path) -> None:
    """On one line without a space, on as many lines as can be, and as blocks with comments; names with wide letters."""
    document, _ = read(path.read_bytes(), path.name)
    if document is not None:
        _assert_said_alike(plain(document.root))


@pytest.mark.parametrize("code", PAGES)
def test_the_example_of_a_page_is_judged_alike_in_every_layout(code: str) -> None:
    """The bad ones, where they have a tree."""
    example = re.search(r"## Bad\n.*?```(?P<form>yaml|json)\n(?P<text>.*?)```", page_of(code) or "", re.DOTALL)
    document = read(example["text"].encode(), f"f.{example['form']}")[0] if example else None
    if document is not None:
        _assert_said_alike(plain(document.root))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
@pytest.mark.parametrize(("before", "line_end"), [(b"", b"\r\n"), (b"\xef\xbb\xbf", b"\n"), (b"\xef\xbb\xbf", b"\r\n")])
def test_line_ends_and_a_byte_order_mark_move_nothing(path: Path, before: bytes, line_end: bytes) -> None:
    """Every finding, its place and its fix are as they were."""

    def found(data: bytes) -> list[object]:
        checked = build(data, path.name, read_file=_nothing, env={}, secrets="keep", allow_missing_env=True)
        return [(one.code, one.message, one.help, one.span, one.labels, one.fix) for one in checked.diagnostics]

    data = path.read_bytes()
    assert found(before + data.replace(b"\n", line_end)) == found(data)
