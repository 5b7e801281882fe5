"""Where the router keeps its own files. An edge: it reads the home folder."""

from __future__ import annotations

from pathlib import Path


def state_folder() -> Path:
    """`~/.claude-code-router`, which holds the configuration, pid files and trusted files; not made here."""
    return Path("~/.claude-code-router").expanduser()


def default_log_folder() -> Path:
    """Where logs go unless the configuration names another folder."""
    return state_folder() / "logs"


def made_private(folder: Path) -> Path:
    """The folder, made if needed, for its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
