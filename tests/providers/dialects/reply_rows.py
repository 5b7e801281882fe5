"""What rows of a table say of replies, checked for any dialect.

A row says what it shows (`says`), and of the request: `tools`, `server_tools`, `stop_sequences`, `tool_names`.
Expected: `content`, `stop`, `sequence`, `usage` (members left out are not checked), `fixes`, `lost`; or `fault` (a kind) and `started`.
`streamed_inputs` are the JSON texts of the calls where they are no objects; `whole_lost` and `whole_fault` hold for the whole form alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
from ruamel.yaml import YAML

from providers.dialects.seams import Decoder
from providers.reply import Summary
from tests.fakes.grammar_check import events_of
from tests.fakes.official_sdk import accumulated, parsed
from tests.fakes.replies import streamed, whole
from tests.fakes.stream_reader import check_grammar

TABLES = Path(__file__).resolve().parents[2] / "tables"
Row = dict[str, Any]


def rows_in(folder: str) -> list[Any]:
    """The rows of all tables in `tests/tables/<folder>`, as pytest's parameters."""
    yaml = YAML(typ="safe", pure=True)
    rows = [(path.stem, row) for path in sorted((TABLES / folder).glob("*.yaml")) for row in yaml.load(path)]
    return [pytest.param(row, id=f"{stem}: {row['says']}") for stem, row in rows]


def check_streamed(new_decoder: Callable[[], Decoder], body: bytes, row: Row) -> None:
    """Streamed, the row gives its content, stop, usage and fixes (as the official SDK reads them), or its fault."""
    came = streamed(new_decoder, body, **_request_of(row))
    assert came.started == row.get("started", "fault" not in row)
    if "fault" in row:
        assert came.fault is not None
        assert came.fault.kind.name == row["fault"]
        assert row.get("message", "") in came.fault.message
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


def check_whole(new_decoder: Callable[[], Decoder], body: bytes, row: Row) -> None:
    """Not streamed, the same row gives the same content, stop and usage, or the same fault."""
    came = whole(new_decoder, body, **_request_of(row))
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


def _request_of(row: Row) -> dict[str, Any]:
    return {"declared_tools": row.get("tools", ()), "tool_names": row.get("tool_names")}


def _inputs_in(stream: bytes) -> list[str]:
    inputs: dict[int, str] = {}
    for event in events_of(stream):
        if event["type"] == "content_block_delta" and event["delta"]["type"] == "input_json_delta":
            inputs[event["index"]] = inputs.get(event["index"], "") + event["delta"]["partial_json"]
    return list(inputs.values())


def _check_summary(summary: Summary, row: Row) -> None:
    assert summary.stop_reason == row["stop"]
    assert list(summary.fixes) == row.get("fixes", [])
    assert list(summary.lost) == row.get("lost", [])
    for name, count in row.get("usage", {}).items():
        assert getattr(summary.usage, name) == count, name
    names = [block["name"] for block in row.get("content", ()) if block["type"] == "tool_use"]
    assert "streamed_inputs" in row or list(summary.tool_calls) == names
