"""Fixes: what is mended, what is left alone, and that nothing but the edits changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.analysis.mend import Mended, difference, mended
from engine.analysis.stage import proved
from engine.analysis.unchanged import unchanged
from engine.build import build
from engine.built import Routing
from engine.reporting.report import FileReport, file_report
from schemas.diagnostics import Edit, Fix, Span
from schemas.edits import compatible, edited
from schemas.lines import Lines
from tests.engine.files import nothing_else
from tests.properties.test_layouts import Text


def _check(texts: Mapping[str, str], name: str = "f.yaml") -> FileReport:
    def read(path: str) -> bytes:
        return texts[path].encode() if path in texts else nothing_else(path)

    return file_report(build(texts[name].encode(), name, read_file=read, env={}, secrets="keep"), complete=True)


def _mend(texts: Mapping[str, str], *, unsafe: bool = False, name: str = "f.yaml") -> Mended:
    return mended(_check(texts, name), lambda new: _check({**texts, **new}, name), unchanged, unsafe=unsafe)


HEAD = "providers: {here: {type: static}}\nrouting:\n  defaultProvider: here\n"
MODELS = "providers: {here: {type: static, settings: {models: [small, large]}}}\nrouting:\n  defaultProvider: here\n"


def _ruled(condition: str) -> str:
    return HEAD + f"  customRules:\n    - condition: {condition}\n      target: here,m\n"


# what is mended, the text before and after, and whether the fix is an unsafe one
MENDED = [
    ("an unused suppression", HEAD + "# ccr: ignore CCR404\n", HEAD, False),
    ("one at the end of a line", HEAD.replace("static}}", "static}}  # ccr: ignore CCR404 -- x"), HEAD, False),
    ("a comparison", _ruled("{messageCount: > 10}"), _ruled('{messageCount: "> 10"}'), False),
    ("a comparison of a block", _ruled("\n        messageCount: > 10"), _ruled('\n        messageCount: "> 10"'), False),
    ("two at once", _ruled("{messageCount: > 10, model: {glob: *haiku*}}"), _ruled('{messageCount: "> 10", model: {glob: "*haiku*"}}'), False),
    ("what may be an alias", _ruled("{model: {glob: *haiku}}"), _ruled('{model: {glob: "*haiku"}}'), True),
    ("a reserved character", _ruled("{model: @x}"), _ruled('{model: "@x"}'), False),
    ("a number for a text", _ruled("{model: 4}"), _ruled('{model: "4"}'), False),
    ("a text for a number", HEAD + '  longContextThreshold: "100"\n', HEAD + "  longContextThreshold: 100\n", False),
    ("a text for true", HEAD + '  explicitModels: "true"\n', HEAD + "  explicitModels: true\n", False),
    ("a word for true", HEAD + "  explicitModels: yes\n", HEAD + "  explicitModels: true\n", True),
    ("a key", HEAD.replace("defaultProvider", "defaultProvder"), HEAD, True),
    ("a key in quotes", HEAD.replace("defaultProvider", '"defaultProvder"'), HEAD.replace("defaultProvider", '"defaultProvider"'), True),
    ("a provider", HEAD.replace("r: here", "r: heer"), HEAD, True),
    ("a value", HEAD.replace("static", "statik"), HEAD, True),
    ("a fact", _ruled("{modle: x}"), _ruled("{model: x}"), True),
    ("an operator", _ruled("{model: {prefx: x}}"), _ruled("{model: {prefix: x}}"), True),
    ("a model in a target's text", MODELS + "  rules: {default: 'here, smal'}\n", MODELS + "  rules: {default: 'here, small'}\n", True),
    ("what two names are near to", HEAD.replace("{here:", "{ab1: {type: static}, ab2: {type: static}, here:").replace("r: here", "r: ab3"), None, True),
    ("a repeated fallback", MODELS + "  rules: {default: {provider: here, fallbacks: ['here,large', 'here,small']}}\n", MODELS + "  rules: {default: {provider: here, fallbacks: ['here,large']}}\n", False),
    ("an unused condition", "conditions:\n  a: {stream: true}\n  b: {stream: false} # old\n" + _ruled("{ref: a}"), "conditions:\n  a: {stream: true}\n" + _ruled("{ref: a}"), False),
    ("clear text", HEAD.replace("type: static", "type: openai, endpoint: 'http://llm.example.com/v1'"), HEAD.replace("type: static", "type: openai, endpoint: 'https://llm.example.com/v1'"), True),
]  # fmt: skip

MENDED_JSON = [
    ("commas", '{"a": [1,, 2,], "b": {},}', '{"a": [1, 2], "b": {}}'),
    ("missing commas", '{"a": [1 2]\n "b": 3}', '{"a": [1, 2],\n "b": 3}'),
    ("quotes", '{a: \'x\', "b": True, "c": word}', '{"a": "x", "b": true, "c": "word"}'),
]


@pytest.mark.parametrize(("what", "before", "after"), MENDED_JSON, ids=[row[0] for row in MENDED_JSON])
def test_slips_of_json_are_mended(what: str, before: str, after: str) -> None:
    """What other languages write, and commas."""
    done = _mend({"f.json": before}, name="f.json")

    assert done.texts == {"f.json": after}
    assert not [one for one in done.report.findings if one.code.startswith("CCR0")]


@pytest.mark.parametrize(("what", "before", "after", "unsafe"), MENDED, ids=[row[0] for row in MENDED])
def test_what_can_be_mended_is(what: str, before: str, after: str | None, unsafe: bool) -> None:
    """The text afterwards is exactly this (None: as before), and an unsafe fix is made only where it is asked for."""
    done = _mend({"f.yaml": before}, unsafe=unsafe)

    assert done.texts.get("f.yaml") == after
    if unsafe:
        assert _mend({"f.yaml": before}).texts.get("f.yaml", before) == before


def test_included_files_are_mended_where_they_lie() -> None:
    """Each edit goes to the file of its place; the others stay as they are."""
    texts = {"f.yaml": "include: [g.yaml]\n" + HEAD, "g.yaml": "# ccr: ignore CCR404\ndebug: {enabled: true}\n"}

    assert _mend(texts).texts == {"g.yaml": "debug: {enabled: true}\n"}


def test_a_safe_fix_that_is_not_proved_is_taken_back() -> None:
    """Where the proof fails, the file stays as it is, however the fix calls itself."""

    def never(before: Routing, after: Routing) -> bool:
        return False

    texts = {"f.yaml": HEAD + "# ccr: ignore CCR404\n"}
    done = mended(_check(texts), lambda new: _check({**texts, **new}), never, unsafe=True)

    assert (done.texts, done.fixes) == ({}, 0)


def test_the_difference_is_a_patch_without_secrets() -> None:
    """Lines ends are kept, a missing last one is said, and a credential is hidden also in lines that only stand around."""
    before = HEAD.replace(
        "{here:",
        "{far: {type: openai, endpoint: 'http://127.0.0.1:1/v1', authentication: {apiKey: canary-4f9c1d7e}}, here:",
    )
    texts = {"f.yaml": (before + "# ccr: ignore CCR405").replace("\n", "\r\n")}
    done = _mend(texts)
    said = difference(_check(texts).checked, done.report.checked)

    assert "canary" not in said
    assert said.startswith("--- a/f.yaml\n+++ b/f.yaml\n@@ ")
    assert "-# ccr: ignore CCR405\n\\ No newline at end of file\n" in said
    assert "   defaultProvider: here\r\n" in said


BAD = Path(__file__).resolve().parents[2] / "schemas" / "bad"
FILES = sorted(path.name for path in BAD.iterdir() if path.suffix in (".yaml", ".json"))


@pytest.mark.parametrize("name", FILES)
def test_mending_comes_to_an_end(name: str) -> None:
    """Whatever is wrong: mended once, there is nothing more to mend, and no finding has come in place of a tree."""

    def check(texts: Mapping[str, str]) -> FileReport:
        def read(path: str) -> bytes:
            return texts[path].encode() if path in texts else (BAD / path).read_bytes()

        return file_report(build(read(name), name, read_file=read, env={}, secrets="keep"), complete=True)

    first = mended(check({}), check, unchanged, unsafe=True)
    again = mended(check(first.texts), check, unchanged, unsafe=True)
    assert again.texts == {}
    assert (first.fixes == 0) == (first.texts == {})


MISTAKES = sorted((BAD.parents[1] / "corpus" / "mistakes").glob("*.json"))[::23]


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_what_proofs_find_is_mended_to_the_end(path: Path) -> None:
    """Nothing that can be mended is left, a second time mends nothing, and a file with CRLF becomes the same with CRLF."""
    text = Text()
    text.block(json.loads(path.read_text()))

    def check(texts: Mapping[str, str]) -> FileReport:
        checked = build(texts["f.yaml"].encode(), "f.yaml", read_file=nothing_else, env={}, secrets="keep")
        found = (*checked.diagnostics, *proved(checked, nothing_else).findings)
        return file_report(replace(checked, diagnostics=found), complete=True)

    def after(before: str) -> str:
        done = mended(check({"f.yaml": before}), check, unchanged, unsafe=True)
        assert [one for one in done.report.findings if one.fix is not None] == []
        assert done.report.built is not None
        assert mended(done.report, check, unchanged, unsafe=True).fixes == 0
        return done.texts.get("f.yaml", before)

    assert after(text.text.replace("\n", "\r\n")) == after(text.text).replace("\n", "\r\n")


@st.composite
def edits_of_a_text(draw: st.DrawFn) -> tuple[str, list[Fix]]:
    """A text of odd line ends and letters, and fixes with edits anywhere in it, some of them overlapping."""
    text = draw(st.text(st.sampled_from("ab#:é\u2028\U0001f600 \t\r\n"), max_size=40))
    lines = Lines(text, "f")
    fixes = []
    for _ in range(draw(st.integers(0, 5))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        fixes.append(Fix(safe=True, edits=(Edit(lines.span(start, end), draw(st.text("xy", max_size=3))),)))
    return text, fixes


@given(edits_of_a_text())
def test_what_no_edit_covers_stays_byte_for_byte(case: tuple[str, list[Fix]]) -> None:
    """The pieces between the chosen edits are found again, in order, between their new texts."""
    text, fixes = case
    lines = Lines(text, "f")
    chosen = sorted((edit for fix in compatible(fixes, {"f": text}) for edit in fix.edits), key=lambda edit: edit.span)
    expected, at = [], 0
    for edit in chosen:
        start = lines.offset(edit.span.line, edit.span.column)
        expected += [text[at:start], edit.text]
        at = max(start, lines.offset(edit.span.end_line, edit.span.end_column))
    assert edited({"f": text}, chosen).get("f", text) == "".join([*expected, text[at:]])


def test_fixes_that_touch_the_same_text_are_not_made_together() -> None:
    """The first wins; one whose place is in no known file is left out."""

    def at(start: int, end: int, file: str = "f") -> Fix:
        return Fix(safe=True, edits=(Edit(Span(file, 1, start, 1, end), ""),))

    first, over, beside, elsewhere = at(2, 5), at(4, 6), at(5, 6), at(1, 2, "g")
    assert compatible([first, over, beside, elsewhere], {"f": "abcdefgh"}) == [first, beside]
