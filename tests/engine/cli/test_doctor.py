"""`ccr doctor`: each thing that can be wrong with what it says and advises, and that it never shows a secret."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engine.cli import ccr
from engine.doctor.answers import SLOW_S, Spoken, judged, models_in, rows_in
from engine.doctor.client import SettingsFile, client_checks, leads_to, proxies_check, router_checks
from engine.doctor.client_files import settings_files
from engine.doctor.verdicts import Check, clock_check, configuration_checks, exit_status, lines_of
from providers.spec import ModelSpec, ProviderSpec
from tests.fakes.loopback import LoopbackServer, Refusing
from tests.fakes.router import free_port
from tests.fakes.upstream import Say
from tests.fakes.wire import Answer, Close, Hold, Received, json_answer, whole

CANARY = "canary-key-0123456789abcdef"
MODELS = {"data": [{"id": "large"}, {"id": "small"}]}
PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "openai-responses": "/v1/responses",
    "gemini": "/v1beta",
}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own: home, folder, variables, or a `claude`."""
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "CLAUDE_", "CCR_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_PATH", str(tmp_path / "no-claude"))
    monkeypatch.chdir(tmp_path)


def provider(endpoint: str, kind: str = "openai", **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "endpoint": endpoint + PATHS.get(kind, ""),
        "authentication": {"type": "api_key", "credentials": {"apiKey": CANARY}},
        "settings": {"models": ["large", "small"]},
        **more,
    }


def examined(tmp_path: Path, providers: Mapping[str, Any], *words: str) -> tuple[int, list[dict[str, str]], str]:
    """Exit status, the checks, and all that was printed, after a look for the key in it."""
    config = {"providers": providers, "routing": {"defaultProvider": next(iter(providers))}}
    path = tmp_path / "ccr.json"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    words = ("doctor", "--config", str(path), "--port", str(free_port()), *words)
    result = CliRunner().invoke(ccr, [*words, "--format", "json"])
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    assert CANARY not in result.output
    shown = json.loads(result.stdout)
    assert (result.exit_code == 0) == shown["ok"]
    return result.exit_code, shown["checks"], result.output


