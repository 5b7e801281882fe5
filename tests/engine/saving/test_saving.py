"""Saved requests: what is in the file, what never is, what happens to old ones, and how they are sent again."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engine.cli.commands import ccr
from engine.read_envelope import read_asked, read_envelope
from engine.saving.said import Said, differences, said_in
from engine.saving.saver import Saver
from engine.saving.settings import Saving
from tests.fakes.gateway import Answer, InProcess, checked, in_process, streamed

CANARY = "canary-5f1d"
KEY = f"sk-ant-{CANARY}-of-the-user"
CONFIGURATION = """
providers:
  up:
    type: openai
    endpoint: "http://127.0.0.1:1/v1"
    authentication: {{type: bearer, credentials: {{apiKey: canary-5f1d-of-the-upstream}}}}
    settings: {{models: [m]}}
routing:
  defaultProvider: up
  customRules: [{{name: tagged, condition: {{header.x-team: red, provider.up.health: up, budget.b.state: ok}}, target: "up,m"}}]
budgets: {{b: {{tokens: 10, per: day}}}}
debug: {{saveRequests: {saving}}}
"""
BODY: dict[str, Any] = {
    "model": "claude-x",
    "max_tokens": 10,
    "stream": True,
    "messages": [{"role": "user", "content": f"my key is {KEY}, please say hi"}],
    "tools": [{"name": "Hi", "input_schema": {"type": "object"}}],
}
HEADERS = {"x-team": "red", "x-api-key": f"{CANARY}-key", "authorization": f"Bearer {CANARY}", "x-their-token": CANARY}
CALL = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "Hi", "arguments": '{"a": 1}'}}]}


def router_in(folder: Path, saving: str = "true", *answers: Answer, filters: str = "") -> tuple[InProcess, Saver]:
    from engine.usage.budgets import Ledger

    given = answers or (Answer(streamed({"content": "hello"}, CALL, finish="tool_calls")),)
    one = in_process(CONFIGURATION.format(saving=saving) + filters, {"up": list(given)})
    usage = one.router.gateway.settings.usage
    assert usage is not None
    one.router.budgets = ledger = Ledger()
    ledger.follow(usage.budgets, one.router.wall())
    saver = Saver(one.router, folder)
    saver.follow()
    return one, saver


async def ended(saver: Saver) -> None:
    """Runs the saver and stops it as the router's end does."""
    running = asyncio.get_running_loop().create_task(saver.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])


def files(folder: Path) -> list[Path]:
    return sorted((folder / "requests").glob("*.json"))


async def test_an_exchange_is_a_file_that_explains_itself(tmp_path: Path) -> None:
    """Request, decision, upstream request, outcome, timing and reply; the rules decide it as they did."""
    one, saver = router_in(tmp_path)
    await one.post(BODY, headers=HEADERS)
    await ended(saver)
    (path,) = files(tmp_path)
    saved = json.loads(path.read_bytes())
    assert list(saved) == [
        "request", "headers", "path", "clientIp", "now", "state", "decision", "upstreamRequest", "outcome", "timing", "reply",
    ]  # fmt: skip
    assert saved["decision"]["rule"] == "tagged"
    assert saved["state"] == {"provider.up.health": "up", "provider.up.inflight": 0, "budget.b.state": "ok"}
    assert saved["outcome"]["tools"] == ["Hi"]
    assert (saved["upstreamRequest"]["body"]["model"], saved["upstreamRequest"]["instance"]) == ("m", "up/127.0.0.1:1")
    assert said_in(saved["reply"].encode()).tools == (("Hi", '{"a": 1}'),)
    envelope = read_envelope(path.read_bytes())
    from rules.facts import Facts

    assert one.router.gateway.decide(Facts(envelope)).rule == "tagged"


async def test_no_credential_is_in_the_file_and_nobody_else_reads_it(tmp_path: Path) -> None:
    """Neither the user's nor the upstream's, in no header and no text; the folder is the owner's alone too."""
    one, saver = router_in(tmp_path)
    await one.post(BODY, headers=HEADERS)
    await ended(saver)
    (path,) = files(tmp_path)
    assert CANARY not in path.read_text()
    assert "my key is sk-ant-***, please say hi" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


FILTERED = [
    ("cut out", "redact", 200, "[redacted: codes]"),
    ("blocked", "block", 400, None),
]


