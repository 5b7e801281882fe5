"""Bodies of Messages requests: what decodes, what is refused and with which words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decode_request import blocks_of, decode_request
from schemas.request import BadRequest, Block
from schemas.threads import asks_for_thread

HI = '"messages":[{"role":"user","content":"hi"}]'
BASE = '"model":"m","max_tokens":5,' + HI


def with_block(block: str) -> str:
    return (
        '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"user","content":['
        + block
        + "]}]}"
    )


REFUSED: list[tuple[str, str]] = [
    ("", "the request body is empty or cut: it is not valid JSON"),
    ("{", "the request body is empty or cut: it is not valid JSON"),
    ("[]", "the request body should be a JSON object"),
    ("null", "the request body should be a JSON object"),
    ("[" * 50_000, "the request body should be a JSON object"),
    ("{}", "model: Field required"),
    ("{" + HI + ',"max_tokens":5}', "model: Field required"),
    ('{"model":7}', "model: Input should be a valid string"),
    ('{"model":null}', "model: Input should be a valid string"),
    ('{"model":""}', "model: String should have at least 1 character"),
    ('{"model":"' + "m" * 1001 + '"}', "model: String should have at most 1000 characters"),
    ('{"model":"m"}', "messages: Field required"),
    ('{"model":"m","messages":{}}', "messages: Input should be a valid list"),
    ('{"model":"m",' + HI + "}", "max_tokens: Field required"),
    ('{"model":"m","max_tokens":null,' + HI + "}", "max_tokens: Field required"),
    ('{"model":"m","max_tokens":true,' + HI + "}", "max_tokens: Input should be a valid integer"),
    ('{"model":"m","max_tokens":1.5,' + HI + "}", "max_tokens: Input should be a valid integer"),
    ('{"model":"m","max_tokens":-1,' + HI + "}", "max_tokens: Input should be greater than or equal to 0"),
    ('{"model":"m","max_tokens":1' + "0" * 5000 + "," + HI + "}", "max_tokens: Integer value out of range"),
    ("{" + BASE + ',"model":"n"}', "model: Field given twice"),
    ('{"model":"n",' + BASE + "}", "model: Field given twice"),
    ("{" + BASE + ',"model":"m"}', "model: Field given twice"),
    ('{"\\u006dodel":"n",' + BASE + "}", "model: Field given twice"),
    ('{"max_tokens":50,' + BASE + "}", "max_tokens: Field given twice"),
    ("{" + BASE + ',"stream":1}', "stream: Input should be a valid boolean"),
    ("{" + BASE + ',"stream":"true"}', "stream: Input should be a valid boolean"),
    ("{" + BASE + ',"temperature":"1"}', "temperature: Input should be a valid number"),
    ("{" + BASE + ',"temperature":1e999}', "temperature: Number out of range"),
    ("{" + BASE + ',"top_k":"1"}', "top_k: Input should be a valid integer"),
    ("{" + BASE + ',"stop_sequences":"x"}', "stop_sequences: Input should be a valid list"),
    ("{" + BASE + ',"stop_sequences":["x",1]}', "stop_sequences.1: Input should be a valid string"),
    ("{" + BASE + ',"thinking":true}', "thinking: Input should be a valid dictionary"),
    ("{" + BASE + ',"tool_choice":"auto"}', "tool_choice: Input should be a valid dictionary"),
    ("{" + BASE + ',"metadata":[]}', "metadata: Input should be a valid dictionary"),
    ("{" + BASE + ',"system":7}', "system: Input should be a valid string or list"),
    ("{" + BASE + ',"system":[{"type":"text"}]}', "system.0.text: Field required"),
    ("{" + BASE + ',"tools":{}}', "tools: Input should be a valid list"),
    ("{" + BASE + ',"tools":[{"name":"a"},{"name":3}]}', "tools.1.name: Input should be a valid string"),
    ("{" + BASE + ',"x":NaN}', "the request body is not valid JSON: invalid character (byte 76)"),
    ("{" + BASE + ',"x":' + "[" * 50_000 + "}", "the request body is nested too deeply"),
    ('{"model":"m","max_tokens":1,"messages":[{"content":"x"}]}', "messages.0.role: Field required"),
    ('{"model":"m","max_tokens":1,"messages":[{"role":"user"}]}', "messages.0.content: Field required"),
    (
        '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":null}]}',
        "messages.0.content: Input should be a valid string or list",
    ),
    (with_block('{"type":"text","text":3}'), "messages.1.content.0.text: Input should be a valid string"),
    (with_block('{"type":"text"}'), "messages.1.content.0.text: Field required"),
    (with_block('{"type":"x"},{"type":1}'), "messages.1.content.1.type: Input should be a valid string"),
    (with_block('"bare"'), "messages.1.content.0: Input should be a valid dictionary"),
    (with_block('{"type":"tool_use","name":"a"}'), "messages.1.content.0.id: Field required"),
    (with_block('{"type":"tool_use","id":"a"}'), "messages.1.content.0.name: Field required"),
    (
        with_block('{"type":"tool_use","id":"a","name":"b","input":"{}"}'),
        "messages.1.content.0.input: Input should be a valid dictionary",
    ),
    (with_block('{"type":"tool_result","content":"x"}'), "messages.1.content.0.tool_use_id: Field required"),
    (with_block('{"type":"image","source":"x"}'), "messages.1.content.0.source: Input should be a valid dictionary"),
    (with_block('{"type":"thinking","signature":""}'), "messages.1.content.0.thinking: Field required"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED, ids=range(len(REFUSED)))
def test_a_wrong_body_is_refused_with_its_place(body: str, message: str) -> None:
    """Wrong types of known fields are refused in the vendor's words, naming the place."""
    with pytest.raises(BadRequest) as refusal:
        decode_request(body.encode())
    assert str(refusal.value) == message


