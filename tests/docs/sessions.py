"""Runs the `console` blocks of a page as a reader would, and compares what they print.

A line that starts with `$ ` is a command (lines after it that are indented with `> ` go on with it); the lines below it
are its output. A line `...` stands for any number of lines, and `...` inside a line for any text. Blocks of one page
share a folder, a home and a shell-less environment; each command runs in a shell of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PORT_IN_PAGES = 3456
TOOLS = ("bash", "curl")
"""What the pages' commands use beside the program itself."""

# What differs from run to run, and what of it stays in a page.
VOLATILE = (
    (r"\b(req_|msg_|chatcmpl-)[0-9a-f]{24}", r"\1..."),
    (r"(\"created\":)\d+", r"\1..."),
    (r"; \d+\.\d\d s$", "; ... s"),
    (r"after \d+(\.\d+)? s\b", "after ... s"),
    (r"for \d+ s, revision", "for ... s, revision"),
    (r"(Seconds|Ms)(\"?[ :])\d+(\.\d+)?(e-\d+)?", r"\1\2..."),
    (r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)", "..."),
)
TIMEOUT_S = 60


@dataclass(frozen=True)
class Step:
    """One command of a page with the output the page promises; `line` is where it stands."""

    command: str
    output: str
    line: int


def steps_of(page: str) -> Iterator[Step]:
    """The commands of all `console` blocks, in order."""
    for block in re.finditer(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        first_line = page.count("\n", 0, block.start(1)) + 1
        command: list[str] = []
        output: list[str] = []
        at = 0
        for number, line in enumerate(block[1].splitlines(), first_line):
            if line.startswith("$ "):
                if command:
                    yield Step("\n".join(command), _text(output), at)
                command, output, at = [line[2:]], [], number
            elif line.startswith("> ") and command and not output:
                command.append(line[2:])
            else:
                assert command, f"line {number}: output without a command"
                output.append(line)
        if command:
            yield Step("\n".join(command), _text(output), at)


def matches(wanted: str, printed: str) -> bool:
    """Whether the output is the promised one, `...` standing for anything."""
    parts = []
    for line in wanted.splitlines():
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[^\n]*".join(re.escape(piece) for piece in line.split("...")) + r"\n")
    return re.fullmatch("".join(parts), printed) is not None


class Reader:
    """Somebody who follows a page: an empty folder (or a copy of `start_in`), an own home, a free port for 3456."""

    def __init__(self, folder: Path, port: int, start_in: Path | None = None) -> None:
        self.port = port
        self.home = folder / "home"
        self.home.mkdir()
        self.place = folder / "work"
        if start_in is None:
            self.place.mkdir()
        else:
            shutil.copytree(start_in, self.place)
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "COLUMNS": "100",
            "CCR_PORT": str(port),
        }

    def run(self, step: Step) -> str:
        """What the command prints, both streams, as the page would show it."""
        done = subprocess.run(
            ["bash", "-c", self._local(step.command)],
            cwd=self.place,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
        return self._as_printed(done.stdout.decode("utf-8", "replace"))

    def stop(self) -> None:
        """Ends a router that the page left running."""
        self.run(Step("ccr stop --force", "", 0))

    def _local(self, command: str) -> str:
        return command.replace(str(PORT_IN_PAGES), str(self.port))

    def _as_printed(self, output: str) -> str:
        shown = output.replace(str(self.home), "~").replace(str(self.place), "/home/you/project")
        shown = re.sub(rf"\b{self.port}\b", str(PORT_IN_PAGES), shown.replace(str(ROOT), "..."))
        for pattern, kept in VOLATILE:
            shown = re.sub(pattern, kept, shown, flags=re.MULTILINE)
        return shown if shown.endswith("\n") or not shown else shown + "\n"


def differences(page: Path, reader: Reader) -> list[str]:
    """Follows the page; gives what came out differently from what it promises."""
    found: list[str] = []
    try:
        for step in steps_of(page.read_text(encoding="utf-8")):
            printed = reader.run(step)
            if not matches(step.output, printed):
                where = f"{page.name}:{step.line}: $ {step.command}"
                found.append(f"{where}\n--- promised\n{step.output}--- printed\n{printed}")
    finally:
        reader.stop()
    return found


def refreshed(page: str, reader: Reader) -> str:
    """The page with the outputs that no longer match replaced by what was printed now."""
    lines = page.splitlines()
    out: list[str] = []
    at = 0
    for step in steps_of(page):
        command_lines = step.command.count("\n") + 1
        start = step.line - 1
        out += lines[at : start + command_lines]
        at = start + command_lines + step.output.count("\n")
        printed = reader.run(step)
        out += (step.output if matches(step.output, printed) else printed).splitlines()
    return "\n".join(out + lines[at:]) + "\n"


def _text(lines: list[str]) -> str:
    while lines and not lines[-1]:
        lines = lines[:-1]
    return "".join(line + "\n" for line in lines)
