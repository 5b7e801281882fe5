"""Requests from files, folders and standard input, for every command that reads some. An edge."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from engine.configuration.files import read_file

if TYPE_CHECKING:
    from engine.read_envelope import Asked

MAX_BYTES = 256 * 1024 * 1024
"""A larger file of requests is not read."""

ENDINGS = (".json", ".jsonl", ".ndjson")
"""Of the files in a folder that are read as requests."""


class Found(Struct, frozen=True):
    """One request, or why there is none. `name` is its file, with its line where a file holds several.

    `refused`: it is one, and the router would answer 400.
    """

    name: str
    asked: Asked | None = None
    problem: str = ""
    refused: bool = False


def requests_at(name: str) -> Iterator[Found]:
    """The requests of a file, of standard input (`-`), or of all files in a folder and below, in the order of their names."""
    path = Path(os.path.expanduser(name))
    if name == "-":
        yield from _read("standard input", sys.stdin.buffer.read(MAX_BYTES + 1), lines=False)
    elif path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in ENDINGS and file.is_file())
        if not files:
            yield Found(name, problem=f"the folder has no request in it, no file ending in {', '.join(ENDINGS)}")
        for file in files:
            yield from _in_file(str(file), file)
    else:
        yield from _in_file(name, path)


def is_folder(name: str) -> bool:
    """Whether a name stands for all the requests in a folder."""
    return name != "-" and Path(os.path.expanduser(name)).is_dir()


def _in_file(name: str, path: Path) -> Iterator[Found]:
    try:
        data = read_file(str(path), MAX_BYTES)
    except OSError as problem:
        yield Found(name, problem=f"it cannot be read: {(problem.strerror or 'no such file').lower()}")
        return
    yield from _read(name, data, lines=path.suffix in ENDINGS[1:])


def _read(name: str, data: bytes, *, lines: bool) -> Iterator[Found]:
    from engine.read_envelope import BadEnvelope, read_asked, requests_in
    from schemas.request import BadRequest

    if len(data) > MAX_BYTES:
        yield Found(name, problem=f"it is larger than {MAX_BYTES >> 20} MiB")
        return
    for line, one in requests_in(data.removeprefix(codecs.BOM_UTF8), lines=lines):
        where = name if line is None else f"{name}:{line}"
        try:
            yield Found(where, read_asked(one))
        except BadEnvelope as problem:
            yield Found(where, problem=str(problem))
        except BadRequest as problem:
            yield Found(where, problem=f"the router would answer 400: {problem}", refused=True)
