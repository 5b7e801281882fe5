"""What `ccr doctor` reads of Claude Code: its version and its settings files. An edge.

INVARIANT: of a settings file only names leave here, and the router's address in it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.configuration.files import read_file
from engine.doctor.client import BASE_URL, SettingsFile

VERSION_WITHIN_S = 10.0
MOST_BYTES = 1_048_576
PATIENCE_S = 1.0
MANAGED = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)


def claude_version(environ: Mapping[str, str]) -> str | None:
    """What `claude --version` says (CLAUDE_PATH names another program); None where there is none."""
    found = shutil.which(os.path.expanduser(environ.get("CLAUDE_PATH") or "claude"))
    if found is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - an argument list, no shell
            [found, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_WITHIN_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return f"{found}, which does not say its version"
    lines = said.stdout.strip().splitlines()
    return lines[0][:80] if said.returncode == 0 and lines else f"{found}, which does not say its version"


def settings_files(environ: Mapping[str, str]) -> Iterator[SettingsFile]:
    """The settings files of Claude Code that there are: the user's, this folder's, those of the machine."""
    home = Path(os.path.expanduser(environ.get("CLAUDE_CONFIG_DIR") or "~/.claude"))
    here = Path(".claude")
    for path in (home / "settings.json", here / "settings.json", here / "settings.local.json", *MANAGED):
        try:
            yield _read(str(path), read_file(str(path), MOST_BYTES, patience_s=PATIENCE_S))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as problem:
            yield SettingsFile(str(path), problem=f"cannot be read: {problem.strerror}")


def _read(path: str, data: bytes) -> SettingsFile:
    try:
        found: Any = json.loads(data) if len(data) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return SettingsFile(path, problem="is no JSON object")
    env = found.get("env")
    names = {name: value for name, value in env.items() if isinstance(name, str)} if isinstance(env, dict) else {}
    url = names.get(BASE_URL)
    return SettingsFile(path, tuple(names), tuple(found), url if isinstance(url, str) else None)
