"""A new configuration while requests run: read off the loop, checked whole, swapped in one step or not at all. An edge."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping

from engine.built import Checked
from engine.compose import MakeSource, MakeTransport, gateway_of, retired
from engine.gateway import Gateway
from engine.router import Router
from providers.credentials import credential_source
from providers.upstream import Transport

LOOK_EVERY_S = 1.0

Stamp = tuple[int, int, int]


class Reloader:
    """Watches the files a configuration came from. `ask` makes it look at once, changed or not.

    An unclean configuration leaves the old one running; `/status` and the log say what is wrong with it.
    """

    def __init__(
        self,
        router: Router,
        load: Callable[[], Checked],
        make_transport: MakeTransport,
        make_source: MakeSource = credential_source,
        every_s: float = LOOK_EVERY_S,
        on_swap: Callable[[], None] = lambda: None,
    ) -> None:
        self._router = router
        self._load = load
        self._make_transport = make_transport
        self._make_source = make_source
        self._every_s = every_s
        self._on_swap = on_swap
        self._asked = asyncio.Event()
        self._retired: list[tuple[Gateway, list[Transport]]] = []
        self._seen = stamps_of(router.gateway.built.document.texts)

    def ask(self) -> None:
        """Reload now."""
        self._asked.set()

    async def run(self) -> None:
        """Looks and reloads until cancelled."""
        try:
            while True:
                asked = await self._wait()
                now_seen = stamps_of(self._seen)
                if asked or now_seen != self._seen:
                    self._seen = now_seen
                    await self._reload()
                await self._close_retired()
        finally:
            await self._close_retired(all_of_them=True)

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout(self._every_s):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _reload(self) -> None:
        router, journal = self._router, self._router.journal
        checked = await asyncio.to_thread(self._load)
        if checked.texts:
            self._seen = stamps_of(checked.texts)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(router.wall()))
        findings = [
            f"{found.span.file}:{found.span.line}:{found.span.column}: {found.code} {found.message}"
            for found in checked.diagnostics
        ]
        if checked.built is None:
            router.reload = {"ok": False, "at": at, "findings": findings}
            journal.write("error", "reload refused, the old configuration goes on", stage="reload", findings=findings)
            return
        if checked.built.revision == router.gateway.revision:
            router.reload = {"ok": True, "at": at, "changed": False}
            journal.write("info", "reloaded, nothing changed", stage="reload", revision=checked.built.revision)
            return
        old = router.gateway
        new = gateway_of(checked.built, self._make_transport, old, self._make_source)
        router.gateway = new
        self._retired.append((old, retired(old, new)))
        self._on_swap()
        router.reload = {"ok": True, "at": at, "changed": True, "from": old.revision}
        journal.write(
            "info", "reloaded", stage="reload", revision=new.revision, before=old.revision, findings=findings or None
        )

    async def _close_retired(self, *, all_of_them: bool = False) -> None:
        """Closes the connections that only old snapshots use, once no exchange runs on these any more.

        In order: an older snapshot may use what a younger one was the last to have.
        """
        open_on = self._router.open_on
        while self._retired and (all_of_them or not open_on[id(self._retired[0][0])]):
            old, transports = self._retired.pop(0)
            del open_on[id(old)]
            for transport in transports:
                await transport.aclose()


def stamps_of(files: Iterable[str] | Mapping[str, object]) -> dict[str, Stamp | None]:
    """Size, time and inode of each file; None where there is none."""
    return {file: _stamp(file) for file in files}


def _stamp(file: str) -> Stamp | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
