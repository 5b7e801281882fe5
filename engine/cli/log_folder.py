"""What the router that `start` would start writes, and where. An edge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.built_from import built_from, checked_at
from engine.cli.configured import UnusableConfiguration, choose
from engine.cli.folders import default_log_folder

if TYPE_CHECKING:
    from engine.settings import Settings


def log_folder(config: str | None) -> Path:
    """The `logDir` of the configuration in use, or the usual folder. Raises UnusableConfiguration as `settings_in_use`."""
    settings = settings_in_use(config)
    return default_log_folder() if settings is None else Path(os.path.expanduser(settings.debug.log_dir))


def settings_in_use(config: str | None) -> Settings | None:
    """The settings of the configuration in use; None where there is none, or, said in a line, it cannot be used.

    What a router wrote is wanted most when its configuration is broken. Raises UnusableConfiguration only for a file that
    was asked for.
    """
    if config is not None:
        return built_from(config, so="what it writes, and where, is not known", allow_missing_env=True).settings
    try:
        chosen = choose(None, only_trusted=True)
    except UnusableConfiguration:
        return None
    try:
        built = checked_at(chosen, os.environ, allow_missing_env=True).built
    except UnusableConfiguration as problem:
        built, why = None, problem.message
    else:
        why = f"{chosen.name} has errors"
    if built is None:
        click.echo(f"ccr: {why}; what follows is from the usual folder", err=True)
        return None
    return built.settings
