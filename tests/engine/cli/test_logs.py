"""`ccr logs`: the last lines over days, by level, following, and nothing that steers the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import ccr, logs
from engine.cli.logs import _following, _shown
from engine.log.files import LogFiles, log_files


def line(level: str, message: str, **more: object) -> str:
    return json.dumps({"timestamp": "2026-01-02T03:04:05.678+00:00", "level": level, "message": message, **more})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log folder of an own home, with two days in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CCR_CONFIG_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".claude-code-router" / "logs"
    folder.mkdir(parents=True)
    (folder / "ccr-2026-01-01.log").write_text(line("info", "one") + "\n" + line("error", "two") + "\n")
    (folder / "ccr-2026-01-02.log").write_text(line("debug", "three") + "\nnot json\n" + line("warn", "four") + "\n")
    (folder / "other.log").write_text(line("error", "not ours") + "\n")
    return folder


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], ["one", "two", "three", "not json", "four"]),
        (["-n", "2"], ["not json", "four"]),
        (["-n", "4"], ["two", "three", "not json", "four"]),
        (["-n", "0"], []),
        (["--level", "warn"], ["two", "not json", "four"]),
        (["--level", "error", "-n", "2"], ["two", "not json"]),
    ],
)
def test_the_last_lines_over_all_days(folder: Path, words: list[str], wanted: list[str]) -> None:
    """Into a pipe the lines go as they are, oldest first; what is not a JSON line is never hidden."""
    result = CliRunner().invoke(ccr, ["logs", *words])

    shown = [json.loads(each)["message"] if each.startswith("{") else each for each in result.output.splitlines()]
    assert (result.exit_code, shown) == (0, wanted)


def test_no_log_is_said_and_is_no_failure(folder: Path) -> None:
    """Before the first start there is nothing to show."""
    for path in folder.iterdir():
        path.unlink()

    result = CliRunner().invoke(ccr, ["logs"])

    assert (result.exit_code, result.output) == (0, f"no log in {folder} yet\n")


def test_people_read_a_short_form() -> None:
    """On a terminal: time, level, the request's tail, message, the rest as pairs."""
    shown = _shown(line("info", "answered", requestId="req_0123456789abcdef", status=200, target="a,b"))

    assert "2026-01-02 03:04:05" in shown
    assert shown.endswith("[89abcdef] answered  status=200  target=a,b")


def test_what_strangers_sent_cannot_steer_the_terminal() -> None:
    """Control characters of a logged text are shown as escapes."""
    shown = _shown(line("info", "bad \x1b]0;title\x07", note="\x9b31m\r"))

    assert "\\x1b]0;title\\x07" in shown
    assert "\\x9b31m\\r" in shown
    assert "\x07" not in shown
    assert "\r" not in shown


def test_following_goes_on_to_the_next_day(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New lines come as they are written, half a line waits for its end, and midnight changes nothing."""
    today = folder / "ccr-2026-01-02.log"
    waiting = iter([(today, '{"half": '), (today, "1}\n"), (folder / "ccr-2026-01-03.log", '{"next": 1}\n')])

    def write_instead_of_waiting(_: float) -> None:
        path, text = next(waiting)
        with path.open("a") as file:
            file.write(text)

    monkeypatch.setattr("engine.cli.logs.time.sleep", write_instead_of_waiting)
    lines = _following(folder, today)

    assert [next(lines), next(lines)] == ['{"half": 1}', '{"next": 1}']


@pytest.mark.parametrize("renamed_meanwhile", [False, True])
def test_following_goes_through_full_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch, renamed_meanwhile: bool
) -> None:
    """Several may become full between two looks, and one while it is looked for: each line comes once, in its order."""
    writer = LogFiles(folder, max_bytes=250)
    numbers = iter(range(100))

    def write_some(_: float = 0.0) -> None:
        for _ in range(7):
            writer.append(b"%099d\n" % next(numbers), "2026-01-03")

    def looked_too_early(where: Path) -> list[Path]:
        found = log_files(where)
        if renamed_meanwhile and next(numbers, 100) < 40:
            write_some()
        return found

    write_some()
    monkeypatch.setattr(logs, "log_files", looked_too_early)
    monkeypatch.setattr("engine.cli.logs.time.sleep", write_some)
    lines = _following(folder, folder / "ccr-2026-01-03.log")
    read = [int(next(lines)) for _ in range(40)]
    writer.close()

    assert read == sorted(set(read))
    written = [int(each) for path in log_files(folder)[2:] for each in path.read_text().split()]
    assert read == written[written.index(read[0]) :][: len(read)]


def test_following_a_file_that_was_emptied_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rotates by copying cuts the file and leaves it in its place."""
    today = folder / "ccr-2026-01-02.log"
    today.write_text('{"long": "' + "x" * 99 + '"}\n')
    waiting = iter(["", '{"short": 1}\n'])
    monkeypatch.setattr("engine.cli.logs.time.sleep", lambda _: today.write_text(next(waiting)))
    lines = _following(folder, today)

    assert next(lines) == '{"short": 1}'


def test_following_outlives_a_file_that_vanishes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between being listed and being opened it may be renamed, or deleted for its age."""
    listed = [[folder / "ccr-2026-01-04.log"], [folder / "ccr-2026-01-02.log"]]
    monkeypatch.setattr(logs, "log_files", lambda _: listed.pop(0) if len(listed) > 1 else listed[0])
    monkeypatch.setattr("engine.cli.logs.time.sleep", lambda _: None)

    assert "three" in next(_following(folder, None))
