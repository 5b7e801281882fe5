"""A real `ccr start` process on a free port, with a home and an environment of its own.

>>> with Router(configuration(upstream.url)) as router:
...     httpx.get(router.url + "/health/live")
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.fakes.upstream import UPSTREAM_KEY

ROOT = Path(__file__).resolve().parent.parent.parent
READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 15.0
DONE_WITHIN_S = 30.0


def configuration(*endpoints: str, **sections: Any) -> dict[str, Any]:
    """A configuration with one provider `fake` whose instances are the endpoints; `sections` replace or add top-level ones."""
    authentication = {"type": "bearer", "credentials": {"apiKey": UPSTREAM_KEY}}
    provider: dict[str, Any] = {
        "type": "openai",
        "authentication": authentication,
        "settings": {"models": ["fake-model"]},
    }
    if len(endpoints) == 1:
        provider["endpoint"] = endpoints[0] + "/v1/chat/completions"
    else:
        provider["instances"] = [{"endpoint": f"{endpoint}/v1/chat/completions"} for endpoint in endpoints]
        provider["loadBalancing"] = {"strategy": "round-robin"}
    whole: dict[str, Any] = {
        "providers": {"fake": provider},
        "routing": {"defaultProvider": "fake", "rules": {"default": {"provider": "fake", "model": "fake-model"}}},
    }
    return {**whole, **sections}


def only_provider(provider: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A configuration with this one provider, `up`, which every request goes to."""
    rules = {"default": {"provider": "up", "model": model}}
    return {"providers": {"up": provider}, "routing": {"defaultProvider": "up", "rules": rules}}


def clean_environment(home: Path) -> dict[str, str]:
    """An environment with nothing of the developer's in it: own home, no proxies, no keys."""
    return {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


def ccr_command(*arguments: str, prelude: str = "") -> list[str]:
    """How to run the program; `prelude` is Python that runs in its process before it."""
    if prelude:
        return [
            sys.executable,
            "-P",
            "-c",
            f"{prelude}\nimport sys\nfrom engine.cli import main\nsys.exit(main())",
            *arguments,
        ]
    return [sys.executable, "-P", "-m", "engine.cli", *arguments]


def free_port() -> int:
    """A port on loopback that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Router:
    """One router process. `config` is a value (written as JSON), the text of a YAML file, or makes either of the port."""

    def __init__(
        self,
        config: Mapping[str, Any] | str | Callable[[int], Mapping[str, Any]],
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        prelude: str = "",
        launcher: Sequence[str] = (),
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ccr-test-")
        self.home = Path(self._folder.name) / "home"
        self.home.mkdir()
        self.port = free_port()
        config = config(self.port) if callable(config) else config
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        self.config = Path(self._folder.name) / ("ccr.yaml" if isinstance(config, str) else "ccr.json")
        self.config.write_text(text, encoding="utf-8")
        self.environment = {**clean_environment(self.home), **(environment or {})}
        command = ccr_command(
            "start", "--config", str(self.config), "--port", str(self.port), *arguments, prelude=prelude
        )
        self._command = [*launcher, *command]
        self._output = Path(self._folder.name) / "output"
        self._process: subprocess.Popen[bytes] | None = None
        self.ready_after_s = 0.0
        self.stopped_with: int | None = None
        self._text_after_stop = ""
        self._logs_after_stop = ""

    @property
    def url(self) -> str:
        """The base URL, as `ANTHROPIC_BASE_URL` wants it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None, "the router was not started"
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it answers. Raises `AssertionError` with its output when it does not."""
        began = time.monotonic()
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self._folder.name,
            )
        while not self.answers():
            assert self._process.poll() is None, f"the router ended with {self._process.returncode}:\n{self.output()}"
            assert time.monotonic() - began < READY_WITHIN_S, f"the router does not answer:\n{self.output()}"
            time.sleep(0.01)
        self.ready_after_s = time.monotonic() - began

    def answers(self) -> bool:
        """Whether `GET /health/live` is a 200."""
        try:
            return self.get("/health/live")[0] == 200
        except OSError:
            return False

    def get(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower-case names) and body of a small request without any client library."""
        connection = self.connection()
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def connection(self) -> http.client.HTTPConnection:
        """A connection of its own, not yet open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def signal(self, number: int) -> None:
        """Sends the process a signal."""
        os.kill(self.pid, number)

    def wait(self, timeout_s: float = STOPPED_WITHIN_S) -> int:
        """The exit status, once it has ended."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def stop(self) -> None:
        """Ends the process (SIGTERM, then SIGKILL) and removes its folder; idempotent."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process is not None and self.stopped_with is None:
            self.stopped_with = self._process.returncode
            self._text_after_stop, self._logs_after_stop = self.output(), self.logs()
        self._folder.cleanup()

    def output(self) -> str:
        """What it wrote to its terminal."""
        return self._output.read_text(errors="replace") if self._output.exists() else self._text_after_stop

    def logs(self) -> str:
        """The text of its log files."""
        if not self.home.exists():
            return self._logs_after_stop
        return "".join(path.read_text(errors="replace") for path in sorted(self.home.rglob("ccr-*.log")))

    def log_lines(self) -> list[dict[str, Any]]:
        """Its log, line by line."""
        return [json.loads(line) for line in self.logs().split("\n") if re.match(r"\{", line)]

    def resident_mb(self) -> float:
        """Resident memory of the process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found, status
        return int(found[1]) / 1024

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs another command of the program in the same home; `more` adds to the environment."""
        return subprocess.run(
            ccr_command(*arguments),
            env={**self.environment, **more},
            cwd=self._folder.name,
            capture_output=True,
            text=True,
            timeout=DONE_WITHIN_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
