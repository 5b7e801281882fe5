"""TLS towards upstreams: always verified, against the system's certificates or a private authority's. An edge."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi

from providers.spec import TlsFiles


class UpstreamTls:
    """The TLS towards one upstream. Files that were replaced count from the next connection on; unusable ones never do.

    `made` is a context that stands for all files.
    """

    __slots__ = ("_environment", "_files", "_made", "_stamps")

    def __init__(self, files: TlsFiles, environment: Mapping[str, str], made: ssl.SSLContext | None = None) -> None:
        self._files = files
        self._environment = environment
        self._made = made
        self._stamps = _stamps_of(files) if made is not None else None

    def current(self) -> ssl.SSLContext:
        """What the next connection is made with. Raises OSError where files could not be used even once."""
        stamps = _stamps_of(self._files)
        if self._made is None or stamps != self._stamps:
            try:
                self._made = verified(self._files, self._environment)
            except OSError:
                if self._made is None:
                    raise
            self._stamps = stamps
        return self._made


def _stamps_of(files: TlsFiles) -> tuple[tuple[int, int] | None, ...]:
    """What tells that files were replaced."""
    return tuple(_stamp_of(path) for path in (files.ca, files.certificate, files.key) if path is not None)


def _stamp_of(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(expanded(path))
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def verified(files: TlsFiles, environment: Mapping[str, str]) -> ssl.SSLContext:
    """The TLS of a client. Raises OSError (`ssl.SSLError` is one) where a file cannot be used.

    Trusted are the certificates of `files.ca` alone where it is named; else those that SSL_CERT_FILE or SSL_CERT_DIR
    names; else the system's and certifi's. `files.certificate` is what the client shows.
    """
    if files.ca is not None:
        tls = ssl.create_default_context(cafile=expanded(files.ca))
    else:
        tls = ssl.create_default_context()
        if not (environment.get("SSL_CERT_FILE") or environment.get("SSL_CERT_DIR")):
            tls.load_verify_locations(certifi.where())
    if files.certificate is not None:
        key = expanded(files.key) if files.key is not None else None
        tls.load_cert_chain(expanded(files.certificate), key, password=lambda: "")  # nobody is there to be asked
    tls.set_alpn_protocols(["http/1.1"])
    return tls


def expanded(path: str) -> str:
    """The path with `~` as the home folder."""
    return str(Path(os.path.expanduser(path)))
