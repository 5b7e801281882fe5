"""The transport against a real loopback server: what comes through, and what each fault becomes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from providers.spec import ConnectionPool, Timeouts
from providers.transport import HttpTransport
from providers.upstream import TransportFailed, UpstreamRequest
from tests.providers.raw_server import Call, RawServer, Script, chunked, raw_server, whole

PATIENT = Timeouts(connect_s=5.0, first_byte_s=5.0, idle_s=5.0)
HASTY = Timeouts(connect_s=5.0, first_byte_s=0.05, idle_s=0.05)

UNLIMITED = ConnectionPool()
TLS = Path(__file__).parent / "tls"


def post(server: RawServer, body: bytes = b"{}", path: str = "/v1/x") -> UpstreamRequest:
    return UpstreamRequest("POST", server.url + path, (("content-type", "application/json"),), body)


@asynccontextmanager
async def connected(
    script: Script, connections: ConnectionPool = UNLIMITED, hop: str | None = None
) -> AsyncIterator[tuple[RawServer, HttpTransport]]:
    async with raw_server(script) as server:
        transport = HttpTransport(connections, environment={}, hop=hop)
        try:
            yield server, transport
        finally:
            await transport.aclose()


async def body_of(transport: HttpTransport, request: UpstreamRequest, timeouts: Timeouts = PATIENT) -> bytes:
    response = await transport.send(request, timeouts)
    try:
        return b"".join([piece async for piece in response.chunks()])
    finally:
        await response.aclose()


async def kind_of_failure(transport: HttpTransport, request: UpstreamRequest, timeouts: Timeouts = PATIENT) -> str:
    with pytest.raises(TransportFailed) as failed:
        await body_of(transport, request, timeouts)
    return failed.value.error.kind.name


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (whole(b"hello"), b"hello"),
        (whole(b""), b""),
        (chunked(b"hel", b"lo"), b"hello"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + whole(b"hello"), b"hello"),
        (whole(gzip.compress(b"hello" * 99), "HTTP/1.1 200 OK", "content-encoding: gzip"), b"hello" * 99),
        (whole(zlib.compress(b"hello"), "HTTP/1.1 200 OK", "content-encoding: deflate"), b"hello"),
    ],
    ids=["length", "no-body", "chunked", "until-close", "http-1.0", "interim", "gzip", "deflate"],
)
async def test_body_arrives_whole_whatever_its_framing(answer: bytes, body: bytes) -> None:
    """Every framing and encoding of RFC 9112 that servers use gives the same body."""

    async def script(call: Call) -> None:
        await call.send(answer)
        if b"content-length" not in answer and b"chunked" not in answer:
            call.writer.close()

    async with connected(script) as (server, transport):
        assert await body_of(transport, post(server)) == body


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "cut"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "cut"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", "cut"),
        (chunked(b"hello", end=False), "cut"),
        (chunked(b"hello", end=False) + b"ff\r\nhel", "cut"),
        (b"SSH-2.0-OpenSSH\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "garbage"),
        (b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"a" * 70_000, "garbage"),
        (whole(b"not gzip at all", "HTTP/1.1 200 OK", "content-encoding: gzip"), "garbage"),
        (whole(gzip.compress(b"hello")[:-9], "HTTP/1.1 200 OK", "content-encoding: gzip"), "garbage"),
        (whole(b"x", "HTTP/1.1 200 OK", "content-encoding: zstd"), "garbage"),
    ],
    ids=[
        "closed-silently",
        "cut-in-head",
        "shorter-than-promised",
        "chunks-without-end",
        "cut-in-chunk",
        "not-http",
        "bad-chunk-size",
        "upgrade",
        "endless-header",
        "not-gzip",
        "gzip-cut",
        "unknown-encoding",
    ],
)
@pytest.mark.parametrize("ending", ["fin", "rst"])
async def test_faulty_answer_is_reported_by_kind(answer: bytes, kind: str, ending: str) -> None:
    """An answer that is cut or is no HTTP is an error of its kind, never a short body."""

    async def script(call: Call) -> None:
        await call.send(answer)
        if kind == "cut" and ending == "rst":
            call.reset()
        else:
            call.writer.close()

    async with connected(script) as (server, transport):
        assert await kind_of_failure(transport, post(server)) == kind
        assert "0 busy" in repr(transport)


async def test_refused_connection_is_a_connect_error() -> None:
    """Where nobody listens, the error is `connect` and names the place."""
    async with connected(lambda call: call.send(whole(b""))) as (server, transport):
        pass
    transport = HttpTransport(ConnectionPool(), environment={})

    with pytest.raises(TransportFailed) as failed:
        await transport.send(post(server), PATIENT)

    assert failed.value.error.kind.name == "connect"
    assert failed.value.error.message == f"no connection to {server.url}: refused"


async def test_want_of_open_files_is_nobody_elses_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is the router's own: the client hears `busy`, and no instance rests for it."""

    async def nothing_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async with connected(lambda call: call.send(whole(b""))) as (server, transport):
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", nothing_left)
        assert await kind_of_failure(transport, post(server)) == "busy"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", whole(b"hello")[:-1]], ids=["nothing", "head", "body"])
