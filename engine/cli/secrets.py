"""`ccr secrets`. An edge: it makes keys and rewrites configurations."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence

import click

from engine.cli import options
from engine.cli.configured import UnusableConfiguration, choose, say_which
from engine.configuration.secret_keys import NoKey, decrypted, encrypted, keys_of, new_key, store
from schemas.substitute import Undecipherable
from schemas.wording import counted

_VALUE = re.compile(r"(?<!\$)\$\{enc:([^{}$]*)\}")


@click.group("secrets", no_args_is_help=True)
def command() -> None:
    """Encrypt the secrets of configurations.

    The key is in ~/.claude-code-router/secret.key, in the file that CCR_SECRET_KEY_FILE names, or, where that says
    `keyring`, in the system's keyring.
    """


@command.command("init")
def init() -> int:
    """Make the key, unless there is one."""
    try:
        keys_of(os.environ)
    except NoKey:
        return _stored(_made())
    except Undecipherable as problem:
        raise _refused(problem) from None
    click.echo("ccr: there is a key already; `ccr secrets rotate` replaces it", err=True)
    return 1


@command.command("encrypt")
def encrypt() -> int:
    """Encrypt the text on standard input.

    What is printed belongs into a configuration. A line break at its end is not part of it. On a terminal it is asked
    for and not shown.
    """
    value = click.prompt("secret", hide_input=True, err=True) if sys.stdin.isatty() else _standard_input()
    if not value:
        raise click.UsageError("there is nothing on standard input to encrypt")
    try:
        click.echo(f"${{enc:{encrypted(value, keys_of(os.environ))}}}")
    except Undecipherable as problem:
        raise _refused(problem) from None
    return 0


@command.command("decrypt")
def decrypt() -> int:
    """Print the secret of the `${enc:...}` on standard input."""
    written = _standard_input().strip()
    found = _VALUE.fullmatch(written)
    try:
        click.echo(decrypted(found[1] if found else written, keys_of(os.environ)))
    except Undecipherable as problem:
        raise _refused(problem) from None
    return 0


@command.command("rotate")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("--drop-old", is_flag=True, help="Forget the keys from before; values elsewhere become unreadable.")
@options.config
def rotate(files: Sequence[str], drop_old: bool, config: str | None) -> int:
    """Make a new key and encrypt every value in the files with it.

    Without FILE: the configuration in use and what it includes. Nothing but the values changes, and nothing at all where
    one of them cannot be read. The old key stays for other files, unless --drop-old is given.
    """
    from engine.cli.rewriting import rewrite

    try:
        old = keys_of(os.environ)
        new = _made()
        texts = _texts(files, config)
        changed = {file: _again(file, text, old, new) for file, text in texts.items()}
        where = store([new, *old], os.environ)  # from here on both keys are known, whatever is cut off
        rewrite({file: text for file, text in changed.items() if text != texts[file]})
        if drop_old:
            store([new], os.environ)
    except Undecipherable as problem:
        raise _refused(problem) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise UnusableConfiguration(f"nothing more was changed: {problem}") from problem
    count = sum(len(_VALUE.findall(text)) for text in changed.values())
    click.echo(f"ccr: {counted(count, 'value')} encrypted with a new key, in {where}", err=True)
    return 0


def _again(file: str, text: str, old: Sequence[str], new: str) -> str:
    def renewed(match: re.Match[str]) -> str:
        try:
            return f"${{enc:{encrypted(decrypted(match[1], old), [new])}}}"
        except Undecipherable as problem:
            line = text.count("\n", 0, match.start()) + 1
            raise Undecipherable(f"{file}:{line}: {problem}; nothing was changed") from None

    return _VALUE.sub(renewed, text)


def _texts(files: Sequence[str], config: str | None) -> Mapping[str, str]:
    if files:
        return {file: _read(file) for file in files}
    from engine.cli.built_from import sources_at

    chosen = choose(config, only_trusted=False)
    if chosen.name == "-":
        raise click.UsageError("standard input cannot be rewritten")
    say_which(chosen)
    return {file: _read(file) for file in sources_at(chosen.name).texts}


def _read(file: str) -> str:
    with open(os.path.expanduser(file), encoding="utf-8-sig", newline="") as source:
        return source.read()


def _standard_input() -> str:
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def _made() -> str:
    try:
        return new_key()
    except ImportError:
        raise UnusableConfiguration("this needs the package `cryptography`: install `ccr-router[secrets]`") from None


def _stored(key: str) -> int:
    try:
        click.echo(f"ccr: the key is in {store([key], os.environ)}", err=True)
    except OSError as problem:
        raise UnusableConfiguration(f"the key cannot be written: {problem}") from problem
    return 0


def _refused(problem: Undecipherable) -> UnusableConfiguration:
    return UnusableConfiguration(f"{problem}; {problem.help}" if problem.help else str(problem))
