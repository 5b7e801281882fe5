"""Files fuzzed from our own: whatever comes, the whole of `test-config` ends soon with findings inside the file.

A slice in every run; `make fuzz` tries 10,000, bounds what each may cost, and prints the worst.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.checking import Reading
from engine.reporting.github import as_github
from engine.reporting.json import as_json
from engine.reporting.junit import as_junit
from engine.reporting.report import Choice, FileReport, Report
from engine.reporting.sarif import as_sarif
from engine.reporting.text import human
from schemas.lines import Lines
from schemas.pages import page_of

ROOT = Path(__file__).resolve().parents[2]
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
FILES = 10_000 if THOROUGH else 150
SEED = 20_250_711
LARGEST = 200_000
# the work that a file may cost, in units of `_unit_s`: a second on the machine of the goals
UNITS, MEGABYTES = 400, 200

SEEDS = [
    path.read_bytes()
    for folder in ("tests/schemas/good", "tests/schemas/bad", "tests/schemas/seed", "examples", "engine/data")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".yaml", ".json") and path.stat().st_size < 20_000
]
PIECES = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\t", b"\r", b"\xe2\x80\xa8", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"*a", b"&a ", b"!!python/object:os.system ",
    b"<<: ", b"? ", b"- ", b"{", b"}", b"[", b"]", b": ", b"#", b'"', b"'", b"|", b">", b"---\n", b"%YAML 9.9\n", b"${", b"}", b"${file:/etc/passwd}", b"\\u", b"\\x",
    b"1e999", b"0x" + b"f" * 500, b"9" * 500, b"(" * 200, b"a" * 5_000, b"(?:a|b)*" * 20, b"# ccr: ignore CCR404 -- x\n", b"# ccr: ignore\n",
    b"/*", b"*/", b"//", b"expr: ", b"not " * 50, b"regex: ", b"ref: ", b"include: [", b"null", b"-", b"~",
]  # fmt: skip


def _fuzzed(count: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents; the same for the same seed."""
    rng = random.Random(SEED)
    for number in range(count):
        data = bytearray(rng.choice(SEEDS))
        for _ in range(rng.choice([1, 1, 2, 3, 8])):
            data = _changed(rng, data)
        yield f"{number}{rng.choice(['.yaml', '.yaml', '.json', ''])}", bytes(data[:LARGEST])


def _changed(rng: random.Random, data: bytearray) -> bytearray:
    start = rng.randrange(len(data) + 1)
    end = min(len(data), start + rng.choice([0, 1, 1, 5, 40, 400]))
    match rng.randrange(8):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:start] + data[start:end] * rng.choice([2, 2, 5, 50, 1_000]) + data[end:]
        case 2:
            other = rng.choice(SEEDS)
            cut = rng.randrange(len(other))
            return data[:start] + other[cut : cut + rng.choice([20, 200, 2_000])] + data[end:]
        case 3:
            return data[:start] + bytes(rng.randrange(256) for _ in range(rng.choice([1, 1, 4]))) + data[end:]
        case 4:
            return (
                data[:start]
                + rng.choice([b"[", b"{", b"- ", b'{"a":', b"? ", b"!", b"&a "]) * rng.choice([1, 90, 5_000])
                + data[end:]
            )
        case 5:
            lines = data.splitlines(keepends=True)
            rng.shuffle(lines)
            return bytearray(b"".join(lines))
        case _:
            return data[:start] + rng.choice(PIECES) * rng.choice([1, 1, 1, 3]) + data[end:]


def _said(report: FileReport) -> list[str]:
    whole = Report((report,), 0.0)
    return [human(whole, color=True), as_json(whole), as_github(whole), as_junit(whole), as_sarif(whole, page_of)]


def _unit_s() -> float:
    """What a fixed piece of work costs here now; about 2.5 ms on the machine of the goals."""
    started = time.process_time()
    sum(hash((number, str(number))) & 1 for number in range(10_000))
    return time.process_time() - started


@pytest.mark.parametrize("part", range(10 if THOROUGH else 1))
def test_a_fuzzed_file_gives_findings_and_no_traceback(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every place lies in a file that was read, a file without a tree has a finding, and every form can say it."""
    monkeypatch.chdir(tmp_path)
    worst, worst_name = 0.0, ""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, (name, data) in enumerate(_fuzzed(FILES)):
        if THOROUGH and number % 10 != part:
            continue
        Path(name).write_bytes(data)
        unit, started = min(_unit_s() for _ in range(3)) if THOROUGH else 1.0, time.process_time()
        report = Reading({}, False, Choice()).report(name)
        said = _said(report)
        units = (time.process_time() - started) / unit
        if units > worst:
            worst, worst_name = units, name
        Path(name).unlink()
        assert report.checked.document is not None or report.findings
        texts = {file: Lines(text, file) for file, text in report.checked.texts.items()}
        for found in report.findings:
            lines = texts[found.span.file]
            assert 1 <= found.span.line <= len(lines), (name, found)
            assert 1 <= found.span.column <= len(lines.line(found.span.line)) + 2, (name, found)
        assert all(said)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if THOROUGH:
        with capsys.disabled():
            print(
                f"\nfuzzed part {part}: worst {worst:.0f} units ({worst_name}), at most {UNITS}; {grown:.0f} MB, at most {MEGABYTES}"
            )
        assert worst <= UNITS
        assert grown <= MEGABYTES
