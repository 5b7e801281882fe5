"""Bytes of a configuration file to a positioned tree and what is wrong with the text."""

from __future__ import annotations

import re

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Document
from schemas.json_reader import read_json
from schemas.limits import MAX_BYTES
from schemas.lines import Lines
from schemas.yaml_plain import read_plain

_JSON_START = re.compile(r"(?>\s+|//[^\n]*|/\*.*?\*/)*+[{\[]", re.DOTALL)


def read(data: bytes, file: str) -> tuple[Document | None, list[Diagnostic]]:
    """The tree in `data`, or None where it has none, and findings inside `file`. Never raises on any bytes.

    `.json` is JSON with comments, `.yaml` and `.yml` are YAML; any other name is judged by content.
    """
    if len(data) > MAX_BYTES:
        most = f"more than the {MAX_BYTES >> 20} MiB that a configuration may have"
        return None, [finding("CCR003", f"the file has {most}", Span(file, 1, 1, 1, 1))]
    text, findings = _decode(data, file)
    if text is None:
        return None, findings
    suffix = file.rpartition(".")[2].lower()
    if suffix == "json":
        return read_json(text, file)
    if not _JSON_START.match(text):
        return _yaml(text, file)
    # YAML contains JSON; read as JSON it is faster, and in a file of no known kind its mistakes are JSON's
    as_json = read_json(text, file)
    if not as_json[1]:
        return as_json
    as_yaml = _yaml(text, file)
    return as_yaml if suffix in ("yaml", "yml") or not as_yaml[1] else as_json


def _yaml(text: str, file: str) -> tuple[Document | None, list[Diagnostic]]:
    plain = read_plain(text, file)
    if plain is not None:
        return plain, []
    # imported here: only what is more than plain should wait for the YAML library
    from schemas.yaml_reader import read_yaml

    return read_yaml(text, file)


def _decode(data: bytes, file: str) -> tuple[str | None, list[Diagnostic]]:
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        lines = Lines(before + "?", file)
        at = len(before)
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        return None, [
            finding(
                "CCR002",
                "the text is UTF-16" if wide else f"byte 0x{data[error.start]:02X} is not valid UTF-8",
                lines.span(at, at + 1),
                help="save the file as UTF-8",
            )
        ]
