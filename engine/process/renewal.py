"""Renewed certificates are taken up while the server runs, for new connections. An edge: it looks at files."""

from __future__ import annotations

import asyncio
import ssl

from engine.http.tls import BadCertificate, renew
from engine.process.reload import stamps_of
from engine.router import Router
from engine.settings import ServerTls
from providers.tls import expanded

LOOK_EVERY_S = 1.0


async def keep_renewed(router: Router, tls: ssl.SSLContext, every_s: float = LOOK_EVERY_S) -> None:
    """Looks at the files that the configuration names, until cancelled; what cannot be used is said and left."""
    files = router.gateway.settings.server.tls
    seen = _stamps(files)
    while True:
        await asyncio.sleep(every_s)
        files = router.gateway.settings.server.tls
        now = _stamps(files)
        if files is None or now == seen:
            continue
        seen = now
        try:
            renew(tls, files)
        except BadCertificate as problem:
            router.journal.write("error", "the certificate is not renewed", stage="reload", error=str(problem))
        else:
            router.journal.write("info", "certificate renewed", stage="reload", certificate=files.certificate)


def _stamps(files: ServerTls | None) -> object:
    return None if files is None else stamps_of([expanded(files.certificate), expanded(files.key)])