@pytest.mark.parametrize(("action", "status", "shown"), [row[1:] for row in FILTERED], ids=[row[0] for row in FILTERED])
async def test_what_a_filter_stops_is_in_no_file(tmp_path: Path, action: str, status: int, shown: str | None) -> None:
    """The request is saved as filters leave it; of one that is blocked the file has nothing of what blocked it."""
    filters = f"\nfilters: [{{name: codes, action: {action}, patterns: [{{regex: 'ACME-[0-9]+'}}]}}]\n"
    one, saver = router_in(tmp_path, "true", filters=filters)
    body = {**BODY, "messages": [{"role": "user", "content": "the code is ACME-12345678"}]}
    assert (await one.post(body, headers=HEADERS)).status == status
    await ended(saver)
    (path,) = files(tmp_path)
    text = path.read_text()
    assert "ACME-1" not in text
    assert shown is None or shown in text


CHAT: dict[str, Any] = {
    "model": "gpt-x",
    "seed": 7,
    "top_logprobs": 2,
    "metadata": {"ticket": "ACME-1"},
    "messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": f"my key is {KEY}"}],
}
CHAT_FILTERS = [
    ("none", "", True),
    ("one that tags", "[{name: codes, action: tag, patterns: [{regex: 'ACME-[0-9]'}, {regex: brief}]}]", True),
    ("one that finds nothing", "[{name: codes, action: redact, patterns: [{regex: 'BCME-[0-9]'}]}]", True),
    ("one that changed the request", "[{name: codes, action: redact, patterns: [{regex: brief}]}]", False),
    ("one that would cut what was lost", "[{name: codes, action: redact, patterns: [{regex: 'ACME-[0-9]'}]}]", False),
]


@pytest.mark.parametrize(
    ("filters", "as_sent"), [row[1:] for row in CHAT_FILTERS], ids=[row[0] for row in CHAT_FILTERS]
)
async def test_a_chat_request_is_saved_as_its_client_sent_it(tmp_path: Path, filters: str, as_sent: bool) -> None:
    """With what only its API has; but where a filter cuts something out, also of what is lost, it is saved as rules saw it."""
    one, saver = router_in(tmp_path, "true", filters=f"\nfilters: {filters}\n" if filters else "")
    await one.post(CHAT, path="/v1/chat/completions", headers=HEADERS)
    await ended(saver)
    (path,) = files(tmp_path)
    saved = json.loads(path.read_bytes())
    assert saved["path"] == ("chat/completions" if as_sent else "messages")
    hidden = [CHAT["messages"][0], {"role": "user", "content": "my key is sk-ant-***"}]
    assert (saved["request"] == {**CHAT, "messages": hidden}) is as_sent
    assert ("ACME" in path.read_text()) is as_sent
    assert (read_asked(path.read_bytes()).envelope.request.chat_only == {"seed": 7}) is as_sent


async def test_a_failed_exchange_is_saved_too(tmp_path: Path) -> None:
    """With what was tried and what was said."""
    one, saver = router_in(tmp_path, "true", Answer([b'{"error": {"message": "no"}}'], status=400, headers={}))
    assert (await one.post(BODY, headers=HEADERS)).status == 400
    await ended(saver)
    outcome = json.loads(files(tmp_path)[0].read_bytes())["outcome"]
    assert (outcome["outcome"], outcome["status"], len(outcome["attempts"])) == ("failed", 400, 1)


KEEPING = [
    ("all", 100, 100, 100, 5),
    ("by age", 100, 100, 4.5, 3),
    ("by number", 3, 100, 100, 2),
    ("by size", 9, 1, 99, 0),
]


