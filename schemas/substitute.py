"""`${NAME}`, `${NAME:-default}`, `${file:PATH}`, `${enc:...}` and `$${` in the texts of a tree; structure never changes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from collections.abc import Mapping as MappingType

from msgspec import Struct, field
from msgspec.structs import replace

from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Document, Entry, Node, Scalar, Sequence
from schemas.limits import MAX_FINDINGS
from schemas.places import inside
from schemas.too_many import too_many
from schemas.wording import quoted

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}$]*)\}|\$\{")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_EXACTLY_ONE = re.compile(r"""["']?\$\{[^{}]*\}["']?""")
ENCRYPTED = "enc:"
CREDENTIALS = "authentication"
"""The key under which nothing is ever shown."""


class Undecipherable(ValueError):  # noqa: N818 - named for what it is about
    """An encrypted value that cannot be read. `str()` says why, without any part of it; `help` says what to do."""

    def __init__(self, message: str, help_text: str | None = None) -> None:
        super().__init__(message)
        self.help = help_text


class Sources(Struct, frozen=True):
    """Where values come from.

    `decrypt` gives the value of what stands behind `enc:`, or raises `Undecipherable`; None leaves it as written.
    `read_file` gets the path as written and raises OSError where it cannot read. `keep_credentials` leaves everything
    inside `authentication` and `apiKeys` as written; `allow_missing` leaves what is not there as written and reports
    nothing.
    """

    env: MappingType[str, str]
    read_file: Callable[[str], bytes]
    decrypt: Callable[[str], str] | None = None
    keep_credentials: bool = False
    allow_missing: bool = False


def substitute(document: Document, sources: Sources) -> tuple[Document, list[Diagnostic]]:
    """The document with its references replaced, and one finding for each that cannot be. Keys are left alone."""
    walk = _Walk(sources)
    return replace(document, root=walk.node(document.root, keep=False)), walk.findings


def was_replaced(scalar: Scalar) -> bool:
    """Whether the value came from elsewhere, and so must not be shown."""
    return "${" in scalar.raw and isinstance(scalar.value, str) and "${" not in scalar.value


def is_unresolved(scalar: Scalar) -> bool:
    """Whether a reference is still in the text."""
    return isinstance(scalar.value, str) and "${" in scalar.value


def is_exactly_one(scalar: Scalar) -> bool:
    """Whether the whole text was one reference, so that it may stand for a number or a boolean."""
    return was_replaced(scalar) and _EXACTLY_ONE.fullmatch(scalar.raw) is not None


def is_token(token: str) -> bool:
    """Whether a text has the form of an encrypted value, whatever its key.

    Source: the Fernet specification: version, time, initial vector, blocks, HMAC, in URL-safe base64.
    """
    try:
        data = base64.b64decode(token.encode(), b"-_", validate=True)
    except ValueError:
        return False
    return len(data) >= _FRAME + _BLOCK and data[0] == 0x80 and (len(data) - _FRAME) % _BLOCK == 0


_FRAME, _BLOCK = 1 + 8 + 16 + 32, 16


class _Walk(Struct):
    sources: Sources
    findings: list[Diagnostic] = field(default_factory=list)
    reported: int = 0
    """Findings in the text at hand; millions of references have room in one."""
    files: dict[str, str | None] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def node(self, node: Node, keep: bool) -> Node:
        """Unchanged nodes are given back themselves, so a tree without references costs no copy."""
        if isinstance(node, Scalar):
            if not isinstance(node.value, str) or "${" not in node.value:
                return node
            if keep:
                self._look_over(node, node.value)
                return node
            return self._scalar(node, node.value)
        if isinstance(node, Sequence):
            items = tuple([self.node(item, keep) for item in node.items])
            return node if items == node.items else replace(node, items=items)
        entries = tuple([self._entry(entry, keep) for entry in node.entries])
        return node if entries == node.entries else replace(node, entries=entries)

    def _entry(self, entry: Entry, keep: bool) -> Entry:
        below = entry.value
        if isinstance(below, Scalar) and (not isinstance(below.value, str) or "${" not in below.value):
            return entry
        keep = keep or (self.sources.keep_credentials and entry.key.value in (CREDENTIALS, "apiKeys"))
        value = self.node(below, keep)
        return entry if value is below else Entry(entry.key, value)

    def _scalar(self, scalar: Scalar, text: str) -> Scalar:
        pieces: list[str] = []
        at = self.reported = 0
        for match in _REFERENCE.finditer(text):
            pieces.append(text[at : match.start()])
            pieces.append(self._reference(scalar, match))
            at = match.end()
        pieces.append(text[at:])
        return replace(scalar, value="".join(pieces))

    def _reference(self, scalar: Scalar, match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        written = match[1]
        if written is None:
            self._report(
                "CCR018",
                scalar,
                match,
                "this `${` has no `}`, or another `${` inside",
                "a literal `${` is written `$${`",
            )
            return match[0]
        if written.startswith("file:"):
            return self._file(scalar, match, written.removeprefix("file:").strip())
        if written.startswith(ENCRYPTED):
            return self._encrypted(scalar, match, written.removeprefix(ENCRYPTED))
        named = _NAME.fullmatch(written)
        if named is None:
            help_text = (
                "it is `${NAME}`, `${NAME:-default}`, `${file:PATH}` or `${enc:...}`; a literal `${` is written `$${`"
            )
            self._report("CCR018", scalar, match, f"{quoted(match[0])} names no variable", help_text)
            return match[0]
        name, default = named[1], named[2]
        value = self.sources.env.get(name)
        if value is not None and (value or default is None):
            return value
        if default is not None:
            return default
        if not self.sources.allow_missing:
            self._report(
                "CCR017",
                scalar,
                match,
                f"environment variable {quoted(name)} is not set",
                f"set it, or give a default: `${{{name}:-...}}`",
            )
        return match[0]

    def _file(self, scalar: Scalar, match: re.Match[str], path: str) -> str:
        if not path:
            self._report("CCR018", scalar, match, "`${file:}` names no file", "write its path after the colon")
            return match[0]
        if path not in self.files:
            try:
                content = self.sources.read_file(path).decode("utf-8-sig").rstrip("\r\n")
                self.files[path] = None if "\0" in content else content
            except (OSError, ValueError) as problem:
                self.files[path] = None
                if isinstance(problem, FileNotFoundError):
                    self.missing.add(path)
        text = self.files[path]
        if text is not None:
            return text
        if not self.sources.allow_missing:
            if path in self.missing:
                self._report(
                    "CCR017", scalar, match, f"there is no file {quoted(path)}", "write it, or correct the path"
                )
            else:
                self._report("CCR017", scalar, match, f"file {quoted(path)} cannot be read as a text", None)
        return match[0]

    def _look_over(self, scalar: Scalar, text: str) -> None:
        """Reports what is wrong with encrypted values whatever their key is."""
        self.reported = 0
        for match in _REFERENCE.finditer(text):
            if match[1] is not None and match[1].startswith(ENCRYPTED):
                self._is_whole(scalar, match, match[1].removeprefix(ENCRYPTED))

    def _is_whole(self, scalar: Scalar, match: re.Match[str], token: str) -> bool:
        whole = is_token(token)
        if not whole:
            help_text = "copy it again, or make a new one: `ccr secrets encrypt`"
            self._report("CCR021", scalar, match, "this is no whole encrypted value", help_text)
        return whole

    def _encrypted(self, scalar: Scalar, match: re.Match[str], token: str) -> str:
        if not self._is_whole(scalar, match, token) or self.sources.decrypt is None:
            return match[0]
        try:
            return self.sources.decrypt(token)
        except Undecipherable as problem:
            self._report("CCR021", scalar, match, str(problem), problem.help)
            return match[0]

    def _report(self, code: str, scalar: Scalar, match: re.Match[str], message: str, help_text: str | None) -> None:
        self.reported += 1
        if self.reported <= MAX_FINDINGS:
            self.findings.append(finding(code, message, inside(scalar, *match.span()), help=help_text))
        elif self.reported == MAX_FINDINGS + 1:
            self.findings.append(too_many(scalar.span.file))
