"""TLS towards upstreams: always verified, against the system's certificates or a private authority's. An edge."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi

from providers.spec import TlsFiles


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