ACCEPTED: list[str] = [
    "{" + BASE + ',"thread_color":"blue","safeguards":[{"x":[1]}],"big":' + "9" * 6000 + ',"e":1e999}',
    "{" + BASE + ',"system":null,"tools":null,"stream":null,"thinking":null,"stop_sequences":null}',
    "{" + BASE + ',"tools":[],"tool_choice":{"type":"surprise"}}',
    '{"model":"m","max_tokens":0,"messages":[]}',
    '{"model":"m","max_tokens":1,"messages":[{"role":"system","content":[]},{"role":"critic","content":""}]}',
    with_block('{"type":"brand_new","text":7,"id":{}},{},{"type":"tool_use","id":"a","name":"b"}'),
    with_block('{"type":"thinking","thinking":"no signature"}'),
    '\n { "model" : "m" ,\t"max_tokens": 1, "messages" : [ ] }\r\n',
]


@pytest.mark.parametrize("body", ACCEPTED, ids=range(len(ACCEPTED)))
def test_what_is_new_or_odd_is_not_refused(body: str) -> None:
    """Unknown fields, block types and roles, nulls, empty content and any white space are accepted."""
    request = decode_request(body.encode())
    assert request.model == "m"
    assert request.raw == body.encode()


def test_a_count_needs_no_max_tokens() -> None:
    """`max_tokens` is required of a message and not of a count."""
    assert decode_request(('{"model":"m",' + HI + "}").encode(), "count_tokens").max_tokens is None


def test_system_is_a_list_in_either_form() -> None:
    """A string `system` is one text block."""
    request = decode_request(("{" + BASE + ',"system":"be brief"}').encode())
    assert request.system == (Block(type="text", text="be brief"),)


def test_not_utf8_is_refused() -> None:
    """Bytes that are no UTF-8 are named by their place."""
    with pytest.raises(BadRequest, match=r"not valid UTF-8 \(byte 6\)"):
        decode_request(b'{"a":"\xff"}')


@pytest.mark.parametrize(
    ("content", "seen", "replaced"),
    [
        (rb"a\ud800b", "a�b", 1),
        (rb"a\uDFFFb", "a�b", 1),
        (rb"\ud800\ud800", "��", 2),
        (rb"\udc00\ud83d\ude00\ud83d", "�\U0001f600�", 2),
        (rb"\\ud800 \ud83d\ude00", "\\ud800 \U0001f600", 0),
        (rb"\\\ud800\"", '\\�"', 1),
        (b"a\xed\xa0\x80b", "a�b", 1),
    ],
)
def test_lone_surrogates_are_replaced_and_counted(content: bytes, seen: str, replaced: int) -> None:
    """A lone surrogate, escaped or encoded, becomes U+FFFD and is counted; the body as received stays."""
    body = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"' + content + b'"}]}'
    request = decode_request(body)
    assert request.messages[0].content == seen
    assert request.replaced_surrogates == replaced
    assert request.raw == body


@given(st.lists(st.sampled_from(["d800", "dbff", "dc00", "DFFF", "0041", "d83d", "de00"]), max_size=6))
def test_no_surrogate_survives(escapes: list[str]) -> None:
    """Whatever escapes a string holds, what is decoded is valid Unicode."""
    text = "".join("\\u" + escape for escape in escapes)
    body = f'{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"{text}"}}]}}'
    content = decode_request(body.encode()).messages[0].content
    assert isinstance(content, str)
    content.encode()


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_request_or_a_bad_request(body: bytes) -> None:
    """Nothing but `BadRequest` is ever raised."""
    for candidate in (body, b"{" + BASE.encode() + b',"x":' + body + b"}"):
        try:
            decode_request(candidate)
        except BadRequest:
            continue


@pytest.mark.parametrize(
    ("content", "types"),
    [
        ("text", ["text"]),
        (None, []),
        ([], []),
        ([{"type": "text", "text": "a"}, {"type": "image", "source": {}}], ["text", "image"]),
        ({"type": "text", "text": "one object"}, ["text"]),
        (["a", 7, None, ["x"]], ["text", "text", "text", "text"]),
        ([{"type": 7, "input": {"a": 1}}, {}], ["text", "text"]),
    ],
)
def test_nested_content_of_any_form_is_blocks(content: object, types: list[str]) -> None:
    """A string, a list, one object, null and lists with scalars all become blocks."""
    assert [block.type for block in blocks_of(content)] == types


@pytest.mark.parametrize(
    ("thread", "asks"),
    [({"type": "create"}, True), ({"type": "continue", "previous_message_id": "msg_1"}, True), (None, False)],
)
def test_server_held_threads_are_recognised(thread: object, asks: bool) -> None:
    """A `thread` member asks for a history that the server holds."""
    body = {"model": "m", "max_tokens": 1, "messages": [], "thread": thread}
    assert asks_for_thread(decode_request(json.dumps(body).encode())) is asks
