"""The log: its lines, its levels, its days, and what it never holds."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.log.files import LogFiles, log_files
from engine.log.journal import Journal
from engine.log.redact import redact, redact_headers, redacted


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


def test_no_link_is_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder that others can write to, a link with the log's name would lead it into a file of theirs, or of the user's."""
    target = tmp_path / "target"
    target.write_text("")
    (tmp_path / "logs").mkdir()
    day = datetime.fromtimestamp(1_800_000_000.0).astimezone().strftime("%Y-%m-%d")
    (tmp_path / "logs" / f"ccr-{day}.log").symlink_to(target)
    journal = Journal(tmp_path / "logs", clock=lambda: 1_800_000_000.0)
    journal.write("info", "one")
    journal.close()

    assert target.read_text() == ""
    assert journal.lost_lines == 1
    assert "cannot be written" in capsys.readouterr().err


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
        ("curl -H 'Authorization: Basic aHVzaDpodXNo' there", "aHVzaDpodXNo"),
        ('{"x-api-key": "hush-hush-1"}', "hush-hush-1"),
        ("https://x/?api_key=hush123&b=1", "hush123"),
        ("AIza" + "b" * 35, "b" * 35),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc", "eyJzdWIi"),
        ("a short one, sk-12345678", "12345678"),
        ("github_pat_" + "a" * 40, "aaaa"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEv\n-----END PRIVATE KEY-----", "MIIEv"),
        ("postgresql://user:hush@host/db", "hush"),
        ("Bearer " + "sk-ant-api03-" + "b" * 40 + " sk-" + "c" * 40, "b" * 10),
    ],
)
def test_what_looks_like_a_credential_is_taken_out(text: str, gone: str) -> None:
    """Text made by others is cleaned before it is shown."""
    assert gone not in redact(text)
    assert "***" in redact(text)


def test_what_was_taken_out_is_still_told() -> None:
    """The beginning that names its maker stays, and so does all around it; a word with `sk-` in it is no key."""
    assert redact("at disk-usage: AKIAIOSFODNN7EXAMPLE, sk-ant-" + "a" * 30) == "at disk-usage: AKIA***, sk-ant-***"
    assert redact("Bearer abcdefghijk, /?key=hush&b=1") == "Bearer ***, /?key=***&b=1"
    assert redacted({"sk-" + "a" * 30: ["sk-" + "b" * 30, 1]}) == {"sk-***": ["sk-***", 1]}


def test_what_strangers_sent_cannot_steer_the_terminal() -> None:
    """Nor write a line that looks like one of ours."""
    terminal = io.StringIO()
    journal = Journal(None, "info", terminal)
    journal.write("info", "exchange", "req_1", model="a\x1b[2J\n10:00:00 info  all is well", rows=["\x9b31m\u202e"])

    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().strip().isprintable()


def test_whatever_a_line_is_given_holds_no_credential(tmp_path: Path) -> None:
    """A client may write its key where a model's name belongs; all other values stay as they are."""
    key = "sk-ant-api03-" + "a" * 40
    journal = Journal(tmp_path)
    journal.write(
        "info", "exchange", "req_1", model=key, tools=["look", f"x {key}"], cost=Decimal("0.5"), rows=[{"a": 1}]
    )
    journal.write("info", "exchange", model="claude-opus-5-5", error="risk-assessment failed? no & yes", file=tmp_path)
    journal.close()
    first, second = lines_in(tmp_path)

    assert (first["model"], first["tools"]) == ("sk-ant-***", ["look", "x sk-ant-***"])
    assert (first["cost"], first["rows"]) == ("0.5", [{"a": 1}])
    assert (second["error"], second["file"]) == ("risk-assessment failed? no & yes", str(tmp_path))


def test_secret_headers_become_a_hash() -> None:
    """The same secret gives the same hash, and the value is gone."""
    shown = redact_headers({"x-api-key": "hush", "authorization": "Bearer hush", "accept": "text/plain"})

    assert "hush" not in str(shown)
    assert shown["accept"] == "text/plain"


def test_a_full_file_is_numbered_and_a_new_one_begins(tmp_path: Path) -> None:
    """Two processes that write the same files lose no line, and no file grows beyond its limit."""
    both = [LogFiles(tmp_path, 1000), LogFiles(tmp_path, 1000)]
    for number in range(100):
        both[number % 2].append(b"%0100d\n" % number, "2026-05-01")
    for files in both:
        files.close()
    paths = log_files(tmp_path)
    lines = [line for path in paths for line in path.read_text().splitlines()]

    assert [path.name for path in paths][-2:] == ["ccr-2026-05-01.log.11", "ccr-2026-05-01.log"]
    assert max(path.stat().st_size for path in paths) <= 1000
    assert sorted(map(int, lines)) == list(range(100))


def test_files_of_old_days_are_deleted(tmp_path: Path) -> None:
    """With their numbered ones, by the day in their names, and nothing else in the folder."""
    names = ["ccr-2026-04-27.log", "ccr-2026-04-27.log.1", "ccr-2026-04-28.log", "ccr-2026-04-30.log.2", "notes.log"]
    for name in names:
        (tmp_path / name).touch()
    files = LogFiles(tmp_path, keep_days=3)
    files.append(b"x\n", "2026-05-01")
    files.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == [*names[2:4], "ccr-2026-05-01.log", "notes.log"]


def test_limits_change_while_it_writes(tmp_path: Path) -> None:
    """A reload takes them over; a limit smaller than a line costs no line."""
    journal = Journal(tmp_path)
    journal.write("info", "before")
    journal.set_limits(10, None)
    journal.write("info", "between")
    journal.write("info", "after")
    journal.close()

    assert [json.loads(path.read_text())["message"] for path in log_files(tmp_path)] == ["before", "between", "after"]


def test_credentials_in_base64_are_cut_out_of_bodies() -> None:
    """What is saved of a request has them neither as they are nor wrapped; other base64 stays."""
    secret = base64.b64encode(b"aws: AKIAIOSFODNN7EXAMPLE").decode()
    plain = base64.b64encode(b"nothing that anybody hides").decode()

    assert redacted({"content": [f"auth: {secret}, {plain}"]}) == {"content": [f"auth: ***, {plain}"]}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"message": "Fatal error on transport", "exception": KeyError("x")}, "KeyError"),
        ({"message": "Event loop stopped"}, "Event loop stopped"),
    ],
)
def test_failures_in_callbacks_are_our_own(tmp_path: Path, said: dict[str, Any], error: str) -> None:
    """What the event loop catches has a line as any bug has, with its traceback where there is one."""
    journal = Journal(tmp_path)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(journal.of_loop)
    loop.call_exception_handler(said)
    loop.close()
    journal.close()

    (line,) = lines_in(tmp_path)
    assert (line["message"], line["error"]) == ("internal error", error)
    assert ("traceback" in line) == ("exception" in said)
