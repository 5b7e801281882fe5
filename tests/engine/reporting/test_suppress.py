"""Comments that suppress findings: where they count, what they cannot do, and when they are reported themselves."""

from __future__ import annotations

import pytest

from engine.build import build
from engine.reporting.report import Choice, FileReport, file_report
from schemas.comments import comments_of
from schemas.diagnostics import Span
from schemas.document import Mapping
from schemas.limits import MAX_FINDINGS
from schemas.lines import Lines
from tests.engine.files import nothing_else

UNUSED = "providers:\n  here: {{type: static}}\n{above}  there: {{type: static}}{beside}\n{below}routing: {{defaultProvider: here}}\n"
AS_JSON = '{{"providers": {{"here": {{"type": "static"}},\n{above}"there": {{"type": "static"}}{beside}\n{below}}}, "routing": {{"defaultProvider": "here"}}}}'


def _report(text: str, name: str = "f.yaml", choice: Choice = Choice()) -> FileReport:  # noqa: B008 - a value
    checked = build(text.encode(), name, read_file=nothing_else, env={}, secrets="keep")
    return file_report(checked, choice, complete=True)


def _yaml(above: str = "", beside: str = "", below: str = "") -> FileReport:
    return _report(UNUSED.format(above=above, beside=beside, below=below))


def _codes(report: FileReport) -> list[str]:
    return [one.code for one in report.findings]


@pytest.mark.parametrize(
    ("above", "beside", "below", "hidden"),
    [
        ("  # ccr: ignore CCR404 -- by name\n", "", "", True),
        ("# ccr: ignore CCR404\n", "", "", True),
        ("  # ccr: ignore CCR404 -- by name\n\n  # another remark\n", "", "", True),
        ("", "  # ccr: ignore CCR404 -- by name", "", True),
        ("", " #ccr:ignore ccr404,CCR401-- by name", "", True),
        ("", " # see above; ccr: ignore CCR404", "", False),
        ("", "", "# ccr: ignore CCR404\n", False),
        ("  x: {type: static, settings: {models: ['# ccr: ignore CCR404']}}\n", "", "", False),
        ("", " # ccr: ignore CCR40 -- a prefix", "", False),
    ],
)
def test_a_comment_counts_on_its_line_or_the_line_above(above: str, beside: str, below: str, hidden: bool) -> None:
    """A comment of its own is about the next line that is more than a comment; a text that looks like one is none."""
    report = _yaml(above, beside, below)

    there = [one for one in report.findings if one.code == "CCR404" and "`there`" in one.message]
    assert (there == []) is hidden
    assert [one.finding.code for one in report.suppressed] == (["CCR404"] if hidden else [])


@pytest.mark.parametrize(
    ("above", "beside"),
    [
        ("// ccr: ignore CCR404 -- why\n", ""),
        ("", " // ccr: ignore CCR404 -- why"),
        ("/* ccr: ignore CCR404 -- why */ ", ""),
    ],
)
def test_json_has_such_comments_too(above: str, beside: str) -> None:
    """Both forms of JSON's comments, the reason without the mark that ends one."""
    report = _report(AS_JSON.format(above=above, beside=beside, below=""), "f.json")

    assert _codes(report) == []
    assert [one.reason for one in report.suppressed] == ["why"]


def test_an_unused_suppression_is_a_finding_with_its_removal() -> None:
    """The whole comment goes, also one with several codes, and only where everything was looked for."""
    report = _yaml(below="# ccr: ignore CCR402, CCR403 -- old\n")

    assert _codes(report) == ["CCR404", "CCR901", "CCR901"]
    (edit,) = [edit for one in report.findings if one.fix for edit in one.fix.edits]
    assert (edit.span.line, edit.span.end_line, edit.text) == (4, 5, "")
    assert "CCR901" not in [one.code for one in file_report(report.checked).findings]


def test_a_line_is_looked_at_as_often_however_many_comments_stand_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are about the line below the last one."""
    looked = 0
    line = Lines.line

    def counted(self: Lines, number: int) -> str:
        nonlocal looked
        looked += 1
        return line(self, number)

    monkeypatch.setattr(Lines, "line", counted)
    root = Mapping((), Span("f.yaml", 1, 1, 1, 1))
    text = "# ccr: ignore CCR404 -- why\n" * 300 + "a: 1\n"
    assert {one.covers[1] for one in comments_of(text, "f.yaml", root)} == {301}
    assert looked < 3 * 301


def test_a_comment_of_thousands_of_words_is_about_the_first_thousand() -> None:
    """There are not a hundred codes."""
    root = Mapping((), Span("f.yaml", 1, 1, 1, 1))
    (comment,) = comments_of("# ccr: ignore" + " CCR404" * (MAX_FINDINGS + 5) + " -- why\n", "f.yaml", root)
    assert (len(comment.codes), comment.reason) == (MAX_FINDINGS, "why")


def test_nothing_is_called_unused_in_a_file_that_was_not_checked_to_the_end() -> None:
    """A mistake elsewhere may have kept a check from being made."""
    assert _codes(_report("server: {port: x} # ccr: ignore CCR404\n")) == ["CCR103"]


def test_an_error_that_refuses_the_start_is_reported_all_the_same() -> None:
    """`test-config` never says yes where `start` says no."""
    report = _report("providers: {here: {type: statik}} # ccr: ignore CCR104 -- hm\n")

    assert _codes(report) == ["CCR104", "CCR902"]
    assert report.suppressed == ()


def test_a_suppression_of_a_code_that_was_not_asked_for_is_not_unused() -> None:
    """`--ignore` chooses what is shown, not what a comment is worth."""
    report = _report(
        UNUSED.format(above="  # ccr: ignore CCR404\n", beside="", below=""), choice=Choice(ignore=["CCR4"])
    )

    assert (_codes(report), report.suppressed) == ([], ())


def test_the_router_does_not_show_what_a_comment_suppresses() -> None:
    """What the start logs and `/status` lists is what `test-config` reports of the same checks."""
    text = UNUSED.format(above="  # ccr: ignore CCR404 -- by name\n", beside="", below="")
    for given, codes in ((text, []), (text.replace("# ccr", "# "), ["CCR404"])):
        checked = build(given.encode(), "f.yaml", read_file=nothing_else, env={}, secrets="keep")
        assert checked.built is not None
        assert [one.code for one in checked.built.diagnostics] == codes
