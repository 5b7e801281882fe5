"""What every command says, and its exit status, where the configuration it is asked about cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli.commands import ccr

GOOD = "providers: {here: {type: static}}\nrouting: {defaultProvider: here}\n"
REQUEST = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}

FILES = {
    "folder.yaml": None,
    "empty.yaml": b"",
    "treeless.yaml": b"a: [",
    "other encoding.yaml": GOOD.encode("utf-16"),
    "includes missing.yaml": b"include: [missing.yaml]\n" + GOOD.encode(),
    "includes treeless.yaml": b"include: [treeless.yaml]\n" + GOOD.encode(),
    "includes no name.yaml": b'include: ["a\\0b"]\n' + GOOD.encode(),
    "wrong.yaml": b"providers: {here: {type: static}}\nrouting: {defaultProvider: there}\n",
    "unset.yaml": b"providers: {here: {type: static}}\nrouting: {defaultProvider: '${CCR_TEST_UNSET}'}\n",
}
WRONG = "`routing.defaultProvider` names provider `there`, which does not exist"
UNREADABLE = [name for name in ("missing.yaml", *FILES) if name not in ("wrong.yaml", "unset.yaml")]

# what is asked, and what is said not to happen then
BUILT = {
    "start -c FILE": "the router does not start",
    "restart -c FILE": "the router does not start",
    "explain request.json -c FILE": "there is nothing to explain",
    "diff FILE good.yaml": "there is nothing to compare",
    "diff good.yaml FILE": "there is nothing to compare",
    "gen-tests FILE": "there is nothing to test",
    "gen-tests -c FILE": "there is nothing to test",
    "replay request.json -c FILE": "nothing is sent",
    "usage -c FILE": "its record is not known",
    "keys list -c FILE": "its keys are not known",
    "keys check -c FILE": "its keys are not known",
    "logs -c FILE": "what it writes, and where, is not known",
    "audit tail -c FILE": "what it writes, and where, is not known",
}
CHECKED = ["test-config FILE", "test-config good.yaml FILE", "test-config -c FILE"]
AS_WRITTEN = ["keys revoke first -c FILE", "secrets rotate -c FILE", "trust FILE"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder and a home with the files, a key for encrypted values, and none of the caller's variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CCR_KEY", "ccr-dummy")
    monkeypatch.delenv("CCR_CONFIG_PATH", raising=False)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "request.json").write_text(json.dumps(REQUEST))
    for name, data in FILES.items():
        (tmp_path / name).mkdir() if data is None else (tmp_path / name).write_bytes(data)
    asked("secrets init")
    return tmp_path


def asked(words: str, file: str = "", *, given: str | None = None) -> Result:
    """What a command line comes to, `FILE` being the file."""
    return CliRunner().invoke(ccr, [file if word == "FILE" else word for word in words.split()], input=given)


@pytest.mark.parametrize("file", UNREADABLE)
def test_a_file_that_is_missing_unreadable_or_has_no_tree_is_3(file: str) -> None:
    """For every command, whether the file is the one named or one that it includes; the file is named."""
    statuses = {words: asked(words, file) for words in (*BUILT, *CHECKED, *AS_WRITTEN)}
    if file == "folder.yaml":
        assert statuses.pop("trust FILE").exit_code == 2  # click's: a folder is none of its files

    assert {words: done.exit_code for words, done in statuses.items()} == dict.fromkeys(statuses, 3)
    assert [words for words, done in statuses.items() if file.split()[-1] not in done.output] == []


@pytest.mark.parametrize(("words", "so"), BUILT.items())
def test_a_configuration_with_errors_is_1(words: str, so: str) -> None:
    """Each finding is shown with its place, and then what does not happen."""
    done = asked(words, "wrong.yaml")

    assert done.exit_code == 1
    assert f"error[CCR401]: {WRONG}\n  --> wrong.yaml:2:28\n" in done.stderr
    assert done.stderr.endswith(f"\n\nccr: wrong.yaml has errors, so {so}\n")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "section"),
    [
        ("logs -c FILE", '{debug: {logDir: "a\\0b"}}'),
        ("logs -c FILE", '{debug: {logDir: "${file:a\\0b}"}}'),
        ("audit verify -c FILE", '{audit: {folder: "a\\0b"}}'),
        ("usage -c FILE", '{usage: {store: "a\\0b"}}'),
        ("start -c FILE", '{server: {host: "a\\0b"}}'),
    ],
)
def test_a_name_with_a_nul_in_it_is_an_error_at_its_place(place: Path, words: str, section: str) -> None:
    """The system would end the name there, or refuse it where nobody expects that."""
    (place / "nul.yaml").write_text(GOOD + section[1:-1] + "\n")
    done = asked(words, "nul.yaml")

    assert done.exit_code == 1
    assert "a NUL character is in a text" in done.output
    assert "nul.yaml:3:" in done.output


@pytest.mark.parametrize("words", [*CHECKED, "doctor -c FILE"])
def test_a_check_that_finds_errors_is_1(words: str) -> None:
    """The findings are what was asked for, so they are all that is said."""
    done = asked(words, "wrong.yaml")

    assert done.exit_code == 1
    assert WRONG in done.stdout


@pytest.mark.parametrize("file", ["missing.yaml", "treeless.yaml"])
def test_a_file_of_tests_that_cannot_be_read_is_3(place: Path, file: str) -> None:
    """On the command line, or named by the configuration."""
    (place / "named.yaml").write_text(GOOD + f"tests: {{file: {file}}}\n")

    assert asked("test-config good.yaml --tests FILE", file).exit_code == 3
    assert asked("test-config named.yaml").exit_code == 3


@pytest.mark.parametrize("words", ["explain request.json -c FILE", "diff FILE good.yaml", "gen-tests FILE"])
def test_a_variable_that_is_not_set_is_an_error_unless_that_is_said(place: Path, words: str) -> None:
    """As for test-config: `--env-file` sets it, `--allow-missing-env` goes on without."""
    (place / "env").write_text("CCR_TEST_UNSET=here\n")
    (place / "unset.yaml").write_text(GOOD + "debug: {logDir: '${CCR_TEST_UNSET}'}\n")

    assert asked(words, "unset.yaml").exit_code == 1
    assert asked(f"{words} --env-file env", "unset.yaml").exit_code == 0
    assert asked(f"{words} --allow-missing-env", "unset.yaml").exit_code == 0


@pytest.mark.parametrize(
    "words", ["explain request.json -c FILE", "diff FILE good.yaml", "diff good.yaml FILE", "gen-tests FILE"]
)
def test_standard_input_is_a_configuration_like_others(words: str) -> None:
    """`-` names it."""
    assert asked(words, "-", given=GOOD).exit_code == 0
    assert asked(words, "-", given="a: [").exit_code == 3


@pytest.mark.parametrize("words", ["diff - -", "diff good.yaml - --requests -", "gen-tests good.yaml -c good.yaml"])
def test_nothing_is_taken_for_two_things(words: str) -> None:
    """Standard input is one thing, and one configuration is asked about."""
    assert asked(words).exit_code == 2


@pytest.mark.parametrize("words", ["explain request.json -c FILE", "keys list -c FILE", "usage -c FILE"])
def test_an_address_that_others_reach_is_no_matter_to_a_command_that_does_not_listen(place: Path, words: str) -> None:
    """`start --public` serves such a file: what it says can be asked without."""
    (place / "public.yaml").write_text(GOOD + "server: {host: 0.0.0.0}\nusage: {store: none.db}\n")

    assert "CCR806" not in asked(words, "public.yaml").output


def test_logs_are_shown_when_the_configuration_in_use_is_broken(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is when they are wanted; it is said that their place may be another."""
    monkeypatch.setenv("CCR_CONFIG_PATH", "wrong.yaml")
    done = asked("logs")

    assert done.exit_code == 0
    assert done.stderr.startswith("ccr: wrong.yaml has errors; what follows is from the usual folder\n")
