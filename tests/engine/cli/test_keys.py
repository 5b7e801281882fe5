"""`ccr keys`: what is made, listed, checked and revoked, and what a start says where clients need one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import ccr
from engine.cli.preparing import StartOptions, prepare
from engine.cli.starting import announce
from engine.cli.trust_store import is_trusted, record_trust

FIRST, SECOND = "dummy-first-key-1234", "dummy-second-key-123"
KEYS = f"""\
server:
  # who may come in
  apiKeys:
    - {{name: first, key: {FIRST}}}  # the team
    - name: second  # the build server
      key: {SECOND}
      expires: "2020-01-01"
"""
REST = """\
providers:
  here: {type: static, settings: {models: [one]}}
routing: {defaultProvider: here}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with ./ccr.yaml, and an own, empty home."""
    for name in ("CCR_CONFIG_PATH", "CCR_PORT", "CCR_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "ccr.yaml").write_text(KEYS + REST)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keys(*words: str, key: str | None = None) -> Result:
    result = CliRunner().invoke(ccr, ["keys", *words], env={"CCR_KEY": key})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_made_key_is_let_in_by_its_line(place: Path) -> None:
    """The line of YAML holds no key; under `server.apiKeys` it makes the key that was shown once a good one."""
    made = keys("add", "new one")
    found = re.search(r"sk-ccr-[0-9a-f]{8}-[A-Za-z0-9_-]{43}", made.stderr)
    assert found
    assert found[0] not in made.stdout
    (place / "ccr.yaml").write_text(f"server:\n  apiKeys:\n  {made.stdout}{REST}")

    assert keys("check", key=found[0]).stdout == "this is the key `new one`\n"
    assert keys("check", key=found[0][:-1] + "-").exit_code == 1


@pytest.mark.parametrize(
    ("words", "key", "status", "said"),
    [
        (["add", 'a"b'], None, 2, "no quotes"),
        (["list"], None, 0, "first\nsecond (expired)\n"),
        (["check"], None, 2, "CCR_KEY"),
        (["check"], FIRST, 0, "this is the key `first`"),
        (["check"], SECOND, 1, "which has expired"),
        (["check"], "nobody's", 1, "no key of this configuration"),
        (["revoke", "frist"], None, 1, "did you mean `first`?"),
        (["revoke", "third one"], None, 1, "there are first, second"),
    ],
)
def test_what_a_command_says(place: Path, words: list[str], key: str | None, status: int, said: str) -> None:
    """Exit status and words; no key is ever in them."""
    done = keys(*words, key=key)

    assert done.exit_code == status
    assert said in done.output
    assert FIRST not in done.output
    assert SECOND not in done.output


def test_keys_are_known_without_the_secrets_of_providers(place: Path) -> None:
    """Who asks about a key need not have the upstreams' keys; one whose own variable is not set is said."""
    other = "    - {name: other, key: '${NOT_SET}'}\n"
    cloud = "{type: openai, endpoint: 'https://a.example/v1', authentication: {apiKey: '${ALSO_NOT_SET}'}}"
    rest = REST.replace("providers:\n", f"providers:\n  cloud: {cloud}\n")
    (place / "ccr.yaml").write_text(KEYS + other + rest)

    assert keys("list").stdout == "first\nsecond (expired)\nother\n"
    assert keys("check", key=FIRST).stdout == "this is the key `first`\n"
    for nobodys in ("a-key-of-nobody-at-all", "${NOT_SET}"):
        done = keys("check", key=nobodys)
        assert done.exit_code == 1
        assert "this is no key of this configuration; what `other` is, is not set" in done.stderr


@pytest.mark.parametrize(("name", "gone"), [("first", (3, 4)), ("second", (4, 7))])
def test_a_revoked_key_is_cut_out_and_nothing_else(place: Path, name: str, gone: tuple[int, int]) -> None:
    """Its lines go; comments, the other key and the file's mode stay."""
    file = place / "ccr.yaml"
    file.chmod(0o600)
    lines = file.read_text().splitlines(keepends=True)

    assert keys("revoke", name).exit_code == 0
    assert file.read_text() == "".join(lines[: gone[0]] + lines[gone[1] :])
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_last_key_stays(place: Path) -> None:
    """Without it everybody may come in: that is not what revoking is asked for."""
    keys("revoke", "second")
    before = (place / "ccr.yaml").read_text()
    done = keys("revoke", "first")

    assert done.exit_code == 1
    assert "everybody may ask" in done.output
    assert (place / "ccr.yaml").read_text() == before


