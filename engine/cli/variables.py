"""Variables for `${NAME}` from a file given on the command line."""

from __future__ import annotations

import click


def variables(env_file: str | None) -> dict[str, str]:
    """The `NAME=value` lines of the file; none without a file. Raises click.UsageError."""
    if env_file is None:
        return {}
    from engine.configuration.files import read_text
    from schemas.env_file import read_env_file

    try:
        return read_env_file(read_text(env_file))
    except OSError as problem:
        raise click.UsageError(f"--env-file {env_file} cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise click.UsageError(f"--env-file {env_file}: {problem}") from problem
