"""`ccr explain` as a user calls it: files, forms, expectations, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli.commands import ccr

CONFIG = """
routing:
  defaultProvider: here
  customRules:
    - name: night
      condition: {time: {between: "22:00-06:00"}, header.x-late: "1"}
      target: here,small
    - name: morning
      condition: {time: {between: "06:00-09:00"}, header.x-late: "1"}
      target: here,small
  providers:
    here: {type: static, settings: {models: [big, small], text: hi}}
"""
BODY = {"model": "claude", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a configuration and requests, and a home folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CCR_CONFIG_PATH", raising=False)
    files = {
        "ccr.yaml": CONFIG,
        "wrong.yaml": CONFIG.replace("between", "betwen"),
        "broken.yaml": "a: [",
        "bare.json": json.dumps(BODY),
        "late.json": json.dumps({"request": BODY, "headers": {"X-Late": "1"}}),
        "bad.json": json.dumps({"messages": 3}),
        "other.json": "{}",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "marked.json").write_text(json.dumps(BODY), encoding="utf-8-sig")  # as Windows writes it
    (tmp_path / "marked.env").write_text("NAME=value\r\n", encoding="utf-8-sig")
    return tmp_path


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(ccr, ["explain", *words], input=stdin)


STATUSES: list[tuple[list[str], int]] = [
    (["bare.json"], 0),
    (["bare.json", "-c", "wrong.yaml"], 1),
    (["bare.json", "-c", "broken.yaml"], 3),
    (["-", "-c", "-"], 2),
    (["bare.json", "-c", "nowhere.yaml"], 3),
    (["nowhere.json"], 3),
    (["other.json"], 3),
    (["bad.json"], 1),
    ([], 2),
    (["bare.json", "--expect", "colour=blue"], 2),
    (["bare.json", "--expect", ""], 2),
    (["bare.json", "--expect", " , "], 2),
    (["marked.json", "--env-file", "marked.env"], 0),
    (["bare.json", "--expect", "provider=here, model=big"], 0),
    (["bare.json", "--expect", "rule=default,category=default"], 0),
    (["bare.json", "--expect", "model=small"], 1),
    (["late.json"], 4),
    (["late.json", "--now", "2026-01-05T23:00Z"], 0),
    (["late.json", "--now", "2026-01-05T23:00Z", "--expect", "rule=night,category=none"], 0),
    (["late.json", "--now", "1767654000", "--expect", "rule=night"], 0),
    (["late.json", "--now", "noon"], 2),
    (["late.json", "--expect", "provider=here"], 0),
    (["late.json", "--expect", "model=small"], 4),
    (["late.json", "--expect", "rule=other"], 1),
]


@pytest.mark.parametrize(("words", "status"), STATUSES, ids=[" ".join(row[0]) or "nothing" for row in STATUSES])
def test_the_exit_status_says_how_it_went(folder: Path, words: list[str], status: int) -> None:
    """0 decided or as expected, 1 not, 2 usage, 3 nothing to read, 4 where it varies with what is not given."""
    assert run(*words).exit_code == status


def test_the_forms_say_the_same(folder: Path) -> None:
    """For people by default, the object with `--format json`."""
    assert run("bare.json").stdout.startswith("decision   here / big   by category default")
    explanation = json.loads(run("bare.json", "--format", "json").stdout)
    assert explanation["decision"]["model"] == "big"
    assert explanation["unknownFacts"] == []


def test_every_decision_is_listed_where_it_varies(folder: Path) -> None:
    """With an example of what leads to it."""
    explanation = json.loads(run("late.json", "--format", "json").stdout)
    assert explanation["decision"] is None
    assert {one["decision"]["rule"] for one in explanation["decisions"]} == {"night", "morning", "default"}
    assert explanation["unknownFacts"] == ["time"]


def test_a_request_comes_from_standard_input(folder: Path) -> None:
    """As `-`."""
    assert run("-", stdin=json.dumps(BODY)).stdout == run("bare.json").stdout


def test_errors_of_the_configuration_are_shown_on_standard_error(folder: Path) -> None:
    """With their place, and nothing on standard output."""
    said = run("bare.json", "-c", "wrong.yaml")
    assert "CCR202" in said.stderr
    assert said.stdout == ""


def test_explaining_imports_no_server(folder: Path) -> None:
    """Neither the framework nor an HTTP client: a cold process answers soon."""
    root = Path(__file__).resolve().parents[3]
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom engine.cli.commands import ccr\n"
        "assert CliRunner().invoke(ccr, ['explain', 'bare.json']).exit_code == 0\n"
        "print([name for name in ('litestar', 'httpx', 'aiohttp', 'uvicorn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


RULES = """
routing:
  defaultProvider: here
  customRules:
    - {name: pictures, condition: {hasImages: true}, target: "there,eyes"}
    - {name: live, condition: {stream: true}, target: "here,big"}
    - {name: drawings, condition: {hasImages: true, hasTools: true}, target: "here,small"}
    - {name: down, condition: {provider.there.health: down, hasTools: true}, target: "here,small"}
    - {name: words, condition: {contentKeywords: [Deploy, roll back]}, target: "here,small"}
    - {name: never, condition: {model: a, not: {model: a}}, target: "here,small"}
    - {name: "off", condition: {always: true}, target: "here,small", enabled: false}
  providers:
    here: {type: static, settings: {models: [big, small], text: hi}}
    there: {type: static, settings: {models: [eyes], text: hi}}
