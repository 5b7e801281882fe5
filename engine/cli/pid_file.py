"""The file that says which process serves a port, and that it still does. An edge.

`~/.claude-code-router/ccr-<port>.pid` holds the process id on its first line, the arguments of `start` as JSON on its
second and the address that it listens on, seen from this machine, on its third. The serving process keeps the file
locked; the system frees the lock when the process ends, however it ends. INVARIANT: a process id is believed, and so
signalled, only while the lock is held: a recycled id never is. So whatever the serving process forks leaves `claim`,
too, or the lock would outlive it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from engine.cli.folders import made_private, state_folder

LOOPBACK = "127.0.0.1"


class Running(Struct, frozen=True):
    """A router that serves `port` now, asked at `host`. `arguments` are those of `start`, so that `restart` can repeat them.

    `trust` is the PEM file that clients trust where it speaks TLS.
    """

    port: int
    pid: int
    arguments: tuple[str, ...] = ()
    host: str = LOOPBACK
    trust: str | None = None


class PortClaimedError(Exception):
    """Another router of this user holds the port's pid file."""


def pid_path(port: int) -> Path:
    """Where the pid file of `port` is."""
    return state_folder() / f"ccr-{port}.pid"


@contextmanager
def claim(port: int, arguments: Sequence[str], host: str = LOOPBACK, trust: str | None = None) -> Iterator[None]:
    """Holds the pid file of `port` for this process, and removes it at the end; raises PortClaimedError if it is held."""
    made_private(state_folder())
    path = pid_path(port)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked_now(file):
            raise PortClaimedError
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n{json.dumps(list(arguments))}\n{host}\n{trust or ''}\n".encode())
        owner = os.getpid()
        try:
            yield
        finally:
            if os.getpid() == owner:  # a process made later closes the file, and no more
                path.unlink(missing_ok=True)
    finally:
        os.close(file)


def running(port: int) -> Running | None:
    """The router that serves `port`, or None; a file left behind by a killed process counts as none."""
    try:
        file = os.open(pid_path(port), os.O_RDONLY)
    except OSError:
        return None
    try:
        if _locked_now(file):
            return None
        return _read(port, os.read(file, 65_536).decode("utf-8", "replace"))
    finally:
        os.close(file)


def all_running() -> list[Running]:
    """Every router of this user, by port."""
    try:
        names = [path.name for path in state_folder().iterdir()]
    except OSError:
        return []
    ports = sorted(int(found[1]) for name in names if (found := re.fullmatch(r"ccr-([0-9]{1,5})\.pid", name)))
    return [each for port in ports if (each := running(port)) is not None]


def _locked_now(file: int) -> bool:
    """Whether nobody else held the lock, so that it is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(port: int, text: str) -> Running | None:
    first, second, host, trust, *_ = [*text.split("\n"), "", "", "", ""]
    if not first.isdigit():
        return None
    try:
        arguments = json.loads(second or "[]")
    except ValueError:
        arguments = []
    words = arguments if isinstance(arguments, list) else []
    return Running(
        port, int(first), tuple(word for word in words if isinstance(word, str)), host or LOOPBACK, trust or None
    )
