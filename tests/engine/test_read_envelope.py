"""Requests in files: a bare body or an envelope around one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.read_envelope import BadEnvelope, moment_of, read_asked, read_envelope, requests_in
from schemas.request import BadRequest

BODY = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}


def read(value: Any) -> Any:
    return read_envelope(json.dumps(value).encode())


def test_from_a_bare_body_everything_around_is_missing_or_unknown() -> None:
    """Headers, address and key are missing, time and state unknown."""
    one = read(BODY)
    assert (one.path, one.headers, one.client_ip, one.client_key, one.now, one.provider_state) == ("messages",) + (
        None,
    ) * 5


def test_an_envelope_says_what_came_around() -> None:
    """Header names lose their case; states are by provider, whatever dots its name has."""
    one = read(
        {
            "request": {name: value for name, value in BODY.items() if name != "max_tokens"},
            "headers": {"X-Team": "Blue"},
            "path": "count_tokens",
            "clientIp": "::1",
            "clientKey": "ci",
            "now": "2026-01-05T09:00:00Z",
            "state": {"provider.a.b.health": "down", "provider.a.b.inflight": 3},
        }
    )
    assert one.headers == {"x-team": "Blue"}
    assert (one.path, one.client_ip, one.client_key, one.now) == ("count_tokens", "::1", "ci", 1767603600.0)
    assert one.provider_state == {"a.b": {"health": "down", "inflight": 3}}


STATES: list[tuple[dict[str, Any], Any, Any]] = [
    ({"budget.the.month.state": "half"}, None, {"the.month": "half"}),
    ({"budget.m.state": "ok", "provider.a.health": "up"}, {"a": {"health": "up"}}, {"m": "ok"}),
    ({}, {}, None),
]


@pytest.mark.parametrize(("state", "providers", "budgets"), STATES)
def test_states_are_of_providers_and_of_budgets(state: dict[str, Any], providers: Any, budgets: Any) -> None:
    """What nobody says of one kind stays unknown."""
    one = read({"request": BODY, "state": state})
    assert (one.provider_state, one.budget_state) == (providers, budgets)


def test_what_a_saved_request_has_besides_is_passed_over() -> None:
    """A file that the router saved is an envelope too."""
    one = read({"request": BODY, "decision": {}, "upstreamRequest": None, "outcome": {}, "timing": {}, "reply": "x"})
    assert one.request.model == BODY["model"]


MOMENTS: list[tuple[Any, float]] = [
    (5, 5.0),
    (5.5, 5.5),
    ("1970-01-01T00:01", 60.0),
    ("1970-01-01T01:01+01:00", 60.0),
    ("1970-01-02", 86_400.0),
]


@pytest.mark.parametrize(("written", "seconds"), MOMENTS)
def test_a_moment_is_seconds_or_iso(written: Any, seconds: float) -> None:
    """Each row: a moment and its seconds since 1970, in UTC where it names no zone."""
    assert moment_of(written) == seconds


WRONG: list[tuple[Any, str]] = [
    ([], "no JSON object"),
    ({}, "neither a body"),
    ({"request": BODY, "header": {}}, "did you mean `headers`?"),
    ({"request": BODY, "path": "chat"}, "`path` is one of"),
    ({"request": BODY, "headers": []}, "`headers` is an object of texts"),
    ({"request": BODY, "headers": {"A": "1", "a": "2"}}, "`headers` has a name twice"),
    ({"request": BODY, "headers": {"a": 1}}, "`headers` is an object of texts"),
    ({"request": BODY, "clientIp": 1}, "`clientIp` is a text"),
    ({"request": BODY, "now": "soon"}, "`now` is seconds since 1970"),
    ({"request": BODY, "now": True}, "`now` is seconds since 1970"),
    ({"request": BODY, "now": 1e300}, "`now` is between the years"),
    ({"request": BODY, "now": "0001-01-01"}, "`now` is between the years"),
    ({"request": BODY, "state": []}, "`state` is an object"),
    ({"request": BODY, "state": {"provider.a.health": "fine"}}, "(up, degraded, down)"),
    ({"request": BODY, "state": {"provider.a.inflight": True}}, "`state` has"),
    ({"request": BODY, "state": {"provider.a.inflight": -1}}, "`state` has"),
    ({"request": BODY, "path": 3}, "`path` is one of"),
    ({"request": BODY, "state": {"provider.a.health": 3}}, "`state` has"),
    ({"request": BODY, "state": {"budget.month.state": "broke"}}, "`state` has"),
    ({"request": BODY, "state": {"budget..state": "ok"}}, "`state` has"),
    ({"request": BODY, "state": {"provider..health": "up"}}, "`state` has"),
    ({"request": BODY, "state": {"a.health": "up"}}, "`state` has"),
]


@pytest.mark.parametrize(("value", "message"), WRONG, ids=[row[1] for row in WRONG])
def test_a_wrong_envelope_says_what_is_wrong(value: Any, message: str) -> None:
    """Each row: something else and what is said of it."""
    with pytest.raises(BadEnvelope) as wrong:
        read(value)
    assert message in str(wrong.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "this is empty, where a request was expected"),
        (b" \n", "this is empty, where a request was expected"),
        (b"[1]", "this is no JSON object: it is JSON of another kind"),
        (b'{"model": ', "this is no JSON object: it is cut off"),
        (b'{"model": x}', "this is no JSON object: invalid character (byte 10)"),
        (b"[" * 100_000, "this is no JSON object: it is JSON of another kind"),
        (b'{"request": ' * 100_000, "this is no JSON object: it is nested too deeply"),
    ],
)
def test_a_text_that_is_no_request_says_why(text: bytes, message: str) -> None:
    """Each row: a text and what is said of it, in nobody's words but ours."""
    with pytest.raises(BadEnvelope) as wrong:
        read_asked(text)
    assert str(wrong.value) == message


CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
APIS: list[tuple[Any, str]] = [
    (BODY, "messages"),
    ({"request": BODY, "path": "/v1/messages"}, "messages"),
    ({"request": CHAT, "path": "/v1/messages/count_tokens"}, "count_tokens"),
    ({"request": BODY, "path": "chat/completions"}, "chat/completions"),
    (CHAT, "chat/completions"),
    ({**BODY, "max_completion_tokens": 5}, "chat/completions"),
    ({**BODY, "messages": [{"role": "developer", "content": "be brief"}]}, "chat/completions"),
    ({**BODY, "tools": [{"type": "function", "function": {"name": "f"}}]}, "chat/completions"),
    (
        {
            **BODY,
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}
            ],
        },
        "chat/completions",
    ),
    ({**BODY, "tools": [{"name": "function", "input_schema": {}}]}, "messages"),
]


@pytest.mark.parametrize(("value", "api"), APIS)
def test_the_api_of_a_body_is_named_or_seen(value: Any, api: str) -> None:
    """Each row: a request and the endpoint it is for; Chat Completions is seen by what only such a body has."""
    assert read_asked(json.dumps(value).encode()).api == api


def test_a_lone_surrogate_is_read_as_the_server_reads_it() -> None:
    """In a bare body and in an envelope."""
    bare = json.dumps(BODY).replace('"hi"', '"\\ud800"').encode()
    assert read_envelope(bare).request.messages[0].content == "\ufffd"
    assert read_envelope(b'{"request": ' + bare + b"}").request.messages[0].content == "\ufffd"


def test_what_saved_requests_say_besides_is_allowed() -> None:
    """Decision, outcome and timing of a saved exchange do not make another request of it."""
    about = {"decision": {}, "upstreamRequest": {}, "outcome": {}, "timing": {}, "savedBy": "ccr"}
    assert read({"request": BODY, **about}) == read({"request": BODY})


def test_a_chat_request_is_read_as_the_server_reads_it() -> None:
    """Without the headers that only its vendor reads; what a Messages request has no place for is listed."""
    shape = {"request": {**CHAT, "seed": 3, "logprobs": True}, "headers": {"X-Stainless-OS": "x", "x-team": "a"}}
    asked = read_asked(json.dumps(shape).encode())
    assert asked.envelope.headers == {"x-team": "a"}
    assert [one.field for one in asked.lost] == ["logprobs"]
    assert asked.envelope.request.chat_only == {"seed": 3}


ONE = json.dumps(BODY).encode()
FILES: list[tuple[bytes, bool, list[int | None]]] = [
    (ONE, False, [None]),
    (json.dumps(BODY, indent=2).encode(), False, [None]),
    (ONE + b"\n\n" + ONE + b"\r\n", False, [1, 3]),
    (ONE + b"\n{broken", False, [1, 2]),
    (ONE, True, [1]),
    (b"", False, [None]),
    (b"", True, []),
]


@pytest.mark.parametrize(("data", "lines", "places"), FILES)
def test_a_file_holds_one_request_or_one_on_each_line(data: bytes, lines: bool, places: list[int | None]) -> None:
    """Each row: a file, whether its name says JSON lines, and the lines of its requests."""
    assert [place for place, _ in requests_in(data, lines=lines)] == places


@pytest.mark.parametrize("value", [{"messages": []}, {"request": {"model": 3}}])
def test_a_wrong_body_is_what_the_server_would_refuse(value: Any) -> None:
    """The body inside is decoded as the server decodes it."""
    with pytest.raises(BadRequest):
        read(value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_json_are_said_so(data: bytes) -> None:
    """Any bytes give an envelope or one of the two errors."""
    with pytest.raises(BadEnvelope):
        read_envelope(data)
