"""TLS of the server: certificate and key from files, taken up again when they are renewed. An edge."""

from __future__ import annotations

import ssl
from collections.abc import Iterable

from engine.settings import ServerTls
from providers.tls import expanded


class BadCertificate(Exception):  # noqa: N818 - says what is so
    """Certificate and key cannot be used; `str()` says which and why; blame: the user's files."""


def server_side(files: ServerTls) -> ssl.SSLContext:
    """What connections are accepted with: TLS 1.2 or newer. Raises `BadCertificate`."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.set_alpn_protocols(["http/1.1"])
    load(tls, files)
    return tls


def renew(tls: ssl.SSLContext, files: ServerTls) -> None:
    """Takes up the files as they are now, for new connections. Raises `BadCertificate` and changes nothing then."""
    server_side(files)
    load(tls, files)


def load(tls: ssl.SSLContext, files: ServerTls) -> None:
    """Reads the files. Raises `BadCertificate`."""
    try:
        tls.load_cert_chain(expanded(files.certificate), expanded(files.key), password=lambda: "")
    except ssl.SSLError as problem:
        why = "they do not belong together" if "MISMATCH" in (problem.reason or "") else "one of them is no PEM file"
        raise BadCertificate(f"`{files.certificate}` and `{files.key}` cannot be used: {why}") from None
    except OSError as problem:
        why = (problem.strerror or "no such file").lower()
        raise BadCertificate(f"`{files.certificate}` or `{files.key}` cannot be read: {why}") from None


def trusting(trust: str) -> ssl.SSLContext:
    """What a client on this machine uses that knows the server by its certificate, not by its name. Raises OSError."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    tls.load_verify_locations(trust)
    return tls


def names_of(files: ServerTls) -> tuple[str, ...]:
    """The names and addresses that the certificate is for, from a handshake with ourselves. Raises `BadCertificate`."""
    try:
        client = trusting(expanded(files.trust))
    except OSError as problem:
        raise BadCertificate(f"`{files.trust}` is no certificate that a client can trust") from problem
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server)
    theirs = server_side(files).wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(8):
            if _shaken(ours) & _shaken(theirs):
                break
        shown = ours.getpeercert() or {}
    except (ssl.SSLError, ValueError) as problem:
        why = getattr(problem, "verify_message", None) or "TLS failed"
        raise BadCertificate(f"`{files.certificate}` is not to be trusted with `{files.trust}`: {why}") from None
    pairs: Iterable[tuple[str, str]] = shown.get("subjectAltName", ())  # type: ignore[assignment]
    return tuple(name for kind, name in pairs if kind in ("DNS", "IP Address"))


def _shaken(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
