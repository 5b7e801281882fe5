"""`ccr usage`: which record it reads, and what it says where there is none."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.commands import ccr
from engine.usage.store import store_of
from engine.usage.sums import Line, Sums, day_of
from providers.secret import Secret

BASE = 'providers: {up: {type: static, settings: {models: [m]}}}\nrouting: {defaultProvider: up, rules: {default: "up,m"}}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration whose record has one line of today."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ccr.yaml").write_text(BASE + "usage: {store: u.db}\n")
    store = store_of(Secret("u.db"))
    store.add([(Line(day_of(time.time()), "default", "up", "m", "", "USD"), Sums(requests=3, input=7, unpriced=3))])
    store.close()
    return tmp_path


def test_usage_is_shown_by_several_things(folder: Path) -> None:
    """In the order in which they are asked for."""
    result = CliRunner().invoke(ccr, ["usage", "--by", "key", "--by", "target", "--since", "7d", "--format", "json"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    (row,) = shown["rows"]
    assert (shown["by"], row["key"], row["target"], row["requests"], row["cost"]) == (
        ["key", "target"], None, "up,m", 3, None,
    )  # fmt: skip


REFUSALS = [
    (BASE, [], 1, "nothing is recorded under this configuration: add `usage: {}` to it"),
    (BASE + "usage: {store: none.db}\n", [], 1, "the record in none.db cannot be read: there is no such file"),
    (BASE + "usage: {stroe: u.db}\n", [], 1, "ccr.yaml has errors"),
    (BASE + "usage: {}\n", ["--since", "5h"], 2, "`5h` is no span of days and no day"),
    (BASE + "usage: {}\n", ["--since", "9000-01-01"], 2, "`9000-01-01` has not begun: today is "),
    (BASE + "usage: {}\n", ["--by", "day", "--by", "ruel"], 2, "'ruel' is not one of"),
    ("a: [", [], 3, "ccr.yaml has errors"),
]


@pytest.mark.parametrize(("text", "options", "status", "said"), REFUSALS)
def test_what_cannot_be_shown_is_said(folder: Path, text: str, options: list[str], status: int, said: str) -> None:
    """Each row: a configuration, options, the exit status, a part of what is said."""
    (folder / "ccr.yaml").write_text(text)
    result = CliRunner().invoke(ccr, ["usage", *options])
    assert (result.exit_code, said in result.stderr) == (status, True), result.output
