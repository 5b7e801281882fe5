"""`engine.client_environment`: the client's variables, and their text for each shell."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.client_environment import (
    UNSET,
    ClientEnvironment,
    Shell,
    brings_key,
    client_environment,
    shell_lines,
    url_at,
)

URL = "http://127.0.0.1:3456"


def test_the_client_gets_a_base_url_one_token_and_the_hint_headers() -> None:
    """Exactly the variables that point the client here are set, and none of the rival ones."""
    environment = client_environment(URL, {})

    assert environment.assigned == {
        "ANTHROPIC_BASE_URL": URL,
        "ANTHROPIC_AUTH_TOKEN": "ccr",
        "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    assert environment.removed == ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX")


@pytest.mark.parametrize(
    ("host", "url", "past"),
    [
        ("::1", "http://[::1]:3456", "127.0.0.1,localhost,::1"),
        ("127.0.0.1", "http://127.0.0.1:3456", "127.0.0.1,localhost"),
        ("router.lan", "http://router.lan:3456", "127.0.0.1,localhost,router.lan"),
    ],
)
def test_the_routers_own_host_is_reached_past_any_proxy(host: str, url: str, past: str) -> None:
    """Wherever it is; an IPv6 address stands in brackets in the URL."""
    assigned = client_environment(url_at(host, 3456), {}).assigned

    assert (assigned["ANTHROPIC_BASE_URL"], assigned["NO_PROXY"]) == (url, past)


def test_a_token_that_is_set_stays_and_is_never_printed() -> None:
    """The user's own token is passed on to the client, and stays out of what `ccr env` prints."""
    environ = {"ANTHROPIC_AUTH_TOKEN": "canary-4711", "ANTHROPIC_API_KEY": "canary-4712"}
    environment = client_environment(URL, environ)

    assert environment.over(environ)["ANTHROPIC_AUTH_TOKEN"] == "canary-4711"
    assert "canary" not in "\n".join(shell_lines(environment, "sh"))


@pytest.mark.parametrize(
    ("environ", "left"),
    [
        ({"ANTHROPIC_API_KEY": "own-key"}, {"ANTHROPIC_API_KEY": "own-key"}),
        ({"ANTHROPIC_AUTH_TOKEN": "own-token"}, {"ANTHROPIC_AUTH_TOKEN": "own-token"}),
        ({}, {}),
        ({"ANTHROPIC_AUTH_TOKEN": "ccr"}, {}),
        ({"ANTHROPIC_AUTH_TOKEN": "k1", "CCR_KEY": "k1"}, {"ANTHROPIC_CUSTOM_HEADERS": "x-ccr-key: k1"}),
        (
            {"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nX-CCR-Key: old", "CCR_KEY": "k2", "ANTHROPIC_API_KEY": "own"},
            {"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nx-ccr-key: k2", "ANTHROPIC_API_KEY": "own"},
        ),
    ],
)
def test_the_clients_own_credentials_are_left_alone(environ: dict[str, str], left: dict[str, str]) -> None:
    """Where the upstream wants them; the router's key goes beside them, and what an earlier `ccr env` set goes away."""
    whole = client_environment(URL, environ, "own").over(environ)

    ours = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS")
    assert {name: whole[name] for name in ours if name in whole} == left
    assert whole["ANTHROPIC_BASE_URL"] == URL


def test_a_router_key_in_a_header_is_found() -> None:
    """In any case, among other headers."""
    assert brings_key({"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nX-CCR-Key: k"})
    assert not brings_key({"ANTHROPIC_CUSTOM_HEADERS": "X-Team: x-ccr-key"})
    assert not brings_key({})


def test_rival_variables_are_removed_and_the_rest_is_kept() -> None:
    """What makes the client ignore the router is taken out of its environment, nothing else."""
    environ = {"PATH": "/bin", **dict.fromkeys(UNSET, "1")}

    whole = client_environment(URL, environ).over(environ)

    assert whole["PATH"] == "/bin"
    assert not set(UNSET) & set(whole)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "127.0.0.1,localhost"),
        ("internal.example", "internal.example,127.0.0.1,localhost"),
        ("localhost, internal.example", "localhost,internal.example,127.0.0.1"),
        ("127.0.0.1,localhost", "127.0.0.1,localhost"),
    ],
)
def test_loopback_is_added_to_no_proxy(before: str, after: str) -> None:
    """Hosts that already bypass the proxy stay, in both spellings where both are in use."""
    environment = client_environment(URL, {"NO_PROXY": before, "no_proxy": before})

    assert environment.assigned["NO_PROXY"] == after
    assert environment.assigned["no_proxy"] == after


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=40))
def test_any_value_survives_the_shell(value: str) -> None:
    """Quoting is right for every value: a POSIX shell reads back exactly what was assigned."""
    lines = shell_lines(ClientEnvironment({"CCR_VALUE": value}, ()), "sh")
    script = "\n".join([*lines, 'printf %s "$CCR_VALUE"'])

    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, env={"PATH": os.defpath})

    assert done.stdout.decode() == value


@pytest.mark.parametrize(
    ("shell", "wanted"),
    [
        ("sh", ["export A='it'\"'\"'s'", "unset B"]),
        ("fish", ["set -gx A 'it\\'s'", "set -e B"]),
        ("powershell", ["$env:A = 'it''s'", "Remove-Item Env:B -ErrorAction SilentlyContinue"]),
    ],
)
def test_each_shell_gets_its_own_syntax(shell: Shell, wanted: list[str]) -> None:
    """An apostrophe is the one character all three shells quote differently."""
    assert shell_lines(ClientEnvironment({"A": "it's"}, ("B",)), shell) == wanted


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_reads_back_what_was_assigned() -> None:
    """The fish lines work in a real fish."""
    script = "\n".join([*shell_lines(ClientEnvironment({"A": "it's \\ $x"}, ("HOME",)), "fish"), "printf %s $A"])

    assert subprocess.run(["fish", "-c", script], capture_output=True, check=True).stdout == b"it's \\ $x"
