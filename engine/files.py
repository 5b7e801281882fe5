"""The disk, as far as a configuration needs it. An edge."""

from __future__ import annotations

import os
from pathlib import Path

from schemas.limits import MAX_BYTES


def read_file(name: str) -> bytes:
    """The bytes of a file, `~` being the home folder, and no more of it than a configuration may have. Raises OSError."""
    with _path(name).open("rb") as file:
        return file.read(MAX_BYTES + 1)


def read_by_others(name: str) -> bool:
    """Whether users other than the owner may read the file; False where there is no such notion or no such file."""
    try:
        return os.name == "posix" and bool(_path(name).stat().st_mode & 0o044)
    except (OSError, ValueError):
        return False


def _path(name: str) -> Path:
    """Where that is; a `~` of nobody stays, as in a shell."""
    return Path(os.path.expanduser(name))