def of_provider(checks: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [
        (check["verdict"], f"{check['said']} -> {check['advice']}") for check in checks if check["area"] == "providers"
    ]


def echoing(status: int) -> Callable[[Received], Answer]:
    """A refusal that repeats the key."""

    def respond(request: Received) -> Answer:
        sent = json.dumps(dict(request.headers))
        return json_answer(status, {"error": {"message": f"wrong key {sent}", "type": "authentication_error"}})

    return respond


def answering(status: int, body: Any, **headers: str) -> Callable[[Received], Answer]:
    return lambda request: json_answer(status, body, headers)


ROWS: list[tuple[str, str, Callable[[Received], Answer], str, tuple[str, ...]]] = [
    ("models are there", "openai", answering(200, MODELS), "ok", ("takes the credential and has 2 models",)),
    ("of Anthropic", "anthropic", answering(200, MODELS), "ok", ("has 2 models",)),
    ("of Responses", "openai-responses", answering(200, MODELS), "ok", ("has 2 models",)),
    ("of Gemini", "gemini", answering(200, {"models": [{"name": "models/large"}, {"name": "models/small"}]}), "ok", ("2 models",)),
    ("a list of nothing", "openai", answering(200, []), "ok", ("takes the credential",)),
    ("a page", "openai", lambda request: whole(200, b"<html>"), "warn", ("no list of models", "not proved", "--live")),
    ("JSON of another kind", "openai", answering(200, {"data": {}}), "warn", ("is no list of models",)),
    ("an empty object", "openai", answering(200, {}), "warn", ("is no list of models",)),
    ("brackets without end", "openai", lambda request: whole(200, b"[" * 100_000), "warn", ("is no list of models",)),
    ("a model is missing", "openai", answering(200, {"data": [{"id": "large"}, {"id": "smal"}]}), "warn", ("`small`", "`smal`")),
    ("a wrong key", "openai", echoing(401), "fail", ("refuses the credential", "valid key")),
    ("a key for something else", "anthropic", echoing(403), "fail", ("refuses the credential (403)", "used for this")),
    ("no list of models", "openai", answering(404, {}), "note", ("no list of models (404)", "--live")),
    ("its limit is reached", "openai", answering(429, {}), "warn", ("limit is reached",)),
    ("it fails", "openai", answering(503, {}), "warn", ("answers with 503", "status page")),
    ("it points elsewhere", "openai", answering(302, {}, location="http://127.0.0.1:1/"), "fail", ("points elsewhere", "endpoint")),
    ("it hangs up", "openai", lambda request: (Close(),), "fail", ("connection",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "respond", "verdict", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_provider_is_asked_for_free(
    tmp_path: Path, kind: str, respond: Callable[[Received], Answer], verdict: str, words: tuple[str, ...]
) -> None:
    """Its list of models, with the credential and nothing that costs; the answer is judged, and the key never shown."""
    with LoopbackServer(respond) as upstream:
        status, checks, _ = examined(tmp_path, {"one": provider(upstream.url, kind)})
        asked = upstream.received

    ((found, said), *_) = of_provider(checks)
    assert found == verdict, said
    assert [word for word in words if word not in said] == []
    assert (status == 1) == (verdict == "fail")
    assert {request.method for request in asked} == {"GET"}
    assert {request.path for request in asked} == {"/v1beta/models" if kind == "gemini" else "/v1/models"}
    assert all(CANARY in json.dumps(dict(request.headers)) for request in asked)


@contextmanager
def not_speaking_tls() -> Iterator[int]:
    """The port of a server that answers whatever it gets in plain words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_nobody_there_is_a_failure(tmp_path: Path) -> None:
    """Refused connections and broken TLS say what failed, and what to do."""
    with Refusing() as nobody, not_speaking_tls() as port:
        _, checks, _ = examined(tmp_path, {"gone": provider(nobody.url), "tls": provider(f"https://127.0.0.1:{port}")})

    (gone, tls) = of_provider(checks)
    assert gone[0] == tls[0] == "fail"
    assert "refused" in gone[1]
    assert "nothing listens there" in gone[1]
    assert "TLS" in tls[1] or "tls" in tls[1] or "SSL" in tls[1]


def test_silence_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that answers nothing is given up after a bounded time."""
    monkeypatch.setattr("engine.doctor.providers.WITHIN_S", 0.2)
    with LoopbackServer(lambda request: (Hold(),)) as upstream:
        _, checks, _ = examined(tmp_path, {"one": provider(upstream.url)})

    ((verdict, said),) = of_provider(checks)
    assert verdict == "fail"
    assert "reached from here" in said


@pytest.mark.parametrize(
    ("more", "verdict", "words"),
    [
        ({"authentication": {"type": "forward"}}, "note", "not proved"),
        (
            {"authentication": {"type": "bearer", "credentials": {"tokenPath": "/no/such/file"}}},
            "fail",
            "cannot be read",
        ),
    ],
    ids=["the client's own credential", "no token file"],
)
def test_credentials_that_are_elsewhere(tmp_path: Path, more: dict[str, Any], verdict: str, words: str) -> None:
    """Where there is nothing to try, the host alone is asked, or the missing file is named."""
    with LoopbackServer(lambda request: whole(404, b"")) as upstream:
        _, checks, _ = examined(tmp_path, {"one": provider(upstream.url, "anthropic", **more)})

    ((found, said),) = of_provider(checks)
    assert (found, words in said) == (verdict, True), said
    assert {request.method for request in upstream.received} <= {"HEAD"}


@pytest.mark.parametrize(
    ("respond", "verdict", "words"),
    [
        (Say("ok"), "ok", "large answered a request"),
        (echoing(402), "fail", "wrong key"),
        (lambda request: whole(200, b"data: {"), "fail", ""),
    ],
    ids=["answered", "no money", "garbage"],
)
def test_live_sends_one_small_request(tmp_path: Path, respond: Any, verdict: str, words: str) -> None:
    """Only with `--live`, once an instance, as the router would send it."""

    def answer(request: Received) -> Answer:
        if request.method == "GET":
            return json_answer(200, MODELS)
        found = respond(request)
        return found if isinstance(found, tuple) else found.answer(request)

    with LoopbackServer(answer) as upstream:
        _, checks, _ = examined(tmp_path, {"one": provider(upstream.url)}, "--live")
        paid = [request for request in upstream.received if request.method == "POST"]

    first, live = of_provider(checks)
    assert first[0] == "ok"
    assert (live[0], words in live[1]) == (verdict, True), live
    assert [request.json.get("max_tokens", 16) for request in paid] == [16]


def test_a_slow_answer_is_said() -> None:
    """By the time to its head."""
    checks = judged("one/a", ProviderSpec("one", "openai", ()), Spoken(200, {}, b"", SLOW_S + 1.2), lists=True)

    assert [(check.verdict, check.said) for check in checks][1:] == [("warn", "took 3.2 s for its first byte")]


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b"[]", "ok"),
        (b'{"data": [3, {"id": 4}]}', "ok"),
        (b"{}", "warn"),
        (b'{"data": 3}', "warn"),
        (b"\xff", "warn"),
        (b"[" * 100_000, "warn"),
    ],
)
def test_odd_lists_of_models_are_no_lists(body: bytes, verdict: str) -> None:
    """Whatever an upstream says; what is no list proves no credential."""
    assert models_in(rows_in(body) or []) == frozenset()
    spec = ProviderSpec("one", "openai", (), (ModelSpec("large"),))
    assert [check.verdict for check in judged("one/a", spec, Spoken(200, {}, body, 0.1), lists=True)] == [verdict]


FILE = "~/.claude/settings.json"
CLIENT: list[tuple[str, dict[str, str], list[SettingsFile], str, str]] = [
    ("nothing is set", {}, [], "note", "`ccr code` sets it"),
    ("it leads here", {"ANTHROPIC_BASE_URL": "http://localhost:3456/"}, [], "ok", "leads to this router"),
    ("it leads elsewhere", {"ANTHROPIC_BASE_URL": f"https://me:{CANARY}@proxy.example/v1"}, [], "warn", "proxy.example"),
    ("it is no address", {"ANTHROPIC_BASE_URL": "http://[::1:x"}, [], "warn", "not to port"),
    ("two credentials", {"ANTHROPIC_AUTH_TOKEN": CANARY, "ANTHROPIC_API_KEY": CANARY}, [], "warn", "both set"),
    ("another cloud", {"CLAUDE_CODE_USE_BEDROCK": "1"}, [], "fail", "ignore ANTHROPIC_BASE_URL"),
    ("a model", {"ANTHROPIC_MODEL": "x"}, [], "note", "categories go by it"),
    ("a proxy", {"HTTPS_PROXY": f"http://u:{CANARY}@proxy:8080"}, [], "warn", "NO_PROXY"),
    ("a proxy that knows", {"HTTPS_PROXY": "http://proxy:8080", "NO_PROXY": "127.0.0.1"}, [], "note", "is not set"),
    ("settings elsewhere", {}, [SettingsFile(FILE, ("ANTHROPIC_BASE_URL",), (), f"http://x/{CANARY}")], "fail", "another address"),
    ("settings here", {}, [SettingsFile(FILE, ("ANTHROPIC_BASE_URL",), (), "http://127.0.0.1:3456")], "ok", "leaves the address"),
    ("settings with a key", {}, [SettingsFile(FILE, ("ANTHROPIC_API_KEY",))], "warn", "ANTHROPIC_API_KEY"),
    ("settings with a program", {}, [SettingsFile(FILE, (), ("apiKeyHelper",))], "warn", "apiKeyHelper"),
    ("settings of another cloud", {}, [SettingsFile(FILE, ("CLAUDE_CODE_USE_VERTEX",))], "fail", "ignores ANTHROPIC_BASE_URL"),
    ("settings that are none", {}, [SettingsFile(FILE, problem="is no JSON object")], "warn", "is no JSON object"),
    ("settings without a word", {}, [SettingsFile(FILE)], "ok", "leaves the address alone"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "files", "verdict", "words"), [row[1:] for row in CLIENT], ids=[row[0] for row in CLIENT]
)
def test_what_steers_the_client_is_said(
    environ: dict[str, str], files: list[SettingsFile], verdict: str, words: str
) -> None:
    """Variables and settings files, by their names; no value of theirs."""
    checks = client_checks(environ, files, "2.0.0 (Claude Code)", "127.0.0.1", 3456)

    assert [check for check in checks if check.verdict == verdict and words in check.said + check.advice], checks
    assert CANARY not in str(checks)


@pytest.mark.parametrize(
    ("environ", "keyed", "tls", "verdicts"),
    [
        ({}, False, False, []),
        ({}, True, True, ["warn"]),
        ({"CCR_KEY": CANARY}, True, False, []),
        ({"ANTHROPIC_API_KEY": CANARY}, True, False, []),
        ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:3456"}, False, False, []),
        ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:3456"}, False, True, ["fail"]),
        ({"ANTHROPIC_BASE_URL": "https://127.0.0.1:3456"}, False, False, ["fail"]),
        ({"ANTHROPIC_BASE_URL": "https://127.0.0.1:3456"}, False, True, ["note"]),
        ({"ANTHROPIC_BASE_URL": "https://127.0.0.1:3456", "NODE_EXTRA_CA_CERTS": "/c.pem"}, False, True, []),
    ],
)
def test_the_client_has_what_the_router_asks_for(
    environ: dict[str, str], keyed: bool, tls: bool, verdicts: list[str]
) -> None:
    """A key where there are keys, TLS where that is spoken; nothing is said where all is well."""
    checks = router_checks(environ, keyed, tls)

    assert [check.verdict for check in checks] == verdicts
    assert CANARY not in str(checks)


def test_settings_files_are_read_for_names_only(tmp_path: Path) -> None:
    """Of the user and of this folder; what cannot be read is said, and no value is."""
    for folder in (tmp_path / ".claude", tmp_path / "here" / ".claude"):
        folder.mkdir(parents=True)
    (tmp_path / ".claude" / "settings.json").write_text(
        json.dumps(
            {
                "env": {"ANTHROPIC_AUTH_TOKEN": CANARY, "ANTHROPIC_BASE_URL": f"http://{CANARY}.example"},
                "apiKeyHelper": CANARY,
            }
        )
    )
    (tmp_path / "here" / ".claude" / "settings.local.json").write_text("{")
    os.chdir(tmp_path / "here")

    _, checks, output = examined(tmp_path, {"one": {"type": "static", "settings": {"models": ["m"]}}})

    said = [check["said"] for check in checks if check["name"] == "settings"]
    assert len([one for one in said if "another address" in one]) == 1
    assert len([one for one in said if "ANTHROPIC_AUTH_TOKEN, apiKeyHelper" in one]) == 1
    assert len([one for one in said if "is no JSON object" in one]) == 1
    assert CANARY not in output


def test_a_settings_file_that_is_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Nobody writes to it, and it is said."""
    os.mkfifo(tmp_path / "settings.json")
    (found,) = [one for one in settings_files({"CLAUDE_CONFIG_DIR": str(tmp_path)}) if str(tmp_path) in one.path]
    assert found.problem == "cannot be read: nobody writes to this pipe"


def test_claude_says_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the program that `ccr code` would run."""
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\necho '2.1.0 (Claude Code)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("CLAUDE_PATH", str(program))

    _, checks, _ = examined(tmp_path, {"one": {"type": "static", "settings": {"models": ["m"]}}})

    assert [check["said"] for check in checks if check["name"] == "claude"] == ["2.1.0 (Claude Code)"]


def test_all_is_well_on_a_good_day(tmp_path: Path) -> None:
    """Exit status 0; for people each check is one line, advice another."""
    with LoopbackServer(answering(200, MODELS)) as upstream:
        status, checks, _ = examined(tmp_path, {"one": provider(upstream.url)})
        path = tmp_path / "ccr.json"
        people = CliRunner().invoke(ccr, ["doctor", "--config", str(path), "--port", str(free_port())])

    assert status == people.exit_code == 0, checks
    assert {check["verdict"] for check in checks} <= {"ok", "note"}
    assert "all well" in people.output
    assert CANARY not in people.output


def test_without_a_configuration_the_rest_is_looked_at(tmp_path: Path) -> None:
    """It says how to get one; so it does for one that cannot be read or built."""
    results = {
        "none": CliRunner().invoke(ccr, ["doctor"]),
        "missing": CliRunner().invoke(ccr, ["doctor", "--config", str(tmp_path / "no.yaml")]),
    }
    (tmp_path / "bad.yaml").write_text("providers: [")
    results["broken"] = CliRunner().invoke(ccr, ["doctor", "--config", str(tmp_path / "bad.yaml")])

    assert {name: result.exit_code for name, result in results.items()} == {"none": 1, "missing": 1, "broken": 1}
    assert "`ccr init` writes one" in results["none"].output
    assert "cannot be read" in results["missing"].output
    assert "ccr test-config" in results["broken"].output
    assert all("python" in result.output for result in results.values())


def test_folders_and_files_that_others_reach_are_said(tmp_path: Path) -> None:
    """With the command that mends it."""
    folder = tmp_path / ".claude-code-router"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    path = tmp_path / "open.json"
    path.write_text(
        json.dumps(
            {
                "providers": {"one": {"type": "static", "settings": {"models": ["m"]}}},
                "routing": {"defaultProvider": "one"},
            }
        )
    )
    path.chmod(stat.S_IRWXU | stat.S_IRWXO)

    result = CliRunner().invoke(ccr, ["doctor", "--config", str(path), "--port", str(free_port())])

    assert f"chmod go-w {path}" in result.output
    assert f"chmod 700 {folder}" in result.output


def test_a_port_that_something_else_holds_is_said(tmp_path: Path) -> None:
    """With another one to choose."""
    with LoopbackServer(answering(404, {})) as other:
        config = {
            "providers": {"one": {"type": "static", "settings": {"models": ["m"]}}},
            "routing": {"defaultProvider": "one"},
        }
        (tmp_path / "ccr.json").write_text(json.dumps(config))
        result = CliRunner().invoke(ccr, ["doctor", "--config", str(tmp_path / "ccr.json"), "--port", str(other.port)])

    assert f"127.0.0.1:{other.port} cannot be listened on" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("now", "heard", "verdict", "words"),
    [
        (2e9, {}, "ok", "plausible"),
        (2e9, {"a": 12.0}, "ok", "agrees with 1"),
        (2e9, {"a": 12.0, "b": 600.0}, "warn", "10 min behind that of b"),
        (2e9, {"b": -900.0}, "warn", "15 min ahead of that of b"),
        (1e9, {}, "fail", "before the program was installed"),
    ],
)
def test_the_clock_is_compared(now: float, heard: dict[str, float], verdict: str, words: str) -> None:
    """With the program's files and with the `date` of upstreams."""
    check = clock_check(now, 1.9e9, heard)

    assert (check.verdict, words in check.said) == (verdict, True)