async def test_silence_is_a_timeout(said: bytes) -> None:
    """An upstream that hangs before, in or after its head is a `timeout`, and its connection is closed."""

    async def script(call: Call) -> None:
        await call.send(said)
        await asyncio.Event().wait()

    async with connected(script) as (server, transport):
        assert await kind_of_failure(transport, post(server), HASTY) == "timeout"
        assert "0 busy, 0 idle" in repr(transport)


async def test_total_limit_ends_an_answer_that_keeps_dripping() -> None:
    """`total` holds even while bytes still come."""

    async def script(call: Call) -> None:
        await call.send(chunked(b"x", end=False))
        while True:
            await call.send(b"1\r\nx\r\n")
            await asyncio.sleep(0.001)

    async with connected(script) as (server, transport):
        limited = Timeouts(connect_s=5.0, first_byte_s=5.0, idle_s=5.0, total_s=0.05)
        assert await kind_of_failure(transport, post(server), limited) == "timeout"


async def test_events_are_delivered_as_they_come() -> None:
    """Each piece can be read before the next one is sent."""
    go = asyncio.Event()

    async def script(call: Call) -> None:
        await call.send(chunked(b"one", end=False))
        await go.wait()
        await call.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async with connected(script) as (server, transport):
        response = await transport.send(post(server), PATIENT)
        pieces = response.chunks()
        assert await anext(pieces) == b"one"
        go.set()
        assert await anext(pieces) == b"two"
        with pytest.raises(StopAsyncIteration):
            await anext(pieces)


async def test_what_arrives_while_the_reader_waits_goes_to_its_tap() -> None:
    """The reader sleeps on, until the tap gives something back, be it nothing, or the body ends."""
    go = asyncio.Queue[bytes]()
    pieces: list[bytes] = []
    tapped: list[bytes] = []
    rests = {b"two": None, b"three": b"ee", b"four": None, b"five": b"", b"six": None}

    async def script(call: Call) -> None:
        await call.send(chunked(b"one", end=False))
        while piece := await go.get():
            await call.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        await call.send(b"0\r\n\r\n")

    def tap(data: bytes) -> bytes | None:
        tapped.append(data)
        return rests[data]

    async with connected(script) as (server, transport), asyncio.TaskGroup() as group:
        response = await transport.send(post(server), PATIENT)

        async def read() -> None:
            async for piece in response.chunks():
                response.tap(tap)
                pieces.append(piece)

        reading = group.create_task(read())
        while not pieces:
            await asyncio.sleep(0)
        for number, piece in enumerate(rests):
            go.put_nowait(piece)
            while len(tapped) <= number:
                await asyncio.sleep(0)
        go.put_nowait(b"")
        await reading

    assert tapped == list(rests)
    assert pieces == [b"one", b"ee", b""]


async def test_a_tap_never_sees_an_encoded_body() -> None:
    """It would have to undo the encoding: such a body goes to the reader."""

    async def script(call: Call) -> None:
        await call.send(whole(gzip.compress(b"hello"), "HTTP/1.1 200 OK", "content-encoding: gzip"))

    async with connected(script) as (server, transport):
        response = await transport.send(post(server), PATIENT)
        response.tap(lambda _: None)
        assert b"".join([piece async for piece in response.chunks()]) == b"hello"


