"""What becomes of a Chat Completions reply, streamed and whole; the rows are in `tests/tables/openai_replies/`.

A row (see `reply_rows`) has the answer as `stream` and `more` (chunks; `d` a delta, `f` its finish reason, `raw` text sent as it is;
`done: false` without `[DONE]`), `body` (JSON) or `bytes`; and the provider's `settings`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.seams import Decoder
from tests.fakes.cuts import same_at_every_cut
from tests.fakes.replies import ask_of, chunk, openai_decoder, sse
from tests.providers.dialects.reply_rows import Row, check_streamed, check_whole, rows_in

ROWS = rows_in("openai_replies")


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
    ask = ask_of(row.get("tools", ()), row.get("stop_sequences", ()), row.get("server_tools", ()), row.get("settings"))
    return openai_decoder(ask, row.get("content_type", "text/event-stream"), row.get("tool_names"))


@pytest.mark.parametrize("row", ROWS)
def test_a_streamed_reply_is_what_its_row_says(row: Row) -> None:
    """Streamed, every row gives its content, stop, usage and fixes (as the official SDK reads them), or its fault."""
    check_streamed(lambda: _decoder(row), _body(row), row)


@pytest.mark.parametrize("row", ROWS)
def test_a_whole_reply_is_what_its_row_says(row: Row) -> None:
    """The same rows, not streamed, give the same content, stop and usage, or the same fault."""
    check_whole(lambda: _decoder(row), _body(row), row)


@pytest.mark.parametrize("row", ROWS)
def test_parts_do_not_depend_on_the_cut(row: Row) -> None:
    """The decoder alone gives the same parts for every cut, and exactly one end."""
    same_at_every_cut(lambda: _decoder(row), _body(row))
