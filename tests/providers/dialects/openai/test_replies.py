"""What becomes of a Chat Completions reply, streamed and whole; the rows are in `tests/tables/openai_replies/`.

A row: `says` what it shows; the answer as `stream` and `more` (chunks; `d` a delta, `f` its finish reason, `raw` text sent as it is;
`done: false` without `[DONE]`), `body` (JSON) or `bytes`; of the request `tools`, `server_tools`, `stop_sequences`, `tool_names`.
Expected: `content`, `stop`, `sequence`, `usage` (members left out are not checked), `fixes`, `lost`; or `fault` (a kind) and `started`.
`streamed_inputs` are the JSON texts of the calls where they are no objects; `whole_lost` and `whole_fault` hold for the whole form alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic
import pytest
from ruamel.yaml import YAML

from providers.dialects.seams import Decoder
from tests.fakes.cuts import same_at_every_cut
from tests.fakes.grammar_check import events_of
from tests.fakes.official_sdk import accumulated, parsed
from tests.fakes.replies import ask_of, chunk, openai_decoder, sse, streamed, whole
from tests.fakes.stream_reader import check_grammar

TABLES = Path(__file__).resolve().parents[3] / "tables" / "openai_replies"
Row = dict[str, Any]


def _rows() -> list[Any]:
    yaml = YAML(typ="safe", pure=True)
    rows = [(path.stem, row) for path in sorted(TABLES.glob("*.yaml")) for row in yaml.load(path)]
    return [pytest.param(row, id=f"{stem}: {row['says']}") for stem, row in rows]


def _expanded(one: Row) -> Any:
    if "raw" in one:
        return one["raw"]
    if "d" in one:
        return chunk(one["d"], one.get("f"), **{key: value for key, value in one.items() if key not in ("d", "f")})
    return one


def _body(row: Row) -> bytes:
    if "bytes" in row:
        return str(row["bytes"]).encode()
    if "body" in row:
        return json.dumps(row["body"]).encode()
    return sse([_expanded(one) for one in [*row["stream"], *row.get("more", ())]], row.get("done", True))


def _decoder(row: Row) -> Decoder:
    ask = ask_of(row.get("tools", ()), row.get("stop_sequences", ()), row.get("server_tools", ()))
    return openai_decoder(ask, row.get("content_type", "text/event-stream"), row.get("tool_names"))


@pytest.mark.parametrize("row", _rows())
def test_a_streamed_reply_is_what_its_row_says(row: Row) -> None:
    """Streamed, every row gives its content, stop, usage and fixes (as the official SDK reads them), or its fault."""
    came = streamed(lambda: _decoder(row), _body(row))
    assert came.started == row.get("started", "fault" not in row)
    if "fault" in row:
        assert came.fault is not None
        assert came.fault.kind.name == row["fault"]
        if came.started:
            assert check_grammar(events_of(came.data)) == "error"
            with pytest.raises(anthropic.APIStatusError):
                accumulated(came.data)
        return
    assert came.fault is None
    assert check_grammar(events_of(came.data)) == "stop"
    if "streamed_inputs" in row:
        assert _inputs_in(came.data) == row["streamed_inputs"]
    else:
        message = accumulated(came.data)
        assert message["content"] == row["content"]
        assert (message["stop_reason"], message.get("stop_sequence")) == (row["stop"], row.get("sequence"))
    _check_summary(came.summary, row)


@pytest.mark.parametrize("row", _rows())
def test_a_whole_reply_is_what_its_row_says(row: Row) -> None:
    """The same rows, not streamed, give the same content, stop and usage, or the same fault."""
    came = whole(lambda: _decoder(row), _body(row))
    fault = row.get("whole_fault", row.get("fault"))
    if fault is not None:
        assert came.fault is not None
        assert came.fault.kind.name == fault
        return
    assert came.fault is None
    message = parsed(came.data)
    assert message["content"] == row["content"]
    assert (message["stop_reason"], message.get("stop_sequence")) == (row["stop"], row.get("sequence"))
    assert (message["id"], message["model"], message["role"]) == ("msg_1", "claude-test", "assistant")
    _check_summary(came.summary, row | {"lost": row.get("whole_lost", row.get("lost", []))})


@pytest.mark.parametrize("row", _rows())
def test_parts_do_not_depend_on_the_cut(row: Row) -> None:
    """The decoder alone gives the same parts for every cut, and exactly one end."""
    same_at_every_cut(lambda: _decoder(row), _body(row))


def _inputs_in(stream: bytes) -> list[str]:
    inputs: dict[int, str] = {}
    for event in events_of(stream):
        if event["type"] == "content_block_delta" and event["delta"]["type"] == "input_json_delta":
            inputs[event["index"]] = inputs.get(event["index"], "") + event["delta"]["partial_json"]
    return list(inputs.values())


def _check_summary(summary: Any, row: Row) -> None:
    assert summary.stop_reason == row["stop"]
    assert list(summary.fixes) == row.get("fixes", [])
    assert list(summary.lost) == row.get("lost", [])
    for name, count in row.get("usage", {}).items():
        assert getattr(summary.usage, name) == count, name
    names = [block["name"] for block in row.get("content", ()) if block["type"] == "tool_use"]
    assert "streamed_inputs" in row or list(summary.tool_calls) == names