async def test_connection_is_used_again() -> None:
    """Requests one after another share a connection; the body of each is its own."""

    async def script(call: Call) -> None:
        await call.send(whole(call.request[-3:]))

    async with connected(script) as (server, transport):
        bodies = [await body_of(transport, post(server, b"%03d" % number)) for number in range(5)]

        assert bodies == [b"000", b"001", b"002", b"003", b"004"]
        assert server.connections == 1
        assert repr(transport) == "<HttpTransport [0 busy, 1 idle, 0 opening | 0 waiting]>"


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (whole(b"hello", "HTTP/1.1 200 OK", "connection: close"), 2),
        (whole(b"hello") + b"junk", 2),
        (whole(b"hello"), 1),
    ],
    ids=["told-to-close", "junk-after-the-end", "kept"],
)
async def test_connection_is_not_used_again_where_it_cannot_be_trusted(answer: bytes, connections: int) -> None:
    """`connection: close` and bytes after the end retire a connection."""

    async def script(call: Call) -> None:
        await call.send(answer)

    async with connected(script) as (server, transport):
        for _ in range(2):
            assert await body_of(transport, post(server)) == b"hello"
        assert server.connections == connections


async def test_keep_alive_false_closes_after_each_answer() -> None:
    """`connectionPool.keepAlive: false` sends `connection: close` and keeps nothing."""

    async def script(call: Call) -> None:
        await call.send(whole(b"hello"))

    async with connected(script, ConnectionPool(keep_alive=False)) as (server, transport):
        for _ in range(2):
            await body_of(transport, post(server))
        assert server.connections == 2
        assert b"connection: close" in server.calls[0].request


async def test_request_is_sent_again_when_a_kept_connection_was_closed_under_it() -> None:
    """A kept connection that the server closes as we use it costs a new connection, not an error."""

    async def script(call: Call) -> None:
        if call.connection == 1 and len(call.request) > 200:
            call.reset()
        else:
            await call.send(whole(b"hello"))

    async with connected(script) as (server, transport):
        assert await body_of(transport, post(server)) == b"hello"
        assert await body_of(transport, post(server, b"x" * 200)) == b"hello"
        assert server.connections == 2


async def test_request_is_not_sent_again_once_an_answer_began() -> None:
    """After the first byte of an answer nothing is repeated, on a kept connection either."""

    async def script(call: Call) -> None:
        if len(call.request) > 200:
            await call.send(b"HTTP/1.1 200")
            call.reset()
        else:
            await call.send(whole(b"hello"))

    async with connected(script) as (server, transport):
        await body_of(transport, post(server))
        assert await kind_of_failure(transport, post(server, b"x" * 200)) == "cut"
        assert len(server.calls) == 2


async def test_connections_are_limited_and_waited_for_in_order() -> None:
    """`maxConnections` bounds what is open; a request waits for its turn."""
    running = most = 0

    async def script(call: Call) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        await call.send(whole(call.request[-2:]))

    async with connected(script, ConnectionPool(max_connections=2)) as (server, transport):
        bodies = await asyncio.gather(*(body_of(transport, post(server, b"%02d" % n)) for n in range(20)))

        assert bodies == [b"%02d" % n for n in range(20)]
        assert server.connections == 2
        assert most <= 2


async def test_waiting_for_a_connection_ends_with_busy() -> None:
    """Where no connection becomes free within `connectionPool.timeout`, the error is ours: `busy`."""

    async def script(call: Call) -> None:
        await asyncio.Event().wait()

    async with connected(script, ConnectionPool(max_connections=1, wait_s=0.02)) as (server, transport):
        async with asyncio.TaskGroup() as group:
            first = group.create_task(kind_of_failure(transport, post(server), Timeouts(first_byte_s=0.2)))
            second = group.create_task(kind_of_failure(transport, post(server)))
        assert (first.result(), second.result()) == ("timeout", "busy")
        assert "0 opening | 0 waiting" in repr(transport)


async def test_cancelled_wait_leaves_the_queue() -> None:
    """A client that goes away while waiting for a connection takes no place in the queue."""
    release = asyncio.Event()

    async def script(call: Call) -> None:
        await release.wait()
        await call.send(whole(b"hello"))

    async with connected(script, ConnectionPool(max_connections=1)) as (server, transport):
        first = asyncio.get_running_loop().create_task(body_of(transport, post(server)))
        second = asyncio.get_running_loop().create_task(body_of(transport, post(server)))
        third = asyncio.get_running_loop().create_task(body_of(transport, post(server)))
        while "2 waiting" not in repr(transport):
            await asyncio.sleep(0)
        second.cancel()
        release.set()
        assert await first == await third == b"hello"
        assert second.cancelled() or second.cancelling()
        await asyncio.gather(second, return_exceptions=True)


