"""What the router that `start` would start writes, and where. An edge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.configured import UnusableConfiguration, choose, reader_of
from engine.cli.folders import default_log_folder

if TYPE_CHECKING:
    from engine.settings import Settings


def log_folder(config: str | None) -> Path:
    """The `logDir` of the configuration in use; the usual folder where there is none, or it cannot be read.

    Raises UnusableConfiguration only for a file that was asked for and is not there.
    """
    settings = settings_in_use(config)
    return default_log_folder() if settings is None else Path(os.path.expanduser(settings.debug.log_dir))


def settings_in_use(config: str | None) -> Settings | None:
    """The settings of the configuration in use; None where there is none, or it cannot be read. Raises the same."""
    try:
        chosen = choose(config, only_trusted=True)
    except UnusableConfiguration:
        return None
    from engine.build import build
    from engine.files import read_file

    try:
        data = reader_of(chosen)()
    except OSError as problem:
        if config:
            raise UnusableConfiguration(f"{chosen.name} cannot be read: {problem.strerror}") from problem
        return None
    checked = build(
        data,
        chosen.name,
        read_file=read_file,
        env=os.environ,
        secrets="keep",
        allow_missing_env=True,
    )
    return checked.built.settings if checked.built else None
