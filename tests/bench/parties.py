"""Who is measured: the upstream itself, and before it nginx, a minimal translator, the router. All are processes on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tests.bench.load import Job
from tests.fakes.router import ROOT, Router, configuration, free_port
from tests.fakes.upstream import UPSTREAM_KEY

Format = Literal["anthropic", "openai"]

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_body_buffer_size 512k;
  keepalive_requests 10000000;
  upstream target {{ server 127.0.0.1:{target}; keepalive 512; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://target;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Party:
    """Something that answers: where, and in which format it is asked."""

    name: str
    port: int
    format: Format

    @property
    def path(self) -> str:
        """The request target."""
        return "/v1/messages" if self.format == "anthropic" else "/v1/chat/completions"

    def ending(self, streamed: bool) -> str:
        """What the tail of a right reply contains."""
        if not streamed:
            return "lazy dog" if self.format == "openai" else '"usage"'
        return "[DONE]" if self.format == "openai" else "message_stop"


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core measures and which is measured; the same where there is only one."""

    load: int
    target: int

    def on_load(self) -> list[str]:
        """The command prefix that pins to the load's core."""
        return _pinned(self.load)

    def on_target(self) -> list[str]:
        """The command prefix that pins to the target's core."""
        return _pinned(self.target)


def cores() -> Cores:
    """Two of the cores this process may use."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return Cores(load=usable[-1], target=usable[0])


def _pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)] if shutil.which("taskset") else []


class Load:
    """The load generator's process."""

    def __init__(self, pins: Cores) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ccr-bench-load-")
        self._process = subprocess.Popen(
            [*pins.on_load(), sys.executable, "-m", "tests.bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __call__(self, job: Job) -> dict[str, Any]:
        """The outcome of a job."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        outcome = Path(self._folder.name) / "outcome.json"
        self._process.stdin.write(json.dumps({"job": asdict(job), "outcome": str(outcome)}) + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "done\n":
            raise RuntimeError(f"the load generator ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(outcome.read_text())
        return found

    def stop(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._folder.cleanup()


@contextlib.contextmanager
def load(pins: Cores) -> Iterator[Load]:
    """A load generator while the block runs."""
    generator = Load(pins)
    try:
        yield generator
    finally:
        generator.stop()


@contextlib.contextmanager
def upstream(pins: Cores) -> Iterator[Party]:
    """The upstream's process, on the load's core."""
    process = subprocess.Popen(
        [*pins.on_load(), sys.executable, "-m", "tests.bench.target"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        yield Party("upstream", json.loads(process.stdout.readline())["port"], "openai")
    finally:
        process.terminate()
        process.wait(10)


def nginx_command() -> str | None:
    """Where nginx is, if it is."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def nginx(pins: Cores, target: Party) -> Iterator[Party | None]:
    """nginx with `proxy_pass` to the upstream, on the target's core; None where it is not installed."""
    command = nginx_command()
    if command is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ccr-bench-nginx-") as folder:
        port = free_port()
        config = Path(folder) / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, target=target.port, port=port))
        process = subprocess.Popen(
            [*pins.on_target(), command, "-p", folder, "-c", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for_port(port)
            yield Party("nginx", port, "openai")
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def minimal(pins: Cores, target: Party) -> Iterator[Party]:
    """The minimal translator before the upstream, on the target's core."""
    process = subprocess.Popen(
        [*pins.on_target(), sys.executable, "-m", "tests.bench.minimal", str(target.port)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        yield Party("minimal", json.loads(process.stdout.readline())["port"], "anthropic")
    finally:
        process.terminate()
        process.wait(10)


def router_configuration(target: Party) -> dict[str, Any]:
    """A configuration like a user's: a pool, three rules, all categories."""
    config = configuration(f"http://127.0.0.1:{target.port}")
    config["providers"]["fake"]["settings"]["models"] = ["fake-model", "paced"]
    config["routing"]["customRules"] = [
        {"name": "paced", "condition": {"model": "paced"}, "target": {"provider": "fake", "model": "paced"}},
        {"name": "long opus", "condition": {"modelContains": "opus", "messageLength": "> 500000"}, "target": _TARGET},
        {"name": "tagged", "condition": {"header.x-data-class": "private"}, "target": _TARGET},
    ]
    return config


_TARGET = {"provider": "fake", "model": "fake-model"}


AS_INSTALLED = "import sys; sys.modules['pydantic'] = None"
"""Run before the router: pydantic comes with the tests' tools alone, and Litestar would load it where it finds it."""


@contextlib.contextmanager
def router(pins: Cores, target: Party) -> Iterator[tuple[Party, Router]]:
    """The router before the upstream, on the target's core."""
    with Router(router_configuration(target), launcher=pins.on_target(), prelude=AS_INSTALLED) as running:
        yield Party("ccr", running.port, "anthropic"), running


def headers_for(party: Party) -> dict[str, str]:
    """What each request carries besides its body."""
    if party.format == "anthropic":
        return {
            "x-api-key": "dummy",
            "anthropic-version": "2023-06-01",
            "user-agent": "claude-cli/2.1.330 (external, sdk-cli)",
        }
    return {"authorization": f"Bearer {UPSTREAM_KEY}"}


def _wait_for_port(port: int, within_s: float = 10.0) -> None:
    import socket

    until = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