def test_a_key_of_an_included_file_is_cut_out_there(place: Path) -> None:
    """Each file keeps what is its own; a list that would be left empty is shown instead."""
    (place / "team.yaml").write_text(KEYS)
    (place / "ccr.yaml").write_text(
        "include: [team.yaml]\nserver: {apiKeys: [{name: own, key: dummy-own-key-12345}]}\n" + REST
    )

    assert keys("revoke", "second").exit_code == 0
    assert "second" not in (place / "team.yaml").read_text()
    done = keys("revoke", "first")
    assert done.exit_code == 1
    assert "team.yaml:4" in done.output


def test_a_key_that_something_still_names_is_not_revoked_in_vain(place: Path) -> None:
    """A file with errors is not taken over, so that the key would go on: it stays, and what names it is shown."""
    file = place / "ccr.yaml"
    file.write_text(KEYS + REST + "budgets: {build: {tokens: 9, per: day, of: {key: second}}}\n")
    before = file.read_text()
    done = keys("revoke", "second")

    assert done.exit_code == 1
    assert "CCR401" in done.output
    assert "there is no router key `second`" in done.output
    assert "nothing was changed, and the key `second` still lets in" in done.output
    assert file.read_text() == before


def test_a_key_is_revoked_from_a_file_with_errors_but_not_from_the_router(place: Path) -> None:
    """Such a file is taken over by nobody, and that is said."""
    file = place / "ccr.yaml"
    file.write_text(KEYS + REST + "colour: red\n")
    done = keys("revoke", "second")

    assert done.exit_code == 1
    assert "second" not in file.read_text()
    assert "still lets the key in" in done.output


def test_a_trusted_file_stays_trusted(place: Path) -> None:
    """Our own change needs no second look."""
    file = place / "ccr.yaml"
    keys("revoke", "second")
    assert not is_trusted(file)
    file.write_text(KEYS + REST)
    record_trust(file, [])
    keys("revoke", "second")
    assert is_trusted(file)


def test_a_start_prints_no_token_where_a_key_is_needed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line points at the router; whose key it is the client knows."""
    announce(prepare(StartOptions(config="ccr.yaml")), 3456)
    said = capsys.readouterr()

    assert said.out == "export ANTHROPIC_BASE_URL=http://127.0.0.1:3456\n"
    assert "its key goes into ANTHROPIC_AUTH_TOKEN" in said.err


@pytest.mark.parametrize(("workers", "said"), [(None, False), (1, False), (2, True)])
def test_workers_that_count_apart_are_said(
    place: Path, capsys: pytest.CaptureFixture[str], workers: int | None, said: bool
) -> None:
    """The file's own number is a finding; that of the command line is a line at the start."""
    (place / "ccr.yaml").write_text("server: {limits: [{per: router, requests: 9/day}]}\n" + REST)
    prepare(StartOptions(config="ccr.yaml", workers=workers))

    assert ("counts limits for itself" in capsys.readouterr().err) == said


@pytest.mark.parametrize("file_says", [False, True])
@pytest.mark.parametrize("public", [False, True])
def test_a_router_that_others_reach_keeps_its_keys(place: Path, file_says: bool, public: bool) -> None:
    """A reload without `server.apiKeys` is refused with its reason, whatever host the file names now."""
    host = "host: 0.0.0.0"
    file = place / "ccr.yaml"
    file.write_text(KEYS + (f"  {host}\n" if file_says else "") + REST)
    options = StartOptions(config=str(file), host=None if file_says else "0.0.0.0", public=public)
    load = prepare(options).load
    assert load().built is not None
    file.write_text(REST)
    now = load()

    assert (now.built is not None) == public
    if not public:
        assert [found.code for found in now.diagnostics] == ["CCR806"]
        assert "no key would protect it" in now.diagnostics[0].message


def test_code_without_a_key_says_what_is_missing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than a client that is refused at its first request."""
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("CLAUDE_PATH", "/bin/true")
    monkeypatch.setattr("engine.cli.code.router_answers", lambda *_: True)
    monkeypatch.setattr("engine.cli.code.asks_for_key", lambda *_: True)
    done = CliRunner().invoke(ccr, ["code", "--port", "3456"])

    assert done.exit_code == 1
    assert "CCR_KEY" in done.output
