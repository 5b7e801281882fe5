"""`engine.cli.trust_store`: trust is for a path in exactly the state in which it was given."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import ccr
from engine.cli.trust_store import forget_trust, is_trusted, record_trust


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ccr.yaml"
    path.write_text("include: [rules.yaml]\n")
    (tmp_path / "rules.yaml").write_text("routing: {}\n")
    return path


def test_a_file_is_not_trusted_until_it_was(config: Path) -> None:
    """Trust is given by hand, once for each file."""
    assert not is_trusted(config)

    record_trust(config, [config.with_name("rules.yaml")])

    assert is_trusted(config)


@pytest.mark.parametrize("changed", ["ccr.yaml", "rules.yaml"])
def test_any_change_ends_the_trust(config: Path, changed: str) -> None:
    """Neither the file nor one that it includes can be swapped afterwards."""
    record_trust(config, [config.with_name("rules.yaml")])

    config.with_name(changed).write_text("routing: {defaultProvider: elsewhere}\n")

    assert not is_trusted(config)


def test_a_vanished_include_ends_the_trust(config: Path) -> None:
    """A file that can no longer be read is a changed one."""
    record_trust(config, [config.with_name("rules.yaml")])

    config.with_name("rules.yaml").unlink()

    assert not is_trusted(config)


def test_a_copy_elsewhere_is_not_trusted(config: Path, tmp_path: Path) -> None:
    """The place counts: the same text in another folder reads other files."""
    record_trust(config, [])
    copy = tmp_path / "other" / "ccr.yaml"
    copy.parent.mkdir()
    copy.write_bytes(config.read_bytes())

    assert not is_trusted(copy)


def test_trust_can_be_taken_back(config: Path) -> None:
    """Forgetting says whether there was anything to forget."""
    record_trust(config, [])

    assert forget_trust(config)
    assert not is_trusted(config)
    assert not forget_trust(config)


def test_a_broken_store_trusts_nothing(config: Path, tmp_path: Path) -> None:
    """Garbage in the store is as good as an empty one."""
    store = tmp_path / "home" / ".claude-code-router" / "trusted.json"
    store.parent.mkdir(parents=True)
    for text in ("", "[1]", '{"' + str(config) + '": 1}', '{"' + str(config) + '": {}}'):
        store.write_text(text)

        assert not is_trusted(config)


def test_the_command_trusts_the_file_with_its_includes(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ccr trust` covers what the file includes; `--forget` takes it back."""
    monkeypatch.chdir(config.parent)

    given = CliRunner().invoke(ccr, ["trust"])

    assert (given.exit_code, given.output) == (0, f"trusted {config} with 1 included, as it is now\n")
    assert is_trusted(config)
    config.with_name("rules.yaml").write_text("changed: true\n")
    assert not is_trusted(config)
    assert CliRunner().invoke(ccr, ["trust", "--forget"]).output == "ccr.yaml is no longer trusted\n"


@pytest.mark.parametrize("content", [None, "a: [", ""])
def test_what_cannot_be_read_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    """A missing or broken file is exit status 3, and nothing is recorded."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "ccr.yaml").write_text(content)

    assert CliRunner().invoke(ccr, ["trust"]).exit_code == 3
    assert not is_trusted(tmp_path / "ccr.yaml")


def test_what_is_not_there_cannot_be_trusted(config: Path) -> None:
    """A file that an update would bring later is included unread: the trust is refused until it is there."""
    config.with_name("rules.yaml").unlink()
    done = CliRunner().invoke(ccr, ["trust", str(config)])

    assert done.exit_code == 3
    assert "rules.yaml, which " in done.stderr
    assert not is_trusted(config)