@pytest.mark.parametrize(
    ("files", "megabytes", "days", "kept"), [row[1:] for row in KEEPING], ids=[row[0] for row in KEEPING]
)
async def test_old_files_go_and_foreign_ones_stay(
    tmp_path: Path, files: int, megabytes: int, days: float, kept: int
) -> None:
    """The oldest go first, by age, number and size; what is not named as ours is nobody's business."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    names = [f"202701{day:02d}T000000000Z-req_{day}.json" for day in (9, 10, 11, 12, 13)]
    for name in [*names, "mine.json"]:
        (folder / name).write_text("{}")
    (folder / names[4]).write_text("x" * 1_000_000)
    one, saver = router_in(
        tmp_path, f"{{folder: {folder}, maxFiles: {files}, maxMegabytes: {megabytes}, keepDays: {days}}}"
    )
    await one.post(BODY, headers=HEADERS)
    await ended(saver)
    left = sorted(path.name for path in folder.iterdir())
    assert (left[:-2], left[-2][:8], left[-1]) == (names[-kept:] if kept else [], "20270115", "mine.json")


async def test_one_file_that_cannot_be_deleted_keeps_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a folder that is named as ours; what a killed router had begun goes with the old ones, and it is said."""
    folder = tmp_path / "requests"
    (folder / "20200101T000000000Z-req_a.json").mkdir(parents=True)
    names = ["20200102T000000000Z-req_b.json", "20200103T000000000Z-req_c.json", "20200104T000000000Z-req_d.part"]
    for name in names:
        (folder / name).write_text("{}")
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path.name == names[1]:
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    one, saver = router_in(tmp_path)
    said: list[str] = []
    one.router.journal.write = lambda *words, **more: said.append(f"{words} {more}")  # type: ignore[method-assign]
    await one.post(BODY, headers=HEADERS)
    await ended(saver)
    left = sorted(path.name for path in folder.iterdir())
    assert left[:-1] == ["20200101T000000000Z-req_a.json", names[1]]
    assert [line for line in said if "old saved requests cannot be deleted" in line and "not permitted" in line]


async def test_no_text_is_too_long_to_be_redacted(tmp_path: Path) -> None:
    """Images pass as they are; what only begins as one does not."""
    one, saver = router_in(tmp_path)
    image = "iVBORw0KGgo" * 2000
    texts = [image, image + f" and {KEY}"]
    body = {**BODY, "messages": [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]}
    await one.post(body, headers=HEADERS)
    await ended(saver)
    content = json.loads(files(tmp_path)[0].read_text())["request"]["messages"][0]["content"]
    assert [block["text"] for block in content] == [image, image + " and sk-ant-***"]


async def test_a_full_disk_costs_no_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be made is said once."""
    (tmp_path / "requests").write_text("in the way")
    one, saver = router_in(tmp_path)
    assert (await one.post(BODY, headers=HEADERS)).status == 200
    await ended(saver)
    assert files(tmp_path) == []


async def test_nothing_is_kept_where_nothing_is_saved(tmp_path: Path) -> None:
    """No listener, no copy, no folder."""
    one, saver = router_in(tmp_path, "false")
    await one.post(BODY, headers=HEADERS)
    assert saver.listen not in one.router.listeners
    await ended(saver)
    assert list(tmp_path.iterdir()) == []


SETTINGS = [
    ("true", Saving()),
    ("false", None),
    ("{}", Saving()),
    ("{folder: /f, keepDays: 0.5, maxFiles: 3, maxMegabytes: 4}", Saving("/f", 0.5, 3, 4)),
]


@pytest.mark.parametrize(("written", "saving"), SETTINGS)
def test_settings_of_saving(written: str, saving: Saving | None) -> None:
    """A mapping says more than `true`."""
    built = checked(CONFIGURATION.format(saving=written)).built
    assert built is not None
    assert built.settings.debug.saving == saving


STREAM = b"""event: message_start
data: {"type": "message_start", "message": {"usage": {"input_tokens": 3}}}

data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "he"}}

data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "llo"}}

data: {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "T"}}

data: {"type": "content_block_delta", "index": 1, "delta": {"partial_json": "{\\"b\\": 1,"}}

data: {"type": "content_block_delta", "index": 1, "delta": {"partial_json": "\\"a\\": 2}"}}

data: {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}

"""
WHOLE = {
    "content": [{"type": "text", "text": "hello"}, {"type": "tool_use", "name": "T", "input": {"a": 2, "b": 1}}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 3, "output_tokens": 5},
}
HEARD = Said("hello", (("T", '{"a": 2, "b": 1}'),), "tool_use", {"input_tokens": 3, "output_tokens": 5})
CHUNKS = b"""data: {"choices": [{"delta": {"role": "assistant", "content": "he"}}], "usage": null}

data: {"choices": [{"delta": {"content": "llo"}}]}

data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "T", "arguments": ""}}]}}]}

data: {"choices": [{"delta": {"tool_calls": [{"index": 1, "function": {"name": "U", "arguments": "{}"}}]}}]}

data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{\\"a\\": 2}"}}]}}]}

data: {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}

