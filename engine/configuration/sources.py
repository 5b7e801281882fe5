"""A configuration's files as one tree: the main file and those it includes, each span still in its own file."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from msgspec import Struct, field

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label
from schemas.document import Document, Entry, Mapping, Node, Scalar, Sequence
from schemas.limits import MAX_INCLUDES
from schemas.read import read
from schemas.wording import quoted

ReadFile = Callable[[str], bytes]
"""Gives the bytes of a file by name; raises OSError where it cannot."""


class Sources(Struct, frozen=True):
    """`document` None: the main file has no tree. `texts` are all files read, by the name their places show.

    `unread` are included files that could not be read, or have no tree.
    """

    document: Document | None
    diagnostics: tuple[Diagnostic, ...]
    texts: dict[str, str]
    unread: tuple[str, ...] = ()


def read_sources(data: bytes, file: str, read_file: ReadFile) -> Sources:
    """The tree in `data` joined with what its `include` names (relative to `file`).

    Mappings are joined key by key, lists appended: the main file's items first, then each file's in order. A key whose
    value is in two files and is neither is a finding that shows both places; the first one stays.
    """
    texts = {file: text_in(data)}
    document, found = read(data, file)
    if document is None:
        return Sources(None, tuple(found), texts)
    joined = _Joined(file, read_file, list(found), texts)
    root = joined.with_includes(document.root)
    return Sources(Document(root, texts), tuple(joined.diagnostics), texts, tuple(joined.unread))


def text_in(data: bytes) -> str:
    """The text of a file as places in it are counted, also where it is not UTF-8."""
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


def beside(file: str, path: str) -> str:
    """`path` as written in `file`: relative to its folder unless it is absolute or starts in the home folder."""
    if path.startswith(("/", "~")) or path[1:3] in (":\\", ":/"):
        return path
    folder = posixpath.dirname(file.replace("\\", "/")) if file != "-" else ""
    return posixpath.normpath(posixpath.join(folder, path))


class _Joined(Struct):
    file: str
    read_file: ReadFile
    diagnostics: list[Diagnostic]
    texts: dict[str, str]
    taken: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)

    def with_includes(self, root: Node) -> Node:
        listed = root.get("include") if isinstance(root, Mapping) else None
        for number, item in enumerate(listed if isinstance(listed, Sequence) else ()):
            if number == MAX_INCLUDES:
                self._report(f"more than {MAX_INCLUDES:,} files are included", item)
                break
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value:
                below = self._included(item, item.value)
                if isinstance(below, Mapping) and isinstance(root, Mapping):
                    root = self._merge(root, below)
        return root

    def _included(self, item: Scalar, path: str) -> Node | None:
        name = beside(self.file, path)
        if name in self.texts:
            self._report(f"{quoted(path)} is included twice", item)
            return None
        try:
            data = self.read_file(name)
        except OSError as problem:
            self.unread.append(name)
            self._report(f"{quoted(path)} cannot be read: {(problem.strerror or 'no such file').lower()}", item)
            return None
        self.texts[name] = text_in(data)
        document, found = read(data, name)
        self.diagnostics += found
        if document is None:
            self.unread.append(name)
            return None
        if not isinstance(document.root, Mapping):
            self._report(f"{quoted(path)} holds no mapping", item)
            return None
        nested = document.root.entry("include")
        if nested is not None:
            self.diagnostics.append(
                finding(
                    "CCR019",
                    "an included file cannot include others",
                    nested.key.span,
                    help="include it from the main file",
                )
            )
        return Mapping(tuple(entry for entry in document.root if entry.key.value != "include"), document.root.span)

    def _report(self, message: str, item: Node) -> None:
        self.diagnostics.append(finding("CCR019", message, item.span))

    def _merge(self, first: Mapping, second: Mapping) -> Mapping:
        entries = {str(entry.key.value): entry for entry in first}
        for entry in second:
            key = str(entry.key.value)
            known = entries.get(key)
            if known is None:
                entries[key] = entry
            elif isinstance(known.value, Mapping) and isinstance(entry.value, Mapping):
                entries[key] = Entry(known.key, self._merge(known.value, entry.value))
            elif isinstance(known.value, Sequence) and isinstance(entry.value, Sequence):
                items = (*known.value.items, *entry.value.items)
                entries[key] = Entry(known.key, Sequence(items, known.value.span))
            else:
                self.diagnostics.append(
                    finding(
                        "CCR019",
                        f"key {quoted(key)} is in two files",
                        entry.key.span,
                        labels=(Label(known.key.span, "first written here"),),
                    )
                )
        return Mapping(tuple(entries.values()), first.span)