"""

WHY: list[tuple[list[str], str]] = [
    (["--why", "pictures"], "to reach   pictures: add an image"),
    (["--why", "there"], "to reach   pictures: add an image"),
    (["--why", "there/eyes"], "to reach   pictures: add an image"),
    (["--why", "here,big"], "to reach   live: stream the answer"),
    (["--why", "drawings"], "to reach   drawings: not possible, pictures takes every request it accepts"),
    (["--why", "never"], "never: not possible, its condition contradicts itself: model is a and not model is a"),
    (["--why", "words"], "to reach   words: say the word `deploy`"),
    (["--why", "default"], "to reach   default: takes this request as it is"),
    (["--why", "off"], "to reach   off: not possible, it is switched off"),
    (["--why", "down"], "down: more tools: 1 instead of 0, `provider.there.health` `down` instead of `up`"),
    (["--all"], "explicit: ask for `here,big`"),
    ([], "nearest    pictures: add an image"),
    ([], "to reach   drawings: not possible"),
]


@pytest.mark.parametrize(("words", "said"), WHY, ids=[" ".join(row[0]) + " " + row[1][:20] for row in WHY])
def test_it_says_what_it_takes_to_get_there(folder: Path, words: list[str], said: str) -> None:
    """Each row: what is asked about (a rule, a provider, a model) and what is answered."""
    (folder / "rules.yaml").write_text(RULES)
    result = run("bare.json", "-c", "rules.yaml", "--state", "provider.there.health=up", *words)
    assert result.exit_code == 0, result.stderr
    assert said in result.stdout


MISTAKES: list[tuple[list[str], str]] = [
    (["--why", "picture"], "did you mean `pictures`?"),
    (["--state", "provider.there.health"], "--state takes FACT=VALUE"),
    (["--state", "provider.there.health=fine"], "(up, degraded, down)"),
    (["--now", "soon"], "`now` is"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES, ids=[row[1] for row in MISTAKES])
def test_a_mistake_on_the_command_line_is_usage(folder: Path, words: list[str], said: str) -> None:
    """Each row: words that mean nothing, and what is said of them."""
    (folder / "rules.yaml").write_text(RULES)
    result = run("bare.json", "-c", "rules.yaml", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_state_decides_what_varies(folder: Path) -> None:
    """Without it the decision varies; a provider that there is not is said to be none."""
    (folder / "rules.yaml").write_text(RULES)
    (folder / "tools.json").write_text(json.dumps({**BODY, "tools": [{"name": "t", "input_schema": {}}]}))
    assert run("tools.json", "-c", "rules.yaml").exit_code == 4
    down = run("tools.json", "-c", "rules.yaml", "--state", "provider.there.health=down", "--expect", "rule=down")
    assert down.exit_code == 0
    assert "no such provider" in run("bare.json", "--state", "provider.nobody.inflight=3").stdout


def test_a_folder_is_explained_request_by_request(folder: Path) -> None:
    """In the order of names, with how many go where; what cannot be read is said and makes the status 3."""
    requests = folder / "requests"
    (requests / "deep").mkdir(parents=True)
    chat = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
    (requests / "b.jsonl").write_text(f"{json.dumps(BODY)}\n\n{json.dumps({'request': BODY, 'decision': {}})}\n")
    (requests / "deep" / "a.json").write_text(json.dumps(chat))
    (requests / "notes.txt").write_text("not a request")
    result = run("requests")
    assert result.exit_code == 0
    assert result.stdout == (
        "requests/b.jsonl:1   here / big   by category default\n"
        "requests/b.jsonl:3   here / big   by category default\n"
        "requests/deep/a.json   here / big   by category default\n"
        "\n3  here / big\n3 requests\n"
    )
    (requests / "c.json").write_text("{}")
    (requests / "d.json").write_text('{"messages": []}')
    result = run("requests", "--format", "json")
    assert result.exit_code == 3
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["source"] for line in lines if "error" in line] == ["requests/c.json", "requests/d.json"]
    assert [line["api"] for line in lines if "api" in line] == ["messages", "messages", "chat/completions"]
    assert run("requests", "--expect", "model=small").exit_code == 3
    (folder / "none").mkdir()
    assert run("none").exit_code == 3


def test_what_a_request_says_obeys_no_terminal(folder: Path) -> None:
    """Control characters of its texts are written out."""
    rule = "routing: {defaultProvider: p, customRules: [{condition: {lastUserText: {contains: zzz}}, target: 'p,m'}], providers: {p: {type: static, settings: {models: [m], text: x}}}}"
    (folder / "one.yaml").write_text(rule)
    text = "a\x1b[31m\x00\u202eb"
    (folder / "odd.json").write_text(json.dumps({**BODY, "messages": [{"role": "user", "content": text}]}))
    shown = run("odd.json", "-c", "one.yaml").stdout
    assert "a\\u001b[31m\\u0000\\u202eb" in shown


def test_hash_seeds_change_nothing(folder: Path) -> None:
    """The same bytes in processes that hash differently."""
    root = Path(__file__).resolve().parents[3]
    (folder / "rules.yaml").write_text(RULES)
    command = [
        sys.executable,
        "-m",
        "engine.cli",
        "explain",
        "bare.json",
        "-c",
        "rules.yaml",
        "--all",
        "--format",
        "json",
    ]
    printed = {
        subprocess.run(
            command, env={"PYTHONPATH": str(root), "PYTHONHASHSEED": seed}, capture_output=True, check=False
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert b'"counterfactuals"' in printed.pop()
