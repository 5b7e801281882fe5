"""What `ccr test-config` writes and hides: baselines, fixes, differences, forms for build servers, pages of codes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from engine.cli.commands import ccr
from schemas.pages import page_of

HEAD = "providers: {here: {type: static}, there: {type: static}}\n"
UNUSED = (
    HEAD
    + "conditions:\n  a: {stream: true}\n  b: {stream: false}\nrouting: {defaultProvider: here, customRules: [{condition: {ref: a}, target: {provider: there, model: m}}]}\n"
)
USED = UNUSED.replace("  b: {stream: false}\n", "")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with one warning, which can be mended, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    path = tmp_path / "ccr.yaml"
    path.write_text(UNUSED)
    return path


def _run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(ccr, ["test-config", "ccr.yaml" if stdin is None else "-", *words], input=stdin)


def test_a_baseline_hides_what_was_known(file: Path) -> None:
    """Written once, it hides those findings and no new one; removing them is no fault."""
    assert _run("--fail-level", "warning").exit_code == 1
    written = _run("--baseline", "known.json", "--write-baseline")
    assert (written.exit_code, written.stdout, written.stderr) == (0, "", "ccr: 1 finding written to known.json\n")

    same = _run("--fail-level", "warning", "--baseline", "known.json")
    assert same.exit_code == 0
    assert "no findings (1 in the baseline)" in same.stdout
    file.write_text("# moved\n\n" + UNUSED.replace("  b:", "  c: {stream: false}\n  b:"))
    new = json.loads(_run("--baseline", "known.json", "--format", "json").stdout)
    assert [one["message"] for one in new["findings"]] == ["nothing uses condition `c`"]
    file.write_text(USED)
    assert _run("--fail-level", "warning", "--baseline", "known.json").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--write-baseline"],
        ["--baseline", "nowhere.json"],
        ["--baseline", "ccr.yaml"],
        ["--baseline", "nowhere/x.json", "--write-baseline"],
        ["--baseline", "x.json", "--write-baseline", "--fix"],
        ["--fix", "--diff"],
        ["--diff", "--format", "json"],
        ["--junit", "nowhere/x.xml"],
        ["--explain", "CCR999"],
        ["--explain", "x"],
        ["--select", "CCR999"],
        ["--select", "CCR1,CCR3020"],
        ["--ignore", "unused-providers"],
        ["--baseline", "pipe"],
        ["--baseline", "/dev/zero"],
        ["--env-file", "/dev/zero"],
    ],
)
def test_what_cannot_be_asked_for_is_a_matter_of_usage(file: Path, words: list[str]) -> None:
    """Status 2, a line that says what is wrong, and the file as it was."""
    os.mkfifo("pipe")
    result = _run(*words)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert file.read_text() == UNUSED


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["--select", "404"], ["CCR404"]),
        (["--select", "ccr4, 802"], ["CCR404"]),
        (["--select", "CCR1"], []),
        (["--ignore", "CCR40"], []),
        (["--select", "4", "--ignore", "404"], []),
    ],
)
def test_codes_are_chosen_by_how_they_begin(file: Path, words: list[str], codes: list[str]) -> None:
    """In any case, and with or without the letters."""
    report = json.loads(_run("--format", "json", *words).stdout)
    assert [one["code"] for one in report["findings"]] == codes


def test_a_run_of_no_test_says_so(file: Path) -> None:
    """A name that is misspelt must not look like tests that pass."""
    file.write_text(USED + "tests: [{name: streams, request: {stream: true}, expect: {provider: there}}]\n")
    assert _run("--run", "stream").stderr == ""
    assert _run("--run", "straem").stderr == "ccr: no test has a name in which `straem` is found\n"


def test_a_difference_is_shown_and_nothing_written(file: Path) -> None:
    """The status is that of the file as it is."""
    result = _run("--diff", "--fail-level", "warning")

    assert result.exit_code == 1
    assert result.stdout.startswith("--- a/ccr.yaml\n+++ b/ccr.yaml\n@@ -1,5 +1,4 @@\n")
    assert "\n-  b: {stream: false}\n" in result.stdout
    assert file.read_text() == UNUSED
    assert _run("--diff", stdin=UNUSED).stdout.startswith("--- a/-\n")


SHADOWED = (
    HEAD
    + """routing:
  defaultProvider: here
  customRules:
    - {name: all, condition: {always: true}, target: {provider: there}}
    - {name: some, condition: {stream: true}, target: {provider: there, model: other}}
