"""Where the router that `start` would start writes its log. An edge."""

from __future__ import annotations

import os
from pathlib import Path

from engine.cli.configured import UnusableConfiguration, choose, reader_of
from engine.cli.folders import default_log_folder


def log_folder(config: str | None) -> Path:
    """The `logDir` of the configuration in use; the usual folder where there is none, or it cannot be read.

    Raises UnusableConfiguration only for a file that was asked for and is not there.
    """
    try:
        chosen = choose(config, only_trusted=True)
    except UnusableConfiguration:
        return default_log_folder()
    from engine.build import build
    from engine.files import read_file

    try:
        data = reader_of(chosen)()
    except OSError as problem:
        if config:
            raise UnusableConfiguration(f"{chosen.name} cannot be read: {problem.strerror}") from problem
        return default_log_folder()
    checked = build(
        data,
        chosen.name,
        read_file=read_file,
        env=os.environ,
        secrets="keep",
        allow_missing_env=True,
    )
    return Path(checked.built.settings.debug.log_dir).expanduser() if checked.built else default_log_folder()
