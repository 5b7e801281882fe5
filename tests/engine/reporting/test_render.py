"""How a finding is shown: source line, caret, labels, help; long lines, wide letters, colours."""

from __future__ import annotations

import pytest

from engine.built import Checked
from engine.reporting.report import Choice, FileReport, Report, Status, file_report
from engine.reporting.text import closing_line, human
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label, Severity, Span


def _file(text: str, *found: Diagnostic) -> FileReport:
    return file_report(Checked("f.yaml", None, None, found, {"f.yaml": text, "g.yaml": "other: file\n"}))


def _at(column: int, end: int, line: int = 1, file: str = "f.yaml") -> Span:
    return Span(file, line, column, line, end)


def test_a_finding_has_its_line_carets_labels_and_help() -> None:
    """Labels stand in the order of their lines, those of other files below."""
    found = finding(
        "CCR405",
        "a fallback repeats the target",
        _at(3, 6, line=12),
        help="remove it",
        labels=(Label(_at(1, 4, line=2), "the target"), Label(_at(1, 6, file="g.yaml"), "defined here")),
    )
    text = "\n".join(f"line {number}" for number in range(1, 13))
    said = human(Report((_file(text, found),), 0.0), color=False)
    assert said == (
        "error[CCR405]: a fallback repeats the target\n"
        "  --> f.yaml:12:3\n"
        "   |\n"
        " 2 | line 2\n"
        "   | --- the target\n"
        "12 | line 12\n"
        "   |   ^^^\n"
        "  ::: g.yaml:1\n"
        "   |\n"
        " 1 | other: file\n"
        "   | ----- defined here\n"
        "   = help: remove it\n"
        "\n"
        "0 rules, 0 providers: 1 error; 0.00 s\n"
    )


@pytest.mark.parametrize(
    ("text", "span", "line", "marks"),
    [
        ("a: b", _at(4, 5), "a: b", "   ^"),
        ("a: b", _at(5, 5), "a: b", "    ^"),
        ("\u65e5\u672c: b", _at(5, 6), "\u65e5\u672c: b", "      ^"),
        ("\ta: b", _at(5, 6), " a: b", "    ^"),
        ("e\u0301: b", _at(5, 6), "e\u0301: b", "   ^"),
        ("a: \x1b[31mb", _at(4, 5), "a: \ufffd[31mb", "   ^"),
        ("x" * 200, _at(150, 153), "..." + "x" * 110, " " * 62 + "^^^"),
    ],
)
def test_carets_stand_under_the_place(text: str, span: Span, line: str, marks: str) -> None:
    """Wide and combining letters, tabs and control characters, lines longer than a terminal."""
    said = human(Report((_file(text, finding("CCR004", "wrong", span)),), 0.0), color=False).splitlines()
    assert said[3] == " 1 | " + line
    assert said[4] == "   | " + marks


def test_a_label_far_behind_what_is_shown_of_a_long_line_stands_at_its_end() -> None:
    """It pads no row with thousands of blanks, and costs no time."""
    found = finding("CCR004", "wrong", _at(1, 4), labels=(Label(_at(30_000, 30_004), "the other"),))
    said = human(Report((_file("x" * 40_000, found),), 0.0), color=False).splitlines()
    assert said[4:6] == ["   | ^^^", "   | " + " " * 120 + "- the other"]


def test_colours_are_on_only_when_asked_for() -> None:
    """Without them there is no escape at all."""
    report = Report((_file("a: b", finding("CCR004", "wrong", _at(1, 2))),), 0.0)
    assert "\x1b[" in human(report, color=True)
    assert "\x1b" not in human(report, color=False)


FOUND = (
    finding("CCR402", "x", _at(1, 2)),
    finding("CCR801", "x", _at(1, 2)),
    finding("CCR404", "x", _at(1, 2), severity=Severity.INFO),
)


@pytest.mark.parametrize(
    ("select", "ignore", "said"),
    [
        ([], [], "1 error, 1 warning, 1 note"),
        (["CCR4"], [], "1 error, 1 note"),
        (["CCR4", "CCR801"], ["CCR402"], "1 warning, 1 note"),
        ([], ["CCR"], "no findings"),
    ],
)
def test_findings_are_chosen_by_the_start_of_their_code(select: list[str], ignore: list[str], said: str) -> None:
    """`--select` and `--ignore` take prefixes."""
    report = Report((file_report(Checked("f", None, None, FOUND, {}), Choice(select, ignore)),), 1.234)
    assert closing_line(report) == f"0 rules, 0 providers: {said}; 1.23 s"


def test_the_status_is_that_of_the_worst_file() -> None:
    """3 where a file has no tree, else 1 from the asked weight on."""
    from engine.build import build

    clean = file_report(build(b"{}", "f.json", read_file=lambda _: b"", env={}, secrets="keep"))
    warned = FileReport(clean.checked, (FOUND[1],))
    assert Report((clean,), 0.0).status(Severity.ERROR) is Status.CLEAN
    assert Report((warned,), 0.0).status(Severity.ERROR) is Status.CLEAN
    assert Report((warned,), 0.0).status(Severity.WARNING) is Status.FOUND
    assert Report((warned,), 0.0).status(None) is Status.CLEAN
    assert Report((clean, _file("a: [")), 0.0).status(Severity.ERROR) is Status.NO_TREE
