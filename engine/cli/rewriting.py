"""Files of a configuration written anew where they lie. An edge."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

_BOM = b"\xef\xbb\xbf"


def rewrite(texts: Mapping[str, str]) -> None:
    """Each file whole or not at all, with the mode and the byte order mark it had; a link stays one. Raises OSError."""
    for file, text in texts.items():
        path = Path(os.path.expanduser(file)).resolve()
        before = path.read_bytes()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write((_BOM if before.startswith(_BOM) else b"") + text.encode())
            Path(name).chmod(stat.S_IMODE(path.stat().st_mode))
            Path(name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
