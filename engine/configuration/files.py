"""The disk and standard input, as far as a configuration needs them. An edge."""

from __future__ import annotations

import os
import stat
import sys
from errno import ENOENT
from io import BufferedReader
from pathlib import Path

from schemas.limits import MAX_BYTES

PATIENCE_S = 0.5
"""How long a pipe may be without anybody who writes to it."""


def read_file(name: str, most: int = MAX_BYTES, *, patience_s: float = PATIENCE_S) -> bytes:
    """The bytes of a file, `~` being the home folder; where it has more than `most`, one byte more than that.

    Raises OSError, also for a pipe to which nobody writes: to wait for one would be to hang.
    """
    with _opened(name) as file:
        mode = os.fstat(file.fileno()).st_mode
        first = _first_of(file.fileno(), patience_s) if stat.S_ISFIFO(mode) else b""
        if os.name == "posix":
            os.set_blocking(file.fileno(), True)
        return first + file.read(most + 1)


def read_text(name: str) -> str:
    """The text of a file that an option names. Raises OSError, and ValueError where it is too large or not UTF-8."""
    data = read_file(name)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def read_input() -> bytes:
    """Standard input, and no more of it than one byte more than a configuration may have."""
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def read_by_others(name: str) -> bool:
    """Whether users other than the owner may read the file; False where there is no such notion or no such file."""
    try:
        return os.name == "posix" and bool(_path(name).stat().st_mode & 0o044)
    except (OSError, ValueError):
        return False


def _path(name: str) -> Path:
    """Where that is; a `~` of nobody stays, as in a shell."""
    return Path(os.path.expanduser(name))


def _opened(name: str) -> BufferedReader:
    try:
        return open(_path(name), "rb", opener=_without_waiting)
    except ValueError:  # a NUL in the name, or half of a surrogate pair
        raise FileNotFoundError(ENOENT, "no file has such a name", name) from None


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _first_of(pipe: int, patience_s: float) -> bytes:
    """What was read of a pipe to learn that somebody writes to it, often nothing. Raises OSError where nobody does."""
    import select

    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    if poller.poll(patience_s * 1000):
        return b""
    try:
        first = os.read(pipe, 1)
    except BlockingIOError:
        return b""  # somebody does, and has said nothing so far
    if not first:
        raise OSError(0, "nobody writes to this pipe")
    return first