def test_findings_are_summed_up() -> None:
    """The first of the heaviest stands for all."""
    found = [("note", "CCR501", "n"), ("warning", "CCR401", "w"), ("error", "CCR101", "e")]

    verdicts = [configuration_checks("f", codes)[0].verdict for codes in ([], found[:1], found[:2], found)]
    assert verdicts == ["ok", "ok", "warn", "fail"]
    assert "first CCR101: e" in configuration_checks("f", found)[0].said


def test_a_variable_that_is_not_set_is_advised_as_such() -> None:
    """`ccr test-config` would not show it: what is inside `authentication` is not looked up there."""
    (check,) = configuration_checks("f", [("error", "CCR017", "environment variable `KEY` is not set")])
    assert "set it" in check.advice
    assert "test-config" not in check.advice


def test_what_is_proved_and_tested_counts_as_a_finding(tmp_path: Path) -> None:
    """A test that fails is one, as in `ccr test-config`; what a comment suppresses is none."""
    config = """
providers: {one: {type: static}, two: {type: static}}  # ccr: ignore CCR404 -- for later
routing: {defaultProvider: one}
tests: [{name: wrong, expect: {provider: two}}]
"""
    said = []
    for text in (config, config.replace("two}}]", "one}}]")):
        (tmp_path / "ccr.yaml").write_text(text)
        words = ["doctor", "--config", str(tmp_path / "ccr.yaml"), "--port", str(free_port()), "--format", "json"]
        checks = json.loads(CliRunner().invoke(ccr, words).stdout)["checks"]
        said += [(one["verdict"], one["said"]) for one in checks if one["name"] == "findings"]

    name = tmp_path / "ccr.yaml"
    assert said == [
        (
            "fail",
            f"{name}: 1 error, 0 warnings; first CCR701: test `wrong` fails: expected provider `two`, got `one`",
        ),
        ("ok", f"{name}: none"),
    ]


def test_proxies_are_named_by_what_goes_through() -> None:
    """Not by their address, which may hold a password."""
    environ = {"https_proxy": f"http://me:{CANARY}@proxy:1"}
    check = proxies_check(environ, [f"https://user:{CANARY}@api.example/v1", "http://127.0.0.1:9"])

    assert "https://api.example/v1" in check.said
    assert CANARY not in str(check)


def test_names_never_steer_the_terminal() -> None:
    """Names and messages of upstreams may hold anything."""
    check = Check("providers", "a", "fail", "\x1b[2Jgone", "\x1b]0;x")
    lines = lines_of([check], colour=False)

    assert all(line.isprintable() for line in lines)
    assert exit_status([check]) == 1
    assert leads_to("https://router.lan", "router.lan", 443)
