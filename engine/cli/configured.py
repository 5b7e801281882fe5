"""Which configuration a command uses, read and checked. An edge."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from msgspec import Struct

from engine.cli.folders import state_folder
from engine.cli.packaged import demonstration_path
from engine.cli.trust_store import is_trusted
from schemas.wording import visible

PROJECT_FILE = "ccr.yaml"
HOME_FILES = ("config.yaml", "config.json")
THIS_FOLDERS = "this folder's"


class UnusableConfiguration(click.ClickException):
    """The command cannot go on with the configuration; what was to be said of it in detail was said before."""

    exit_code = 1

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        """One line on standard error."""
        click.echo(f"ccr: {self.message}", err=True)


class UnreadableConfiguration(UnusableConfiguration):
    """There is no configuration, or its file has no tree."""

    exit_code = 3


def unreadable(name: str, problem: OSError) -> UnreadableConfiguration:
    """What is said of a file that the disk does not give."""
    return UnreadableConfiguration(f"{name} cannot be read: {(problem.strerror or 'no such file').lower()}")


class Chosen(Struct, frozen=True):
    """The file a command uses (`-` is standard input) and why this one."""

    name: str
    reason: str


def choose(flag: str | None, *, only_trusted: bool) -> Chosen:
    """The file by the order every command keeps: flag, CCR_CONFIG_PATH, ./ccr.yaml, the home folder's.

    `only_trusted`: ./ccr.yaml counts only after `ccr trust`, and a line says when it does not.
    """
    if flag:
        return Chosen(flag if flag == "-" else os.path.expanduser(flag), "--config")
    named = os.environ.get("CCR_CONFIG_PATH")
    if named:
        return Chosen(os.path.expanduser(named), "CCR_CONFIG_PATH")
    project = Path(PROJECT_FILE)
    if project.is_file():
        if not only_trusted or is_trusted(project):
            return Chosen(PROJECT_FILE, THIS_FOLDERS)
        click.echo(
            "ccr: ./ccr.yaml is not trusted in its present state, so it is not used; `ccr trust` trusts it", err=True
        )
    for name in HOME_FILES:
        path = state_folder() / name
        if path.is_file():
            return Chosen(str(path), "the home folder's")
    raise UnreadableConfiguration(
        f"no configuration: neither ./{PROJECT_FILE} nor {state_folder() / HOME_FILES[0]} can be used;"
        " `ccr init` writes one, and `ccr start --demo` needs none"
    )


def still_trusted(chosen: Chosen) -> bool:
    """Whether a file that counts only when trusted is in the state in which it was; True for all others."""
    return chosen.reason != THIS_FOLDERS or is_trusted(Path(chosen.name))


def demonstration() -> Chosen:
    """The configuration that comes with the program."""
    return Chosen(str(demonstration_path()), "--demo")


def reader_of(chosen: Chosen) -> Callable[[], bytes]:
    """Reads the chosen file, each time anew; standard input is read once. Raises OSError."""
    from engine.configuration.files import read_file, read_input

    if chosen.name != "-":
        return partial(read_file, chosen.name)
    data = read_input()
    return lambda: data


SAYS_WHICH = "ccr: configuration"


def say_which(chosen: Chosen) -> None:
    """Every command says on standard error which file it used."""
    name = "standard input" if chosen.name == "-" else chosen.name
    click.echo(f"{SAYS_WHICH} {visible(name)} ({chosen.reason})", err=True)
