"""Asks a running router over loopback, with the standard library alone so that commands start fast. An edge."""

from __future__ import annotations

import http.client
import json
import os

from msgspec import Struct

from engine.cli.pid_file import LOOPBACK as LOOPBACK
from engine.cli.pid_file import running
from engine.client_environment import HTTPS, authority, url_at

NAME = "claude-code-router"


class Answer(Struct, frozen=True):
    """An HTTP answer. `body` is {} where it was not a JSON object."""

    status: int
    body: dict[str, object]


def ask(host: str, port: int, path: str, timeout_s: float = 5.0) -> Answer | None:
    """`GET path`; None when nobody answers with HTTP there. Never through a proxy, never a redirect.

    The router key in CCR_KEY goes along. A router of this user that speaks TLS is known by the certificate it started with,
    one at `https://HOST` as every server is.
    """
    try:
        connection = connection_to(host, port, timeout_s)
    except OSError:
        return None
    try:
        connection.request("GET", path, headers=own_headers())
        reply = connection.getresponse()
        data = reply.read(4_000_000)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    try:
        body = json.loads(data)
    except ValueError:
        body = {}
    return Answer(reply.status, body if isinstance(body, dict) else {})


def trust_of(port: int) -> str | None:
    """The PEM file to trust where the router of this user on that port speaks TLS."""
    router = running(port)
    return router.trust if router is not None else None


def connection_to(host: str, port: int, timeout_s: float) -> http.client.HTTPConnection:
    """A connection to a router that is not open yet. Raises OSError where the file to trust cannot be read."""
    if host.startswith(HTTPS):
        from providers.spec import TlsFiles
        from providers.tls import verified

        tls = verified(TlsFiles(), os.environ)
        return http.client.HTTPSConnection(host.removeprefix(HTTPS), port, timeout=timeout_s, context=tls)
    trust = trust_of(port)
    if trust is None:
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    from engine.http.tls import trusting  # only now: TLS takes its time to import

    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=trusting(trust))


def no_answer(host: str, port: int) -> str:
    """What to say where nobody answers."""
    from engine.access.addresses import is_loopback_host

    said = f"no router answers on {authority(host, port)}"
    if host.startswith(HTTPS):
        return f"{said}, or its certificate is not trusted (SSL_CERT_FILE names the authorities)"
    if is_loopback_host(host) or running(port) is not None:
        return f"{said}; `ccr start` starts one"
    return f"{said}; one that speaks TLS is asked with `--host {url_at(HTTPS + host, port)}`"


def own_headers() -> dict[str, str]:
    """The headers of a command's request, the router key in CCR_KEY among them."""
    key = os.environ.get("CCR_KEY")
    return {"accept": "application/json"} | ({"x-ccr-key": key} if key else {})


def asks_for_key(host: str, port: int) -> bool:
    """Whether what serves the port lets nobody in without a router key, or not with the one in CCR_KEY."""
    answer = ask(host, port, "/status")
    return answer is not None and answer.status == 401


def router_answers(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Whether what serves the port is a ccr."""
    answer = ask(host, port, "/status", timeout_s)
    server = answer.body.get("server") if answer else None
    if answer is not None and answer.status == 401:
        return "x-ccr-key" in str(answer.body.get("error"))
    return isinstance(server, dict) and server.get("name") == NAME
