"""Events that go to the client in the moment they arrive: the same bytes as through the exchange, whatever the client does."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest

from engine.http.quoting import line_of
from tests.engine.http.test_server import asked, request, rest_of, serving, unchunked
from tests.engine.test_exchange import ASK, ONE, STREAM
from tests.fakes.cuts import cuts_of
from tests.fakes.gateway import Answer, in_process, streamed
from tests.fakes.stream_reader import check_grammar, content_of, events_in

pytestmark = pytest.mark.integration

MANY = b"".join(streamed({"role": "assistant"}, *({"content": f"line {number}\n"} for number in range(40))))
_ID = re.compile(rb'"id":"msg_[0-9a-f]+"')


def without_id(body: bytes) -> bytes:
    return _ID.sub(b"", body)


async def test_any_cut_gives_the_client_the_same_bytes() -> None:
    """As they come through the exchange, which a client in the same process waits for."""
    expected = without_id((await in_process(ONE, {"up": [Answer([MANY])]}).post(STREAM)).body)
    cuts = list(cuts_of(MANY))
    async with serving(*map(Answer, cuts)) as (one, _, port):
        for _ in cuts:
            reader, writer = await asked(port, STREAM, close=True)
            assert without_id(unchunked(await rest_of(reader))) == expected
            writer.close()
        assert one.transports["up"].taken > 0
        assert one.router.counters.open_exchanges == 0


async def test_a_client_that_falls_behind_gets_every_event_in_order() -> None:
    """What it does not take waits in the exchange, and the upstream with it; once it reads, events go straight on again."""
    lines = [f"{number:07} " * 5_000 for number in range(250)]
    pieces = streamed({"role": "assistant"}, *({"content": line} for line in lines))
    go = asyncio.Event()
    loop = asyncio.get_running_loop()
    body = bytearray()
    async with serving(Answer(pieces, until=(len(pieces) - 20, go))) as (one, _, port):
        upstream = one.transports["up"]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, request(STREAM, close=True))
            while not upstream.given_back:
                await asyncio.sleep(0.001)
            before = upstream.taken
            go.set()
            while data := await loop.sock_recv(client, 1 << 20):
                body += data

        events = list(events_in(unchunked(bytes(body))))
        check_grammar(events)
        assert content_of(events)[0]["text"] == "".join(lines)
        assert 0 < before < upstream.taken


async def test_an_upstream_that_ends_and_does_not_close_holds_no_client_up() -> None:
    """The exchange is woken for the reply's end, and needs no further byte for that."""
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
    *events, done = streamed({"role": "assistant"}, {"content": "hello"})
    async with serving(Answer([*events, usage, done], hang=True)) as (one, _, port):
        reader, writer = await asked(port, STREAM, close=True)
        assert b"event: message_stop" in await rest_of(reader)
        writer.close()
        assert one.transports["up"].closed == 1


async def test_a_break_behind_such_events_is_told() -> None:
    """A cut after events that nobody was woken for ends the stream in an error, as any cut does."""
    cut = streamed({"role": "assistant"}, {"content": "hel"}, {"content": "lo"}, finish=None)
    async with serving(Answer(cut, fault="cut")) as (one, _, port):
        reader, writer = await asked(port, STREAM, close=True)
        body = unchunked(await rest_of(reader))
        writer.close()
        assert body.rpartition(b"event: ")[2].startswith(b"error")
        assert one.transports["up"].taken > 0


def head_lines(raw: bytes) -> list[bytes]:
    """The status and the header lines of an answer without those that differ with each."""
    lines = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    passing = (b"request-id:", b"date:", b"connection:")
    return [lines[0], *sorted(line for line in lines if not line.lower().startswith((*passing, b"http/")))]


@pytest.mark.parametrize("body", [ASK, STREAM, {"model": "m"}], ids=["whole", "streamed", "refused"])
async def test_a_head_is_the_same_whether_the_connection_goes_on_or_not(body: dict[str, object]) -> None:
    """Put together from lines that are ready, or by the server, which is asked where the connection ends."""
    async with serving(Answer([MANY]), Answer([MANY])) as (_, _, port):
        heads = []
        for close in (False, True):
            reader, writer = await asked(port, body, close)
            async with asyncio.timeout(5):
                raw = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            assert (b"connection: close" in raw) is close
            assert raw.count(b"\r\nrequest-id: req_") == raw.count(b"\r\ndate: ") == 1
            heads.append(head_lines(raw))
        assert heads[0] == heads[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", "a\r\nset-cookie: b"), ("x", "a\nb"), ("x", "\0"), ("x: y\r\nz", "a"), ("", "a"), ("x y", "a"), ("ü", "a")],
)
def test_what_would_be_more_than_one_header_is_not_written(name: str, value: str) -> None:
    """Whoever let it come so far: the answer fails instead."""
    with pytest.raises(ValueError, match="would be no header"):
        line_of(name, value)


def test_a_header_is_written_in_latin_1() -> None:
    """As it was read."""
    assert line_of("x-up", "caf\xe9\ttab") == b"x-up: caf\xe9\ttab\r\n"
