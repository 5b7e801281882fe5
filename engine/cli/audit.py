"""`ccr audit`. An edge: it reads the audit log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli import options
from engine.cli.configured import UnusableConfiguration
from engine.cli.log_folder import settings_in_use

if TYPE_CHECKING:
    from engine.audit.chain import Head

_POLL_S = 0.2


@click.group("audit", no_args_is_help=True)
def command() -> None:
    """Check and show the audit log."""


@command.command("verify")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("--contains", metavar="HASH", help="Fail unless the chain has the line with this hash, noted earlier.")
@options.config
def verify(files: Sequence[str], contains: str | None, config: str | None) -> int:
    """Say whether every line is as it was written.

    Each line holds the hash of the one before it, and a file beside the chain that of the last one. Exit status 1 names the
    first line that was changed, or that was added or removed before. Who can write the folder can also make all of it anew:
    that shows where --contains names a hash that this printed before.
    """
    from engine.audit.chain import Verifier, hash_of

    folder = None if files else _folder(config)
    chains = _chains([Path(file) for file in files] if folder is None else _found(folder))
    gone = [] if folder is None else _without_files(folder)
    if gone:
        click.echo(f"{gone[0]}: all its lines were removed")
        return 1
    if not chains:
        raise UnusableConfiguration("there is no audit log to verify")
    found = contains is None
    for name, paths in chains.items():
        chain = Verifier(head=_head_of(Path(name), None if not files else paths[-1]))
        broken = None
        for path in paths:
            with path.open("rb") as lines:
                broken = broken or chain.read(str(path), lines)
            if contains is not None and not found:
                with path.open("rb") as lines:
                    found = any(hash_of(line) == contains for line in lines)
        broken = broken or chain.end()
        if broken is not None:
            click.echo(f"{broken.file}:{broken.line}: {broken.why}")
            return 1
        late = ", from the middle of a chain on" if chain.begins_late else ""
        click.echo(f"{name}: {chain.lines} lines{late}, the last has the hash {chain.last}")
    if not found:
        click.echo(f"no line has the hash {contains}: lines were removed, at the end perhaps")
        return 1
    return 0


@command.command("tail")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=20, show_default=True, help="How many last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@options.config
def tail(lines: int, follow: bool, config: str | None) -> int:
    """Show the last lines, of all chains by time."""
    folder = _folder(config)
    paths = _found(folder)
    if not paths and not follow:
        click.echo(f"no audit log in {folder} yet", err=True)
        return 0
    for _, line in sorted(_last(paths, lines))[-lines:] if lines else ():
        click.echo(line)
    if follow:
        for line in _following(folder, {path: path.stat().st_size for path in paths}):
            click.echo(line)
            sys.stdout.flush()
    return 0


def _folder(config: str | None) -> Path:
    from engine.audit.files import FOLDER

    settings = settings_in_use(config)
    named = settings.audit.folder if settings is not None and settings.audit is not None else None
    return Path(os.path.expanduser(named or FOLDER))


def _found(folder: Path) -> list[Path]:
    from engine.audit.files import NAME

    try:
        found = [(match, path) for path in folder.iterdir() if (match := NAME.fullmatch(path.name))]
    except OSError:
        return []
    return [path for match, path in sorted(found, key=lambda one: (one[0][1], int(one[0][2])))]


def _chains(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """The files of each chain, in order; a file of another name is a chain of its own."""
    from engine.audit.files import NAME

    chains: dict[str, list[tuple[int, Path]]] = {}
    for path in paths:
        match = NAME.fullmatch(path.name)
        name = str(path.parent / f"audit-{match[1]}") if match else str(path)
        chains.setdefault(name, []).append((int(match[2]) if match else 0, path))
    return {name: [path for _, path in sorted(rows)] for name, rows in chains.items()}


def _without_files(folder: Path) -> list[Path]:
    """The chains of which nothing is left but how far they went."""
    kept = {path.name.rpartition("-")[0] for path in _found(folder)}
    return [folder / path.stem for path in sorted(folder.glob("audit-*.head")) if path.stem not in kept]


def _head_of(chain: Path, last: Path | None) -> Head | None:
    """How far the chain should go; None where nothing says so, or it is about a later file than the `last` one given."""
    from engine.audit.chain import read_head
    from engine.audit.files import NAME

    try:
        head = read_head(chain.with_name(chain.name + ".head").read_bytes())
    except OSError:
        return None
    match = NAME.fullmatch(last.name) if last is not None else None
    return head if head is not None and (last is None or (match and int(match[2]) >= head.number)) else None


def _last(paths: Sequence[Path], count: int) -> Iterator[tuple[str, str]]:
    """The last lines of each chain, each behind its time."""
    for chain in _chains(paths).values():
        left = count
        for path in reversed(chain):
            lines = _lines(path.read_bytes())[-left:] if left else []
            left -= len(lines)
            yield from ((_time_of(line), line) for line in lines)


def _lines(data: bytes) -> list[str]:
    """The lines; what clients sent may hold other characters that end a line elsewhere."""
    return [line.decode("utf-8", "replace") for line in data.removesuffix(b"\n").split(b"\n")] if data else []


def _time_of(line: str) -> str:
    return line.removeprefix('{"time":"')[:24]


def _following(folder: Path, seen: dict[Path, int]) -> Iterator[str]:
    while True:
        for path in _found(folder):
            with path.open("rb") as file:
                file.seek(seen.get(path, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            seen[path] = seen.get(path, 0) + len(whole)
            yield from _lines(whole)
        time.sleep(_POLL_S)
