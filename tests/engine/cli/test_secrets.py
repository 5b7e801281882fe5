"""`ccr secrets` and `${enc:...}`: values encrypted at rest, keys for nobody else, and rotation that loses nothing."""

from __future__ import annotations

import builtins
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.build import build
from engine.cli import ccr
from engine.cli.built_from import built_from
from engine.cli.configured import UnusableConfiguration
from engine.cli.preparing import StartOptions, prepare
from engine.configuration.files import read_file
from engine.configuration.secret_keys import decrypting, encrypted, new_key

CANARY = "dummy-canary-secret-4711"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CCR_CONFIG_PATH", "CCR_PORT", "CCR_SECRET_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, given: str = "") -> Result:
    return CliRunner().invoke(ccr, words, input=given)


def made(given: str = CANARY + "\n") -> str:
    """A value encrypted with the key of this home, which is made if needed."""
    run("secrets", "init")
    return run("secrets", "encrypt", given=given).stdout.strip()


def config(value: str) -> str:
    return f"""\
# the one provider
providers:
  cloud:
    type: openai
    endpoint: http://127.0.0.1:9/v1  # ours
    authentication: {{apiKey: "{value}"}}   # x
    settings: {{models: [m]}}
routing: {{defaultProvider: cloud}}
"""


def key_in(path: Path) -> str:
    credentials = prepare(StartOptions(config=str(path))).first.providers["cloud"].instances[0].credentials
    assert CANARY not in repr(credentials)
    assert credentials.api_key is not None
    return credentials.api_key.reveal()


def test_a_value_is_read_where_the_router_starts(home: Path) -> None:
    """What was encrypted is what is sent; the file holds none of it, and its key is for its owner."""
    (home / "ccr.json").touch()
    path = home / "a.yaml"
    path.write_text(config(made()))

    assert CANARY not in path.read_text()
    assert key_in(path) == CANARY
    assert stat.S_IMODE((home / ".claude-code-router" / "secret.key").stat().st_mode) == 0o600
    assert run("test-config", str(path)).exit_code == 0


def test_a_command_that_sends_a_request_sends_what_was_encrypted(home: Path) -> None:
    """`ccr replay` and `ccr doctor` read values as `start` does; commands that send nothing leave them alone."""
    (home / "a.yaml").write_text(config(made()))
    sent, left = (
        built_from("a.yaml", so="nothing is sent", secrets=secrets).providers["cloud"].instances[0].credentials.api_key
        for secrets in ("resolve", "keep")
    )

    assert sent is not None
    assert left is not None
    assert sent.reveal() == CANARY
    assert CANARY not in left.reveal()


def test_a_key_that_is_not_there_is_to_be_brought(home: Path) -> None:
    """A new one would read nothing: the place is said where the old one belongs."""
    (home / "a.yaml").write_text(config(made()))
    (home / ".claude-code-router" / "secret.key").unlink()
    result = run("start", "--config", "a.yaml", "--port", "1")

    assert result.exit_code == 1
    assert "there is no key for encrypted values in ~/.claude-code-router/secret.key" in result.stderr
    assert "bring the key with which values were encrypted there" in result.stderr


def test_a_key_that_others_can_read_is_refused(home: Path) -> None:
    """The finding has its place, names the file, and says how to mend it."""
    value = made()
    key = home / ".claude-code-router" / "secret.key"
    key.chmod(0o640)
    (home / "a.yaml").write_text(config(value))
    result = run("start", "--config", "a.yaml", "--port", "1")

    assert result.exit_code == 1
    assert "CCR021" in result.stderr
    assert "a.yaml:6:" in result.stderr
    assert f"chmod 600 {key}" in result.stderr


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda value: value[:-8] + "}", "no whole encrypted value"),
        (lambda value: value.replace("gAAAAA", "gAAAAB", 1), "damaged, or was encrypted with another key"),
        (lambda value: "${enc:}", "no whole encrypted value"),
        (lambda value: "${enc:" + encrypted("x", [new_key()]) + "}", "another key"),
    ],
    ids=["cut", "changed", "empty", "another key"],
)
def test_what_cannot_be_read_is_a_finding(home: Path, spoil: Any, words: str) -> None:
    """It stands at its place and blocks the start."""
    path = home / "a.yaml"
    path.write_text(config(spoil(made())))
    with pytest.raises(UnusableConfiguration):
        prepare(StartOptions(config=str(path)))
    checked = build(
        path.read_bytes(),
        "a.yaml",
        read_file=read_file,
        env={},
        secrets="resolve",
        decrypt=decrypting({"HOME": str(home)}),
    )
    (found,) = [one for one in checked.diagnostics if one.code == "CCR021"]

    assert words in found.message
    assert (found.span.line, found.span.column) == (6, 31)


