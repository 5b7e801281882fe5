"""`ccr logs`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import click

from engine.cli import options
from engine.cli.log_folder import log_folder
from engine.log.files import log_files

LEVELS = {"debug": 10, "info": 20, "warn": 30, "error": 40}
_COLOURS = {"debug": "bright_black", "info": "cyan", "warn": "yellow", "error": "red"}
_POLL_S = 0.2
_LOOKS = 10


@click.command("logs")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=50, show_default=True, help="How many last lines.")
@click.option("--level", type=click.Choice(list(LEVELS)), default="debug", help="Only lines of this level or above.")
@options.config
def command(follow: bool, lines: int, level: str, config: str | None) -> int:
    """Show the router's log.

    On a terminal for people; into a pipe the JSON lines as they are.
    """
    folder = log_folder(config)
    files = log_files(folder)
    if not files and not follow:
        click.echo(f"no log in {folder} yet", err=True)
        return 0
    people = sys.stdout.isatty()
    for line in _last(files, lines, level):
        click.echo(_shown(line) if people else line)
    if follow:
        for line in _following(folder, files[-1] if files else None):
            if _wanted(line, level):
                click.echo(_shown(line) if people else line)
    return 0


def _last(files: list[Path], count: int, level: str) -> list[str]:
    """The last `count` lines of that level over all files, oldest first; reads no older file than it must."""
    kept: list[str] = []
    for path in reversed(files):
        wanted = count - len(kept)
        if wanted <= 0:
            break
        with path.open(encoding="utf-8", errors="replace") as lines:
            kept = [*deque((line.rstrip("\n") for line in lines if _wanted(line, level)), maxlen=wanted), *kept]
    return kept


def _following(folder: Path, current: Path | None) -> Iterator[str]:
    """Lines appended from now on, without end; goes on to the next file when the one it reads is full or of yesterday."""
    with ExitStack() as held:
        file: BinaryIO | None = None
        if current is not None:
            file = held.enter_context(current.open("rb"))
            file.seek(0, os.SEEK_END)
        pending = b""
        while True:
            following = _after(file, folder)  # before reading: what is written later is read next time
            if following is not None:
                held.enter_context(following)
            if file is not None:
                if os.fstat(file.fileno()).st_size < file.tell():  # emptied by its owner, who keeps a copy
                    file.seek(0)
                    pending = b""
                *whole, pending = (pending + file.read()).split(b"\n")
                yield from (line.decode("utf-8", "replace") for line in whole)
            if following is not None:
                if file is not None:
                    file.close()
                file, pending = following, b""
                continue
            time.sleep(_POLL_S)


def _after(file: BinaryIO | None, folder: Path) -> BinaryIO | None:
    """The file to go on with, if any; the first of all where none is open. Files are renamed while they are looked at."""
    for _ in range(_LOOKS):
        with suppress(FileNotFoundError):
            files = [(path.stat().st_ino, path) for path in log_files(folder)]
            behind = _behind(file, files)
            if behind is None:
                return None
            inode, path = behind
            opened = path.open("rb")
            if os.fstat(opened.fileno()).st_ino == inode:
                return opened
            opened.close()
    return None


def _behind(file: BinaryIO | None, files: list[tuple[int, Path]]) -> tuple[int, Path] | None:
    """Of the files and their inodes the one behind `file`; the last where `file` is gone. Raises FileNotFoundError where it was just renamed."""
    if file is None:
        return files[0] if files else None
    read = os.fstat(file.fileno())
    inodes = [inode for inode, _ in files]
    if read.st_ino in inodes:
        return next(iter(files[inodes.index(read.st_ino) + 1 :]), None)
    if read.st_nlink:
        raise FileNotFoundError
    return files[-1] if files else None


def _wanted(line: str, level: str) -> bool:
    """Whether the line is of that level or above; what is not a JSON line is always wanted."""
    written = _parsed(line).get("level")
    return not isinstance(written, str) or LEVELS.get(written, 99) >= LEVELS[level]


def _shown(line: str) -> str:
    entry = _parsed(line)
    if "message" not in entry:
        return _printable(line)
    level = str(entry.pop("level", ""))
    moment = str(entry.pop("timestamp", ""))[:19].replace("T", " ")
    message = str(entry.pop("message"))
    request = entry.pop("requestId", None)
    rest = "  ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in entry.items()
    )
    tag = f"[{str(request)[-8:]}] " if request else ""
    word = click.style(f"{_printable(level):<5}", fg=_COLOURS.get(level))
    return f"{_printable(moment)} {word} {_printable(f'{tag}{message}')}{'  ' if rest else ''}{_printable(rest)}"


def _printable(text: str) -> str:
    """The text without what could steer the terminal: logs quote what strangers sent."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _parsed(line: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
