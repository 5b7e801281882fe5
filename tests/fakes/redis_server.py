"""The real Redis or Valkey server from the system's packages, on a free port of loopback, with nothing on disk."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Self

import pytest

from tests.fakes.router import free_port

PROGRAMS = ("redis-server", "valkey-server")


class RedisServer:
    """A server process, with options of its own. `kill`, `freeze` and `start` make it go away and come back on the same port."""

    def __init__(self, *options: str) -> None:
        program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
        if program is None:
            pytest.skip("neither redis-server nor valkey-server is installed (Debian: apt install redis-server)")
        self._program = program
        self._options = options
        self._folder = tempfile.TemporaryDirectory(prefix="ccr-redis-")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """As `state` wants it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    def start(self) -> None:
        """Starts it, empty, and waits until it accepts connections."""
        words = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [self._program, *words, "--dir", self._folder.name, *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """Ends it at once; connections to it break."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Leaves connections open and answers nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