def test_no_key_is_said(home: Path) -> None:
    """Encrypting and reading both name the command that makes one."""
    result = run("secrets", "encrypt", given="x")

    assert result.exit_code == 1
    assert "`ccr secrets init` makes a new key" in result.stderr


def test_init_keeps_the_key_that_is_there(home: Path) -> None:
    """Nothing that was encrypted is lost by asking twice."""
    assert run("secrets", "init").exit_code == 0
    before = (home / ".claude-code-router" / "secret.key").read_text()

    assert run("secrets", "init").exit_code == 1
    assert (home / ".claude-code-router" / "secret.key").read_text() == before


def test_only_decrypt_prints_a_secret(home: Path) -> None:
    """It is asked to; nothing else shows any of it."""
    value = made()

    assert run("secrets", "decrypt", given=value + "\n").stdout == CANARY + "\n"
    path = home / "a.yaml"
    path.write_text(config(value))
    for words in (
        ["secrets", "rotate", "a.yaml"],
        ["test-config", "a.yaml"],
        ["secrets", "encrypt"],
    ):
        result = run(*words, given=CANARY)
        assert CANARY not in result.stdout + result.stderr


def test_rotation_changes_values_and_nothing_else(home: Path) -> None:
    """Comments, order and blanks stay; the mode of the file too; the secret is the same under a new key."""
    path = home / "a.yaml"
    value = made()
    path.write_text(config(value))
    path.chmod(0o640)
    key = home / ".claude-code-router" / "secret.key"
    old = key.read_text()
    assert run("secrets", "rotate", "a.yaml").exit_code == 0
    after = path.read_text()

    assert value not in after
    assert re.sub(r"\$\{enc:[^}]*\}", "@", after) == config("@")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert key.read_text().splitlines()[1:] == old.splitlines()
    assert key_in(path) == CANARY

    assert run("secrets", "rotate", "a.yaml", "--drop-old").exit_code == 0
    assert len(key.read_text().splitlines()) == 1
    assert key_in(path) == CANARY


def test_rotation_is_whole_or_not_at_all(home: Path) -> None:
    """One value that cannot be read leaves every file, and the key, as they were."""
    good, bad = home / "a.yaml", home / "b.yaml"
    good.write_text(config(made()))
    bad.write_text(config("${enc:" + encrypted("x", [new_key()]) + "}"))
    before = good.read_text(), (home / ".claude-code-router" / "secret.key").read_text()
    result = run("secrets", "rotate", "a.yaml", "b.yaml")

    assert result.exit_code == 1
    assert "b.yaml:6: " in result.stderr
    assert (good.read_text(), (home / ".claude-code-router" / "secret.key").read_text()) == before


def test_rotation_finds_the_configuration_and_what_it_includes(home: Path) -> None:
    """Without names it is the one in use, with its parts."""
    value = made()
    (home / "keys.yaml").write_text(config(value))
    (home / "ccr.yaml").write_text("include: [keys.yaml]\n")
    assert run("secrets", "rotate").exit_code == 0

    assert value not in (home / "keys.yaml").read_text()


def test_a_missing_package_is_named_with_its_extra(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed `cryptography` reads what to install."""
    value = made()
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name.startswith(("cryptography", "keyring")):
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    said = [run("secrets", "decrypt", given=value), run("secrets", "encrypt", given="x")]
    monkeypatch.setenv("CCR_SECRET_KEY_FILE", "keyring")
    ring = run("secrets", "encrypt", given="x")

    assert all("ccr-router[secrets]" in one.stderr for one in said), [one.stderr for one in said]
    assert "ccr-router[keyring]" in ring.stderr


def test_the_key_may_be_in_the_keyring(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CCR_SECRET_KEY_FILE=keyring` keeps it there and writes no file."""
    import keyring
    from keyring.backend import KeyringBackend

    class InMemory(KeyringBackend):
        priority = 1

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.held: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.held.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.held[service, username] = password

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        monkeypatch.setenv("CCR_SECRET_KEY_FILE", "keyring")
        value = made()
        assert run("secrets", "decrypt", given=value).stdout == CANARY + "\n"
        assert not (home / ".claude-code-router" / "secret.key").exists()
    finally:
        keyring.set_keyring(before)
