"""Whether the certificates and keys that a configuration names can be used, before it runs. An edge: it reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from engine.built import Built, Checked
from engine.http.tls import BadCertificate, names_of
from providers.tls import verified
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Node, node_at


def with_certificates(checked: Checked, environment: Mapping[str, str]) -> Checked:
    """The configuration, with a finding (808) for each of its TLS sections whose files cannot be used."""
    if checked.built is None:
        return checked
    found = tuple(_unusable(checked.built, environment))
    return replace(checked, built=None, diagnostics=(*checked.diagnostics, *found)) if found else checked


def _unusable(built: Built, environment: Mapping[str, str]) -> Iterator[Diagnostic]:
    root = built.document.root
    if built.settings.server.tls is not None:
        try:
            names_of(built.settings.server.tls)
        except BadCertificate as problem:
            yield _finding(str(problem), node_at(root, ["server", "tls"]) or root)
    for name, spec in built.providers.items():
        if spec.tls.ca is None and spec.tls.certificate is None:
            continue
        try:
            verified(spec.tls, environment)
        except OSError as problem:
            below = node_at(root, ["providers", name, "settings", "tls"]) or node_at(root, ["providers", name, "tls"])
            why = (
                (problem.strerror or "no such file").lower()
                if problem.filename or problem.errno == 2
                else "it is no PEM file, or its key does not belong to it"
            )
            yield _finding(f"a file of `tls` of `{name}` cannot be used: {why}", below or root)


def _finding(message: str, node: Node) -> Diagnostic:
    return finding("CCR808", message, node.span, help="name PEM files that this user can read")
