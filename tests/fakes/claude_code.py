"""The real client, installed by npm into `.cache/` and run headless in an environment where nothing can leave loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.router import ROOT

VERSION = os.environ.get("CCR_TEST_CLIENT_VERSION", "2.1.330")
"""The client's version; `latest` tries the newest."""

PACKAGE = "@anthropic-ai/claude-code"
NOBODY = "http://127.0.0.1:9"
"""A proxy that nobody listens on: whatever does not go to loopback ends there."""


def npm() -> str | None:
    """Where npm is, if it is."""
    return shutil.which("npm")


def installed() -> Path:
    """The client's executable, installed once per version. Raises `CalledProcessError` with npm's output."""
    folder = ROOT / ".cache" / f"claude-code-{VERSION}"
    command = folder / "node_modules" / ".bin" / "claude"
    if not command.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        program = npm()
        assert program is not None
        subprocess.run(
            [program, "install", "--no-audit", "--no-fund", "--no-save", f"{PACKAGE}@{VERSION}"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=300,
        )
    native = next(folder.glob("node_modules/@anthropic-ai/claude-code-*/claude"), None)
    return native or command


@dataclass(frozen=True, slots=True)
class Session:
    """What a headless run printed."""

    status: int
    lines: list[dict[str, Any]]
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The closing line."""
        found = [line for line in self.lines if line.get("type") == "result"]
        assert found, (self.status, self.lines[-3:], self.stderr[-2000:])
        return found[-1]

    @property
    def tool_results(self) -> list[dict[str, Any]]:
        """The results of the tools that ran."""
        contents = [line["message"]["content"] for line in self.lines if line.get("type") == "user"]
        return [
            block
            for content in contents
            if isinstance(content, list)
            for block in content
            if block.get("type") == "tool_result"
        ]


def run(
    command: Path,
    base_url: str,
    folder: Path,
    prompt: str,
    *arguments: str,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 90.0,
) -> Session:
    """One headless session in `folder`, with a home of its own and a dummy key."""
    home, work = folder / "home", folder / "work"
    home.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    clean = {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": "dummy-client-key",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "IS_SANDBOX": "1",
        "HTTP_PROXY": NOBODY,
        "HTTPS_PROXY": NOBODY,
        "NO_PROXY": "127.0.0.1",
    }
    fixed: Sequence[str] = ("--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions")
    done = subprocess.run(
        [str(command), "-p", prompt, *fixed, *arguments],
        env={**clean, **(environment or {})},
        cwd=work,
        input=stdin or "",
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return Session(done.returncode, lines, done.stderr)
