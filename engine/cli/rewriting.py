"""Files of a configuration written anew where they lie. An edge."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Mapping
from errno import EACCES
from pathlib import Path

_BOM = b"\xef\xbb\xbf"
_ANY_WRITER = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def rewrite(texts: Mapping[str, str]) -> None:
    """Each file whole or not at all, with the mode and the byte order mark it had; a link stays one.

    Raises OSError with the name of the file, also for one that is protected from being written.
    """
    for file, text in texts.items():
        try:
            _rewrite(Path(os.path.expanduser(file)).resolve(), text)
        except OSError as problem:
            problem.filename = file
            raise


def _rewrite(path: Path, text: str) -> None:
    before, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    if not mode & _ANY_WRITER or not os.access(path, os.W_OK):
        raise PermissionError(EACCES, os.strerror(EACCES))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write((_BOM if before.startswith(_BOM) else b"") + text.encode())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
