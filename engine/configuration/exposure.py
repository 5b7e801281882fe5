"""Files that hold secrets and that others on the machine may read: configurations, and what they take secrets from. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from engine.built import Checked
from engine.configuration.sources import beside
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Mapping, Node, Scalar, Sequence
from schemas.substitute import CREDENTIALS
from schemas.wording import quoted

_FILE = re.compile(r"(?<!\$)\$\{file:([^{}$]*)\}")
_HOLD_SECRETS = (CREDENTIALS, "apiKeys", "state")


def exposed(checked: Checked, read_by_others: Callable[[str], bool]) -> list[Diagnostic]:
    """803: once for each file with a secret in it (801), and for each file that a secret is read from."""
    found = [
        finding(
            "CCR803",
            "the file holds a secret and others on this machine may read it",
            Span(file, 1, 1, 1, 1),
            help=f"`chmod 600 {file}`",
        )
        for file in dict.fromkeys(one.span.file for one in checked.diagnostics if one.code == "CCR801")
        if read_by_others(file)
    ]
    if checked.document is not None:
        found += _sources(_secret_files(checked.document.root, checked.file, below=False), read_by_others)
    return found


def _sources(named: Iterable[tuple[Scalar, str]], read_by_others: Callable[[str], bool]) -> Iterator[Diagnostic]:
    for scalar, path in named:
        if path and read_by_others(path):
            message = f"{quoted(path)} holds a secret and others on this machine may read it"
            yield finding("CCR803", message, scalar.span, help=f"`chmod 600 {path}`")


def _secret_files(node: Node, file: str, *, below: bool, within: str = "") -> Iterator[tuple[Scalar, str]]:
    """Every path that a secret is read from, with the text that names it."""
    if isinstance(node, Scalar):
        if below:
            for match in _FILE.finditer(node.raw):
                yield node, beside(file, match[1].strip())
    elif isinstance(node, Sequence):
        for item in node:
            yield from _secret_files(item, file, below=below)
    elif isinstance(node, Mapping):
        for entry in node:
            key, value = str(entry.key.value), entry.value
            read_by_path = (below and key == "tokenPath") or (key == "key" and within == "tls")
            if read_by_path and isinstance(value, Scalar) and isinstance(value.value, str):
                yield value, "" if "${" in value.raw else value.value
            yield from _secret_files(value, file, below=below or key in _HOLD_SECRETS, within=key)
