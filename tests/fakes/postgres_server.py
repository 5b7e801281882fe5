"""The real PostgreSQL server from the system's packages, on a free port of loopback, its cluster in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pytest

from tests.fakes.router import free_port

OWNER = "postgres"
PASSWORD = "canary-of-the-database"


class PostgresServer:
    """A server process that asks for a password. It refuses to run as root, so there it runs as the packages' user."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        program = shutil.which("initdb") or (str(found[-1]) if found else None)
        if program is None:
            pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
        self._programs = Path(program).parent
        self._as_owner = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
        self._folder = tempfile.TemporaryDirectory(prefix="ccr-postgres-")
        self.port = free_port()

    @property
    def url(self) -> str:
        """As `usage.store` wants it."""
        return f"postgresql://{OWNER}:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if self._as_owner:
            shutil.chown(folder, OWNER)
            shutil.chown(secret, OWNER)
        data = str(folder / "data")
        self._run("initdb", "-D", data, "-U", OWNER, "-A", "scram-sha-256", "--pwfile", str(secret), "-N")
        self._data = data
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Starts it and waits until it accepts connections."""
        folder = self._folder.name
        options = f"-p {self.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", f"{folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """Ends it at once; connections to it break."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop", must=False)

    def _run(self, program: str, *words: str, must: bool = True) -> None:
        command = [*self._as_owner, str(self._programs / program), *words]
        done = (
            subprocess.run(
                command,
                cwd=self._folder.name,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            if program != "pg_ctl"
            else subprocess.run(
                command,
                cwd=self._folder.name,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )
        )
        assert done.returncode == 0 or not must, (command, done.stdout, done.stderr)
