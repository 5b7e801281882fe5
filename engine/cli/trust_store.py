"""Which project configurations the user has trusted, and their state at that moment. An edge.

`~/.claude-code-router/trusted.json` maps a configuration's absolute path to the SHA-256 of every file it consists of.
While the main file is unchanged, so is its list of includes: the recorded hashes cover all that decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from engine.cli.folders import made_private, state_folder
from engine.configuration.files import read_file


def is_trusted(path: Path) -> bool:
    """Whether the file was trusted and neither it nor what it includes has changed since."""
    files = _recorded().get(str(path.resolve()))
    return bool(files) and all(_digest(Path(name)) == digest for name, digest in (files or {}).items())


def record_trust(path: Path, included: Sequence[Path]) -> None:
    """Trusts the file with its includes as they are now. Raises OSError where one cannot be read or the list written."""
    main = path.resolve()
    files = {str(each): hashlib.sha256(read_file(str(each))).hexdigest() for each in [main, *included]}
    _write({**_recorded(), str(main): files})


def forget_trust(path: Path) -> bool:
    """Takes the trust back; False when there was none."""
    recorded = _recorded()
    found = recorded.pop(str(path.resolve()), None)
    if found is not None:
        _write(recorded)
    return found is not None


def _store() -> Path:
    return state_folder() / "trusted.json"


def _recorded() -> dict[str, dict[str, str]]:
    """What the store says; an unreadable or strange one trusts nothing."""
    try:
        written = json.loads(_store().read_bytes())
    except (OSError, ValueError):
        return {}
    entries = written.items() if isinstance(written, dict) else ()
    return {path: files for path, files in entries if isinstance(files, dict)}


def _write(recorded: dict[str, dict[str, str]]) -> None:
    made_private(state_folder())
    fresh = _store().with_suffix(".new")
    fresh.write_text(json.dumps(recorded, indent=2) + "\n", encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(_store())


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(read_file(str(path))).hexdigest()
    except OSError:
        return None
