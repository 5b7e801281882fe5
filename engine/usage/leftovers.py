"""What no store took before the router ended: in a file of its own until the next start. An edge.

A file is locked by who takes it over, and deleted once its sums are in the store: whoever ends before leaves it there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.usage.sums import Row

FOLDER = "~/.claude-code-router/usage-waiting"
MOST_BYTES = 64_000_000


class Leftover(Struct, frozen=True):
    """One file. `store` is where its `rows` belong, as it is shown; `unsure` are batches that may be there already."""

    store: str
    rows: Sequence[Row]
    unsure: Mapping[str, Sequence[Row]]
    id: str = ""


class Leftovers:
    """The files of one folder; those that were taken over are this process's until `done`."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = Path(FOLDER).expanduser() if folder is None else folder
        self._taken: list[tuple[Path, int]] = []

    def leave(self, store: str, rows: Sequence[Row], unsure: Mapping[str, Sequence[Row]]) -> Path:
        """Writes a file, for its owner only, and gives its path. Raises OSError, and then there is none."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{uuid.uuid4().hex}.json"
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(msgspec.json.encode(Leftover(store, rows, unsure)))
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        return path

    def take(self, store: str) -> list[Leftover]:
        """What was left for a store and nobody has taken yet; what cannot be read stays where it is."""
        found = []
        try:
            paths = sorted(self._folder.glob("*.json"))
        except OSError:
            return []
        for path in paths:
            one = self._read(path, store)
            if one is not None:
                found.append(one)
        return found

    def done(self) -> None:
        """Deletes what was taken."""
        while self._taken:
            path, file = self._taken.pop()
            with contextlib.suppress(OSError):  # it is known in the store by its name, and counts once
                path.unlink(missing_ok=True)
            os.close(file)

    def _read(self, path: Path, store: str) -> Leftover | None:
        try:
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(path).st_ino == os.fstat(file).st_ino:
                one = msgspec.json.decode(_all_of(file), type=Leftover)
                if one.store == store:
                    self._taken.append((path, file))
                    return msgspec.structs.replace(one, id=path.stem)
        except (OSError, ValueError):  # another process has it, or it is none of ours
            pass
        os.close(file)
        return None


def _all_of(file: int) -> bytes:
    with os.fdopen(os.dup(file), "rb") as readable:
        return readable.read(MOST_BYTES)
