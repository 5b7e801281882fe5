"""A configuration in several files: what is joined, and how names of files are understood."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from engine.configuration.files import read_by_others, read_file, read_text
from engine.configuration.sources import beside, read_sources
from schemas.document import plain
from schemas.limits import MAX_BYTES, MAX_INCLUDES


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


def test_no_more_than_a_thousand_files_are_joined() -> None:
    """The first one too many is the last finding."""
    _, found = _read({}, "include:\n" + "".join(f"  - f{number}.yaml\n" for number in range(MAX_INCLUDES + 5)))
    assert found == [("CCR019", "ccr.yaml", line) for line in range(2, MAX_INCLUDES + 3)]


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


def test_a_pipe_is_read_if_somebody_writes_to_it(tmp_path: Path) -> None:
    """What a shell makes of `<(...)`; one without a writer is an error and no hang."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="nobody writes to this pipe"):
        read_file(str(pipe), patience_s=0)

    writer = threading.Thread(target=pipe.write_bytes, args=(b"x" * 100_000,))
    writer.start()
    assert read_file(str(pipe), patience_s=60) == b"x" * 100_000
    writer.join()


def test_a_pipe_whose_writer_is_silent_is_waited_for() -> None:
    """It is open at the other end, which is enough, however late something comes."""
    reading, writing = os.pipe()

    def write() -> None:
        os.write(writing, b"late")
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_file(f"/dev/fd/{reading}", patience_s=0) == b"late"
    writer.join()
    os.close(reading)


def test_no_more_is_read_than_is_needed_to_refuse_it() -> None:
    """A file without an end has one more byte than a configuration may have."""
    assert len(read_file("/dev/zero")) == MAX_BYTES + 1
    assert read_file("/dev/zero", 3) == bytes(4)
    with pytest.raises(ValueError, match="larger than 4 MiB"):
        read_text("/dev/zero")