data: {"choices": [], "usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}}

data: [DONE]

"""
COMPLETION = {
    "choices": [
        {
            "message": {
                "content": "hello",
                "tool_calls": [
                    {"id": "a", "function": {"name": "T", "arguments": '{"a":2}'}},
                    {"id": "b", "function": {"name": "U", "arguments": "{}"}},
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 3},
}
IN_CHAT = Said("hello", (("T", '{"a": 2}'), ("U", "{}")), "tool_calls", {"prompt_tokens": 3})
DAMAGED = b"""data: {"choices": [{"delta": {"tool_calls": [{"index": [1], "function": {"name": "T"}}]}}]}

"""
ANSWERS = [
    (STREAM, HEARD),
    (DAMAGED, Said(tools=(("T", "{}"),))),
    (json.dumps(WHOLE).encode(), HEARD),
    (b'{"error": {"type": "api_error", "message": "no"}}', Said(error="api_error: no")),
    (b'data: {"type": "error", "error": {"type": "api_error", "message": "no"}}\n\n', Said(error="api_error: no")),
    (CHUNKS, IN_CHAT),
    (json.dumps(COMPLETION).encode(), IN_CHAT),
    (b'data: {"choices": []}\n\ndata: {"error": {"type": "t", "message": "no"}}\n\n', Said(error="t: no")),
    (
        b'{"choices": [3, {"message": {"content": 3, "tool_calls": [{}], "function_call": {}}}]}',
        Said(tools=(("", "{}"),)),
    ),
    (b"", Said()),
    (b"<html>", Said()),
    (b'{"content": 3, "usage": [], "stop_reason": 5}', Said()),
]


@pytest.mark.parametrize(("body", "said"), ANSWERS)
def test_an_answer_says_the_same_streamed_or_not(body: bytes, said: Said) -> None:
    """Each row: bytes, and what they say."""
    assert said_in(body) == said


def test_differences_of_answers() -> None:
    """A line for each thing that differs, none where nothing does."""
    assert differences(HEARD, HEARD) == []
    assert differences(HEARD, Said("hello!", (), "end_turn", {"output_tokens": 5})) == [
        "text: 5 -> 6 characters",
        'tool calls: T({"a": 2, "b": 1}) -> none',
        "stop reason: tool_use -> end_turn",
        "input_tokens: 3 -> 0",
    ]


STATIC = """
providers:
  one: {type: static, settings: {models: [m], text: hello}}
  two: {type: static, settings: {models: [m], text: good day}}
routing: {defaultProvider: one}
"""


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved request in a folder with a configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(STATIC)
    reply = {"content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn", "usage": {"input_tokens": 1}}
    file = {
        "request": {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
        "headers": {"x-team": "red", "authorization": "sha256:01234567", "host": "elsewhere"},
        "decision": {"rule": "default"},
        "outcome": {"status": 200, "target": {"provider": "one", "model": "m"}},
        "reply": json.dumps(reply),
    }
    (tmp_path / "saved.json").write_text(json.dumps(file))
    return tmp_path


def test_a_replay_says_what_is_different(saved: Path) -> None:
    """To another target, under a configuration, without a router."""
    result = CliRunner().invoke(
        ccr, ["replay", "saved.json", "--config", "c.yaml", "--to", "two,m", "--format", "json"]
    )
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["status"], shown["target"], shown["text"]) == (200, "two,m", "good day")
    assert {"target: one,m -> two,m", "text: 5 -> 8 characters"} <= set(shown["differences"])


def test_a_replay_of_the_same_is_the_same(saved: Path) -> None:
    """But for what it counts."""
    result = CliRunner().invoke(ccr, ["replay", "saved.json", "--config", "c.yaml"])
    assert result.exit_code == 0, result.output
    assert "hello" in result.stdout
    assert "target:" not in result.stdout


FILTERED_CHAT = "a filter changed this chat request"
REPLAYED_CHATS = [
    ("as sent", "chat/completions", {"model": "m", "n": 1, "messages": [{"role": "user", "content": "hi"}]}, False),
    ("cut", "messages", {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}, True),
]


@pytest.mark.parametrize(
    ("path", "request_body", "cut"), [row[1:] for row in REPLAYED_CHATS], ids=[row[0] for row in REPLAYED_CHATS]
)
def test_a_chat_request_is_replayed_in_its_own_api(
    saved: Path, path: str, request_body: dict[str, Any], cut: bool
) -> None:
    """Answers in the same form are compared; of one that a filter changed it is said that it is not what was sent."""
    completion = {"choices": [{"message": {"content": "hello!"}, "finish_reason": "stop"}]}
    file = {
        "request": request_body,
        "path": path,
        "outcome": {"status": 200, "api": "chat", "target": {"provider": "one", "model": "m"}},
        "reply": json.dumps(completion),
    }
    (saved / "chat.json").write_text(json.dumps(file))
    result = CliRunner().invoke(ccr, ["replay", "chat.json", "--config", "c.yaml"])
    assert result.exit_code == 0, result.output
    assert ("stop reason stop" in result.stdout, "text: 6 -> 5 characters" in result.stdout) == (not cut, not cut)
    assert (FILTERED_CHAT in result.stdout) is cut


REFUSALS = [
    (["saved.json", "--to", "two"], 2, "--to is `provider,model`, not `two`"),
    (["saved.json", "--to", "tow,m", "--config", "c.yaml"], 2, "there is no provider `tow`; did you mean `two`?"),
    (["none.json"], 3, "none.json cannot be read"),
    (["c.yaml"], 3, "c.yaml: this is no JSON object"),
    (["saved.json", "--port", "1"], 1, "no router answers on 127.0.0.1:1"),
]


HAND_MADE: list[tuple[dict[str, Any], str]] = [
    ({"outcome": "x"}, "hand.json: `outcome` is an object where a router saved the file"),
    ({"decision": [1]}, "hand.json: `decision` is an object where a router saved the file"),
    ({"reply": {"content": []}}, "hand.json: `reply` is a text where a router saved the file"),
    ({"headers": {"x-a\r\nb": "1"}}, "hand.json: no header can be called `x-a\\u000d\\u000ab`"),
    ({"headers": {"": "1"}}, "hand.json: no header can be called ``"),
]


@pytest.mark.parametrize(("members", "said"), HAND_MADE)
def test_a_file_made_by_hand_is_refused_with_what_is_wrong(saved: Path, members: dict[str, Any], said: str) -> None:
    """Each row: what is otherwise than a router writes it."""
    file = json.loads((saved / "saved.json").read_text()) | members
    (saved / "hand.json").write_text(json.dumps(file))
    result = CliRunner().invoke(ccr, ["replay", "hand.json", "--config", "c.yaml"])
    assert (result.exit_code, said in result.stderr) == (3, True), result.output


def test_a_number_that_nobody_can_read_is_said(saved: Path) -> None:
    """It stands where a request is not looked into."""
    text = (saved / "saved.json").read_text().replace("200", "9" * 5000)
    (saved / "saved.json").write_text(text)
    result = CliRunner().invoke(ccr, ["replay", "saved.json", "--config", "c.yaml"])
    assert (result.exit_code, "a number in it is too long" in result.stderr) == (3, True), result.output


def test_no_file_and_no_model_steers_the_terminal(saved: Path) -> None:
    """What was saved, and what is answered now, is shown with its lines and nothing that a terminal obeys."""
    (saved / "c.yaml").write_text(STATIC.replace("hello", '"one\\n\\ttwo \\e]0;title\\a"'))
    events = ["content_block_start", "content_block_delta"]
    damaged = "".join(f'event: {name}\ndata: {{"type": "{name}", "index": [1]}}\n\n' for name in events)
    strange = {"outcome": {"status": "\ud800", "target": {"provider": "\x1b[2J"}}, "decision": {"rule": "\x9b31m"}}
    file = json.loads((saved / "saved.json").read_text()) | strange | {"reply": damaged + "\ud800"}
    (saved / "saved.json").write_text(json.dumps(file))
    for more in ([], ["--format", "json"]):
        result = CliRunner().invoke(ccr, ["replay", "saved.json", "--config", "c.yaml", *more])
        assert result.exit_code == 0, result.output
        assert not set("\x1b\x07\x9b") & set(result.stdout)
        assert "\\u001b[2J" in result.stdout
        assert more or "one\n\ttwo \\u001b]0;title\\u0007" in result.stdout


@pytest.mark.parametrize(("options", "status", "said"), REFUSALS)
def test_what_cannot_be_replayed_is_said(saved: Path, options: list[str], status: int, said: str) -> None:
    """Each row: options, the exit status, a part of what is said."""
    result = CliRunner().invoke(ccr, ["replay", *options])
    assert (result.exit_code, said in result.stderr) == (status, True), result.output