async def test_closing_an_unfinished_answer_stops_the_upstream() -> None:
    """`aclose` in the middle of an answer closes its connection at once, and may be called twice."""
    gone = asyncio.Event()

    async def script(call: Call) -> None:
        await call.send(chunked(b"one", end=False))
        await call.writer.wait_closed()
        gone.set()

    async with connected(script) as (server, transport):
        response = await transport.send(post(server), PATIENT)
        await response.aclose()
        await response.aclose()
        server.calls[0].writer.close()
        await asyncio.wait_for(gone.wait(), 5)
        assert "0 busy, 0 idle" in repr(transport)


async def test_closing_an_ended_answer_keeps_its_connection() -> None:
    """With `ended`, the last bytes of the framing may come after `aclose`, and the connection is used again."""
    go = asyncio.Event()

    async def script(call: Call) -> None:
        await call.send(chunked(b"[DONE]", end=False))
        await go.wait()
        await call.send(b"0\r\n\r\n")

    async with connected(script) as (server, transport):
        response = await transport.send(post(server), PATIENT)
        assert await anext(response.chunks()) == b"[DONE]"
        await response.aclose(ended=True)
        go.set()
        while "1 idle" not in repr(transport):
            await asyncio.sleep(0)
        await body_of(transport, post(server))
        assert server.connections == 1


async def test_cancelling_a_send_closes_its_connection() -> None:
    """A client that goes away before the answer frees the connection."""
    arrived = asyncio.Event()

    async def script(call: Call) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with connected(script) as (server, transport):
        sending = asyncio.get_running_loop().create_task(transport.send(post(server), PATIENT))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert "0 busy, 0 idle" in repr(transport)


async def test_slow_reader_stops_the_upstream_from_sending() -> None:
    """Unread bytes of an answer are bounded: the upstream's writes stop until the reader takes them."""
    sent = 0

    async def script(call: Call) -> None:
        nonlocal sent
        await call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 67108864\r\n\r\n")
        for _ in range(1024):
            await call.send(b"x" * 65_536)
            sent += 65_536

    async with connected(script) as (server, transport):
        response = await transport.send(post(server), PATIENT)
        before = -1
        while before != sent:
            before = sent
            for _ in range(200):
                await asyncio.sleep(0)
        assert sent < 32_000_000
        size = 0
        async for piece in response.chunks():
            size += len(piece)
        assert size == 67_108_864


async def test_small_body_that_inflates_hugely_comes_in_small_pieces() -> None:
    """A compressed bomb never stands in memory whole."""
    bomb = gzip.compress(bytes(20_000_000))

    async def script(call: Call) -> None:
        await call.send(whole(bomb, "HTTP/1.1 200 OK", "content-encoding: gzip"))

    async with connected(script) as (server, transport):
        response = await transport.send(post(server), PATIENT)
        sizes = [len(piece) async for piece in response.chunks()]

    assert sum(sizes) == 20_000_000
    assert max(sizes) <= 65_536


async def test_request_bytes_are_as_given() -> None:
    """Method, target, host, headers and body are sent as given, with ours beside them; redirects are not followed."""

    async def script(call: Call) -> None:
        await call.send(whole(b"", "HTTP/1.1 307 Elsewhere", "location: /other", "X-One: 1", "x-one: 2"))

    async with connected(script, hop="r-1") as (server, transport):
        response = await transport.send(post(server, b'{"a":1}', "/v1/x?beta=true"), PATIENT)

    assert response.head.status == 307
    assert response.head.headers["x-one"] == "1, 2"
    assert server.calls[0].request == (
        b"POST /v1/x?beta=true HTTP/1.1\r\n"
        b"host: 127.0.0.1:%d\r\n"
        b"content-type: application/json\r\n"
        b"accept-encoding: identity\r\n"
        b"x-ccr-hop: r-1\r\n"
        b"content-length: 7\r\n\r\n"
        b'{"a":1}' % server.port
    )


async def test_routers_before_us_stay_named() -> None:
    """A request that came through another router names both, so that a circle of two is seen too."""

    async def script(call: Call) -> None:
        await call.send(whole(b""))

    async with connected(script, hop="r-2") as (server, transport):
        await body_of(transport, UpstreamRequest("POST", server.url, (("x-ccr-hop", "r-1"),), b""))
        assert b"\r\nx-ccr-hop: r-1, r-2\r\n" in server.calls[0].request