"""
)


def test_a_difference_that_is_none_is_said(file: Path) -> None:
    """Nobody waits for what does not come; the closing line names the fixes that may change a decision, as this does."""
    file.write_text(SHADOWED)

    assert "1 fixable with --unsafe-fixes" in _run().stdout
    safe, unsafe = _run("--diff"), _run("--diff", "--unsafe-fixes")
    assert safe.stdout == ""
    assert safe.stderr == (
        "ccr: nothing can be mended without changing decisions; `--unsafe-fixes` shows what would change some\n"
    )
    assert (unsafe.stdout[:14], unsafe.stderr) == ("--- a/ccr.yaml", "")
    file.write_text(USED)
    assert _run("--diff").stderr == "ccr: nothing can be mended\n"


def test_a_fix_keeps_mode_link_and_byte_order_mark(file: Path) -> None:
    """Only the text between changes; the report is that of the file afterwards."""
    real = file.with_name("real.yaml")
    real.write_bytes(b"\xef\xbb\xbf" + UNUSED.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    file.unlink()
    file.symlink_to(real)

    result = _run("--fix", "--fail-level", "warning")

    assert result.exit_code == 0, result.output
    assert result.stderr == "ccr: 1 fix made in ccr.yaml\n"
    assert real.read_bytes() == b"\xef\xbb\xbf" + USED.replace("\n", "\r\n").encode()
    assert (real.stat().st_mode & 0o777, file.is_symlink()) == (0o640, True)
    assert sorted(path.name for path in file.parent.iterdir()) == ["ccr.yaml", "real.yaml"]


def test_unsafe_fixes_are_made_only_when_asked_for(file: Path) -> None:
    """A near name is a guess."""
    file.write_text(USED.replace("Provider: here", "Provider: heer"))
    assert _run("--fix").exit_code == 1
    assert _run("--unsafe-fixes").exit_code == 0
    assert file.read_text() == USED


@pytest.mark.parametrize(
    ("code", "option"), [("CCR303", "--fix"), ("CCR304", "--fix"), ("CCR302", "--unsafe-fixes"), ("CCR901", "--fix")]
)
def test_what_is_proved_is_mended(file: Path, code: str, option: str) -> None:
    """The bad example of a page becomes a file without a finding; what changes decisions needs the other option."""
    file.write_text((page_of(code) or "").split("```yaml\n")[1].split("```")[0])
    before = file.read_text()
    if option == "--unsafe-fixes":
        _run("--fix")
        assert file.read_text() == before

    result = _run(option, "--fail-level", "info")

    assert result.exit_code == 0, result.output
    assert file.read_text() != before


def test_a_rule_moves_with_the_comments_above_it(file: Path) -> None:
    """Those of the rule that it comes before stay with that one; what stands further in or out is no rule's."""
    head = "providers: {here: {type: static}}\nrouting:\n  defaultProvider: here\n  customRules:\n"
    wide = "    # takes all of them\n    - {name: wide, condition: {stream: true}, target: 'here,a'}\n      # of wide\n"
    narrow = "    # for\n    # tools\n    - name: narrow # it is\n      condition: {stream: true, hasTools: true}\n      target: here,b\n"
    file.write_text((head + wide + "  # outside\n" + narrow).replace("\n", "\r\n"))

    assert _run("--unsafe-fixes").exit_code == 0
    assert file.read_bytes().decode() == (head + narrow + wide + "  # outside\n").replace("\n", "\r\n")


def test_standard_input_cannot_be_fixed(file: Path) -> None:
    """There is no file to write; what else is named is left alone, too."""
    assert _run("--fix", "ccr.yaml", stdin=UNUSED).exit_code == 2
    assert file.read_text() == UNUSED


def test_a_file_that_cannot_be_written_is_said(file: Path) -> None:
    """It stays as it is and is reported as it is, the others are mended, and the status is 3."""
    other, long = file.with_name("other.yaml"), file.with_name(f"{'x' * 245}.yaml")
    for path in (other, long):
        path.write_text(UNUSED)
    file.chmod(0o400)

    result = _run("--fix", long.name, other.name)

    assert result.exit_code == 3
    said = result.stderr.splitlines()
    assert said[0] == "ccr: ccr.yaml cannot be written: permission denied"
    assert said[1].startswith(f"ccr: {long.name} cannot be written: ")
    assert said[2:] == ["ccr: 1 fix made in other.yaml"]
    assert [path.read_text() for path in (file, long, other)] == [UNUSED, UNUSED, USED]
    assert "2 warnings (2 fixable)" in result.stdout


def test_what_two_files_include_is_mended_once(file: Path) -> None:
    """The second one sees what the first one left."""
    included = file.with_name("both.yaml")
    included.write_text("conditions:\n  a: {stream: true}\n  b: {stream: false}\n")
    text = "include: [both.yaml]\n" + USED.replace("conditions:\n  a: {stream: true}\n", "")
    for path in (file, file.with_name("other.yaml")):
        path.write_text(text)

    result = _run("--fix", "other.yaml")

    assert (result.exit_code, result.stderr) == (0, "ccr: 1 fix made in both.yaml\n")
    assert included.read_text() == "conditions:\n  a: {stream: true}\n"


def test_github_gets_its_summary_and_junit_its_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary is added to what other steps wrote; JUnit stands beside any form."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    result = _run("--format", "github", "--junit", "tests.xml")

    assert result.stdout.startswith("::warning file=ccr.yaml,line=4,")
    assert summary.read_text().startswith("before\n### ccr test-config\n")
    assert "| warning | CCR404 | ccr.yaml:4:3 |" in summary.read_text()
    assert ElementTree.parse(tmp_path / "tests.xml").getroot().get("failures") == "0"


@pytest.mark.parametrize("form", ["human", "json", "github", "sarif", "junit"])
def test_every_form_reports_a_file_without_a_tree(file: Path, form: str) -> None:
    """Status 3, and the finding in the chosen form, without a colour."""
    file.write_text("a: [")
    result = _run("--format", form)

    assert result.exit_code == 3
    assert "CCR004" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("word", ["CCR302", "ccr302", "302"])
def test_a_page_is_printed_with_its_weight(word: str) -> None:
    """However the code is written; no configuration is needed."""
    result = CliRunner().invoke(ccr, ["test-config", "--explain", word])

    assert result.exit_code == 0
    assert result.stdout.startswith("# CCR302: ")
    assert result.stdout.endswith("\nWeight: error where the targets differ, else warning.\n")
