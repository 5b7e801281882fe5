"""The log: its lines, its levels, its days, and what it never holds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.journal import Journal
from engine.redact import redact, redact_headers


def lines_in(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for file in sorted(folder.glob("ccr-*.log")) for line in file.read_text().splitlines()]


def test_lines_are_json_with_the_original_names(tmp_path: Path) -> None:
    """`timestamp`, `level`, `message`, `requestId`, `stage`, then the data; None values are left out."""
    journal = Journal(tmp_path, clock=lambda: 1_800_000_000.25)
    journal.write("info", "exchange", "req_1", "exchange", stopReason="tool_use", nothing=None)
    journal.close()
    (line,) = lines_in(tmp_path)

    assert list(line) == ["timestamp", "level", "message", "requestId", "stage", "stopReason"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.250[+-]\d\d:\d\d", str(line["timestamp"]))


def test_levels_below_the_threshold_are_not_written(tmp_path: Path) -> None:
    """At `warn` an info line is dropped, and the level can change while it runs."""
    journal = Journal(tmp_path, "warn")
    journal.write("info", "one")
    journal.write("error", "two")
    journal.set_level("debug")
    journal.write("debug", "three")
    journal.close()

    assert [line["message"] for line in lines_in(tmp_path)] == ["two", "three"]


def test_a_new_day_gets_a_new_file(tmp_path: Path) -> None:
    """The file's name is the local date of the line."""
    now = [1_800_000_000.0]
    journal = Journal(tmp_path, clock=lambda: now[0])
    journal.write("info", "one")
    now[0] += 86_400
    journal.write("info", "two")
    journal.close()

    assert len(list(tmp_path.glob("ccr-*.log"))) == 2


def test_the_file_is_private(tmp_path: Path) -> None:
    """Only its owner reads the log."""
    journal = Journal(tmp_path / "logs")
    journal.write("info", "one")
    journal.close()

    assert [file.stat().st_mode & 0o777 for file in (tmp_path / "logs").iterdir()] == [0o600]


def test_a_refusing_disk_loses_lines_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The loss is counted and said once."""
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "logs")
    journal.write("info", "one")
    journal.write("info", "two")
    journal.close()

    assert journal.lost_lines == 2
    assert capsys.readouterr().err.count("the log cannot be written") == 1


def test_an_endless_line_is_cut(tmp_path: Path) -> None:
    """A line over the limit keeps its head and says how long it was."""
    journal = Journal(tmp_path)
    journal.write("info", "big", "req_1", data="x" * 100_000)
    journal.close()
    (line,) = lines_in(tmp_path)

    assert line["message"] == "big"
    assert isinstance(line["cut"], int)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("key sk-ant-REDACTED was refused", "REDACTED"),
        ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
        ("https://x/?api_key=hush123&b=1", "hush123"),
        ("AIza" + "b" * 35, "b" * 35),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc", "eyJzdWIi"),
    ],
)
def test_what_looks_like_a_credential_is_taken_out(text: str, gone: str) -> None:
    """Text made by others is cleaned before it is shown."""
    assert gone not in redact(text)
    assert "***" in redact(text)


def test_secret_headers_become_a_hash() -> None:
    """The same secret gives the same hash, and the value is gone."""
    shown = redact_headers({"x-api-key": "hush", "authorization": "Bearer hush", "accept": "text/plain"})

    assert "hush" not in str(shown)
    assert shown["accept"] == "text/plain"