async def test_password_in_the_endpoint_is_sent_as_basic_credentials() -> None:
    """User and password of a URL are no part of the host; they are sent, and credentials of ours go before them."""

    async def script(call: Call) -> None:
        await call.send(whole(b""))

    async with connected(script) as (server, transport):
        url = server.url.replace("//", "//u%40x:p@")
        await body_of(transport, UpstreamRequest("POST", url, (), b""))
        await body_of(transport, UpstreamRequest("POST", url, (("Authorization", "Bearer t"),), b""))

        assert b"\r\nauthorization: Basic dUB4OnA=\r\n" in server.calls[0].request
        assert b"Basic" not in server.calls[1].request


async def test_tls_is_verified() -> None:
    """A certificate that is trusted serves; one that is not is a connect error that says so."""

    async def script(call: Call) -> None:
        await call.send(whole(b"hello"))

    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(TLS / "test-only-cert.pem", TLS / "test-only-key.pem")
    trusting = ssl.create_default_context(cafile=TLS / "test-only-cert.pem")
    async with raw_server(script, serving) as server:
        trusted, wary = (
            HttpTransport(UNLIMITED, environment={}, tls=trusting),
            HttpTransport(UNLIMITED, environment={}),
        )
        try:
            for _ in range(2):
                assert await body_of(trusted, post(server)) == b"hello"
            assert server.connections == 1
            with pytest.raises(TransportFailed, match="its certificate does not hold") as failed:
                await wary.send(post(server), PATIENT)
            assert failed.value.error.kind.name == "connect"
        finally:
            await trusted.aclose()
            await wary.aclose()


async def test_header_with_a_line_break_is_never_sent() -> None:
    """A header that would smuggle another one is our bug and stops here."""
    async with connected(lambda call: call.send(whole(b""))) as (server, transport):
        evil = UpstreamRequest("POST", server.url, (("x-a", "1\r\nx-b: 2"),), b"")
        with pytest.raises(ValueError):
            await transport.send(evil, PATIENT)
        assert server.calls == []


@pytest.mark.parametrize("url", ["", "${URL}", "ftp://x/", "http://", "http://[::1", "http://x:99999/"])
async def test_unusable_endpoint_is_a_connect_error(url: str) -> None:
    """An endpoint that is no URL is reported like one where nobody listens."""
    transport = HttpTransport(ConnectionPool(), environment={})

    assert await kind_of_failure(transport, UpstreamRequest("POST", url, (), b"")) == "connect"


async def test_requests_go_through_the_proxy_of_the_environment() -> None:
    """With `HTTP_PROXY`, a request for another host is sent to the proxy, in the proxy's form."""

    async def script(call: Call) -> None:
        await call.send(whole(b"hello"))

    async with raw_server(script) as server:
        transport = HttpTransport(ConnectionPool(), environment={"HTTP_PROXY": server.url.replace("//", "//u:p%40@")})
        try:
            far = UpstreamRequest("POST", "http://upstream.invalid/v1/x", (("x-a", "1"),), b"{}")
            assert await body_of(transport, far) == b"hello"
            assert await body_of(transport, post(server)) == b"hello"
        finally:
            await transport.aclose()

        assert server.calls[0].request.startswith(b"POST http://upstream.invalid/v1/x HTTP/1.1\r\n")
        assert b"\r\nproxy-authorization: Basic dTpwQA==\r\n" in server.calls[0].request
        assert server.calls[1].request.startswith(b"POST /v1/x HTTP/1.1\r\n")


