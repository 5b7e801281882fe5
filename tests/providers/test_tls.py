"""TLS towards upstreams: a private authority, a certificate of ours, the same through a proxy; nothing is taken on trust."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from providers.spec import ConnectionPool, TlsFiles
from providers.transport import HttpTransport
from providers.upstream import TransportFailed, UpstreamRequest
from tests.fakes.certificates import Authority, Leaf
from tests.providers.raw_server import Call, RawServer, raw_server, whole
from tests.providers.test_transport import PATIENT, body_of, post


async def hello(call: Call) -> None:
    await call.send(whole(b"hello"))


def serving(leaf: Leaf, clients: Authority | None = None) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(leaf.certificate, leaf.key)
    if clients is not None:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(clients.ca)
    return tls


async def said(server: RawServer, files: TlsFiles, **environment: str) -> str:
    """The body, or why there is none."""
    transport = HttpTransport(ConnectionPool(), environment=environment, files=files)
    try:
        return (await body_of(transport, post(server))).decode()
    except TransportFailed as failed:
        return f"{failed.error.kind.name}: {failed.error.message}"
    finally:
        await transport.aclose()


async def test_a_private_authority_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    """And by nobody else; one that is named is the only one."""
    ours, other = Authority(tmp_path), Authority(tmp_path, "other authority")
    async with raw_server(hello, serving(ours.leaf("server", "127.0.0.1"))) as server:
        assert await said(server, TlsFiles(ca=str(ours.ca))) == "hello"
        assert "certificate does not hold" in await said(server, TlsFiles())
        assert "certificate does not hold" in await said(server, TlsFiles(ca=str(other.ca)))


async def test_a_certificate_for_another_host_does_not_hold(tmp_path: Path) -> None:
    """The right authority is not enough."""
    ours = Authority(tmp_path)
    async with raw_server(hello, serving(ours.leaf("server", "127.0.0.2", "localhost"))) as server:
        assert "certificate does not hold" in await said(server, TlsFiles(ca=str(ours.ca)))


async def test_the_router_shows_its_certificate(tmp_path: Path) -> None:
    """An upstream that asks for one gets it; without one it refuses."""
    ours = Authority(tmp_path)
    client = ours.leaf("client", "ccr")
    async with raw_server(hello, serving(ours.leaf("server", "127.0.0.1"), ours)) as server:
        shown = TlsFiles(str(ours.ca), str(client.certificate), str(client.key))
        assert await said(server, shown) == "hello"
        assert await said(server, TlsFiles(str(ours.ca))) != "hello"


async def test_files_that_are_replaced_count_for_the_next_connection(tmp_path: Path) -> None:
    """Another authority in the place of the first is trusted, and the first no more; what cannot be used changes nothing."""
    ours, other = Authority(tmp_path), Authority(tmp_path, "other authority")
    named = tmp_path / "named.pem"
    named.write_bytes(ours.ca.read_bytes())
    transport = HttpTransport(ConnectionPool(keep_alive=False), environment={}, files=TlsFiles(ca=str(named)))
    async with (
        raw_server(hello, serving(ours.leaf("server", "127.0.0.1"))) as first,
        raw_server(hello, serving(other.leaf("second", "127.0.0.1"))) as second,
    ):
        assert await body_of(transport, post(first)) == b"hello"
        for spoilt in (b"no certificate", None):
            named.unlink() if spoilt is None else named.write_bytes(spoilt)
            assert await body_of(transport, post(first)) == b"hello"
        named.write_bytes(other.ca.read_bytes())
        assert await body_of(transport, post(second)) == b"hello"
        with pytest.raises(TransportFailed, match="certificate does not hold"):
            await transport.send(post(first), PATIENT)
    await transport.aclose()


@pytest.mark.parametrize("files", [TlsFiles(ca="none.pem"), TlsFiles(certificate="none.pem")])
async def test_files_that_vanish_are_a_failed_connection(tmp_path: Path, files: TlsFiles) -> None:
    """They were there at the start; the exchange fails as for any upstream that cannot be reached."""
    async with raw_server(hello, serving(Authority(tmp_path).leaf("server", "127.0.0.1"))) as server:
        assert "no such file" in await said(server, files)


@asynccontextmanager
async def tunnel(asked: list[bytes], port: int) -> AsyncIterator[str]:
    """A proxy that leads every CONNECT to `port` of this machine."""
    tasks: list[asyncio.Task[None]] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            far_writer.close()
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_same_holds_through_a_proxy(tmp_path: Path) -> None:
    """`CONNECT` to the host, then TLS with that host under the same authority; without it nothing is said."""
    ours = Authority(tmp_path)
    asked: list[bytes] = []
    async with (
        raw_server(hello, serving(ours.leaf("server", "upstream.test"))) as server,
        tunnel(asked, server.port) as proxy,
    ):
        for files, works in ((TlsFiles(ca=str(ours.ca)), True), (TlsFiles(), False)):
            transport = HttpTransport(ConnectionPool(), environment={"HTTPS_PROXY": proxy}, files=files)
            request = UpstreamRequest("POST", f"https://upstream.test:{server.port}/v1/x", (), b"{}")
            try:
                if works:
                    assert await body_of(transport, request) == b"hello"
                else:
                    with pytest.raises(TransportFailed):
                        await transport.send(request, PATIENT)
            finally:
                await transport.aclose()

    assert asked[0].startswith(f"CONNECT upstream.test:{server.port} HTTP/1.1\r\n".encode())
    assert len(server.calls) == 1
