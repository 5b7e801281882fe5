"""A configuration in several files: what is joined, and how names of files are understood."""

from __future__ import annotations

import pytest

from engine.files import read_by_others, read_file
from engine.sources import beside, read_sources
from schemas.document import plain


@pytest.mark.parametrize(
    ("file", "path", "name"),
    [
        ("ccr.yaml", "more.yaml", "more.yaml"),
        ("conf/ccr.yaml", "more.yaml", "conf/more.yaml"),
        ("conf/ccr.yaml", "../more.yaml", "more.yaml"),
        ("/etc/ccr.yaml", "./parts/more.yaml", "/etc/parts/more.yaml"),
        ("conf/ccr.yaml", "/run/secrets/key", "/run/secrets/key"),
        ("conf/ccr.yaml", "~/more.yaml", "~/more.yaml"),
        ("-", "more.yaml", "more.yaml"),
    ],
)
def test_a_path_is_relative_to_the_file_that_names_it(file: str, path: str, name: str) -> None:
    """Absolute paths and the home folder stay what they are."""
    assert beside(file, path) == name


def _read(files: dict[str, str], main: str) -> tuple[object, list[tuple[str, str, int]]]:
    def read_file(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory")
        return files[name].encode()

    sources = read_sources(main.encode(), "ccr.yaml", read_file)
    value = plain(sources.document.root) if sources.document else None
    return value, [(one.code, one.span.file, one.span.line) for one in sources.diagnostics]


def test_mappings_are_joined_and_lists_appended() -> None:
    """The main file first, then each included file in order."""
    files = {"a.yaml": "x: {b: 2}\nl: [2]\n", "b.json": '{"x": {"c": 3}, "l": [3]}'}
    value, found = _read(files, "include: [a.yaml, b.json]\nx: {a: 1}\nl: [1]\n")
    assert value == {"include": ["a.yaml", "b.json"], "x": {"a": 1, "b": 2, "c": 3}, "l": [1, 2, 3]}
    assert found == []


def test_what_cannot_be_joined_is_reported_where_it_is() -> None:
    """A key in two files, a nested include, a file twice, one that is missing, one that is no mapping."""
    files = {"a.yaml": "x: 1\ninclude: [b.yaml]\n", "list.yaml": "[1]"}
    value, found = _read(files, "include: [a.yaml, a.yaml, none.yaml, list.yaml]\nx: 2\n")
    assert value == {"include": ["a.yaml", "a.yaml", "none.yaml", "list.yaml"], "x": 2}
    assert found == [
        ("CCR019", "a.yaml", 2),
        ("CCR019", "a.yaml", 1),
        ("CCR019", "ccr.yaml", 1),
        ("CCR019", "ccr.yaml", 1),
        ("CCR019", "ccr.yaml", 1),
    ]


def test_a_home_folder_of_nobody_is_no_place() -> None:
    """`~name/...` where there is no such user is a file that cannot be read, not a bug of ours."""
    with pytest.raises(FileNotFoundError):
        read_file("~nobody-has-this-name/key")
    assert not read_by_others("~nobody-has-this-name/key")