async def test_https_goes_through_a_tunnel_of_the_proxy() -> None:
    """`CONNECT` with the proxy's credentials, then TLS with the upstream itself, verified; the proxy reads nothing of it."""

    async def script(call: Call) -> None:
        await call.send(chunked(b"he", b"llo"))

    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(TLS / "test-only-cert.pem", TLS / "test-only-key.pem")
    trusting = ssl.create_default_context(cafile=TLS / "test-only-cert.pem")
    trusting.check_hostname = False  # the certificate is for 127.0.0.1, which no proxy is asked for
    far = UpstreamRequest("POST", "https://upstream.invalid/v1/x", (("authorization", "Bearer t"),), b"{}")
    async with raw_server(script, serving) as server, tunnel_to(server.port) as (proxy, heads):
        environment = {"https_proxy": proxy.replace("//", "//user:word@")}
        trusted = HttpTransport(UNLIMITED, environment=environment, tls=trusting)
        wary = HttpTransport(UNLIMITED, environment=environment)
        try:
            assert await body_of(trusted, far) == b"hello"
            assert await kind_of_failure(wary, far) == "connect"
        finally:
            await trusted.aclose()
            await wary.aclose()

    assert heads[0].startswith(b"CONNECT upstream.invalid:443 HTTP/1.1\r\n")
    assert b"\r\nproxy-authorization: Basic dXNlcjp3b3Jk\r\n" in heads[0]
    assert b"Bearer" not in heads[0]
    assert b"proxy-authorization" not in server.calls[0].request
    assert [call.request.split(b"\r\n")[0] for call in server.calls] == [b"POST /v1/x HTTP/1.1"]


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b"HTTP/1.1 502 No\r\n\r\n", b""]
)
async def test_a_proxy_that_opens_no_tunnel_is_a_connect_error(answer: bytes) -> None:
    """Whether it wants a password, does not reach the upstream, or hangs up: nothing was sent to anybody."""

    async def script(call: Call) -> None:
        await call.send(answer)
        call.writer.close()

    async with raw_server(script) as server:
        transport = HttpTransport(ConnectionPool(), environment={"https_proxy": server.url})
        try:
            far = UpstreamRequest("POST", "https://upstream.invalid/v1/x", (), b"{}")
            assert await kind_of_failure(transport, far) in (("connect",) if answer else ("connect", "cut"))
        finally:
            await transport.aclose()


async def test_total_limit_holds_through_a_proxy() -> None:
    """An answer that keeps dripping ends when its time is up, also while its reader is busy with something else."""

    async def script(call: Call) -> None:
        await call.send(chunked(b"a", end=False))
        await asyncio.Event().wait()

    async with raw_server(script) as server:
        transport = HttpTransport(ConnectionPool(), environment={"http_proxy": server.url})
        far = UpstreamRequest("POST", "http://upstream.invalid/v1/x", (), b"{}")
        try:
            answer = await transport.send(far, replace(PATIENT, total_s=0.05))
            pieces = answer.chunks()
            assert await anext(pieces) == b"a"
            await asyncio.sleep(0.1)  # the reader is slow: that must not be interrupted
            with pytest.raises(TransportFailed) as failed:
                await anext(pieces)
            assert failed.value.error.kind.name == "timeout"
            await answer.aclose()
        finally:
            await transport.aclose()


@asynccontextmanager
async def tunnel_to(port: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A proxy that opens tunnels, whoever is asked for, to that port of loopback; its URL, and the heads it was sent."""
    heads: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def opened(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            inner, outer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(reader, outer))
                group.create_task(pump(inner, writer))

    server = await asyncio.start_server(opened, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "cut"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", "cut"),
        (b"SSH-2.0-OpenSSH\r\n", "garbage"),
        (whole(b"not gzip", "HTTP/1.1 200 OK", "content-encoding: gzip"), "garbage"),
    ],
)
async def test_faults_through_a_proxy_have_the_same_kinds(answer: bytes, kind: str) -> None:
    """The proxied way reports faults like the direct one."""

    async def script(call: Call) -> None:
        await call.send(answer)
        call.writer.close()

    async with raw_server(script) as server:
        transport = HttpTransport(ConnectionPool(), environment={"http_proxy": server.url})
        try:
            far = UpstreamRequest("POST", "http://upstream.invalid/v1/x", (), b"{}")
            assert await kind_of_failure(transport, far) == kind
        finally:
            await transport.aclose()


@pytest.mark.parametrize(
    "scenario",
    [
        test_events_are_delivered_as_they_come,
        test_what_arrives_while_the_reader_waits_goes_to_its_tap,
        test_connection_is_used_again,
        test_request_is_sent_again_when_a_kept_connection_was_closed_under_it,
        test_total_limit_ends_an_answer_that_keeps_dripping,
        test_connections_are_limited_and_waited_for_in_order,
        test_closing_an_unfinished_answer_stops_the_upstream,
        test_closing_an_ended_answer_keeps_its_connection,
        test_cancelling_a_send_closes_its_connection,
        test_slow_reader_stops_the_upstream_from_sending,
        test_tls_is_verified,
    ],
)
def test_same_on_the_event_loop_that_serves(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    """The server runs on uvloop: what was shown above holds there too."""
    uvloop = pytest.importorskip("uvloop")

    uvloop.run(scenario())
