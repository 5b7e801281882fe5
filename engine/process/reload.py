"""A new configuration while requests run: read off the loop, checked whole, swapped in one step or not at all. An edge."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping

from engine.built import Built, Checked
from engine.compose import MakeSource, MakeTransport, gateway_of, retired
from engine.gateway import Gateway
from engine.router import Router
from engine.timestamp import timestamp_of
from providers.credentials import credential_source
from providers.upstream import Transport
from schemas.document import plain

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
        workers: int = 1,
    ) -> None:
        self._router = router
        self._load = load
        self._make_transport = make_transport
        self._make_source = make_source
        self._every_s = every_s
        self._on_swap = on_swap
        self._workers = workers
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
                    await self._reload(now_seen)
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

    async def _reload(self, seen: Mapping[str, Stamp | None]) -> None:
        """`seen`: the files as they were before anything was read; what changes meanwhile is read again."""
        began = self._router.wall()
        loading = asyncio.get_running_loop().run_in_executor(None, self._load)
        await asyncio.wait([loading])
        problem = loading.exception()
        if isinstance(problem, OSError):
            self._refuse(began, [f"the configuration cannot be read: {problem.strerror}"])
        elif problem is not None:
            self._router.journal.bug(problem)
            self._refuse(began, ["the router failed while it read the configuration; its log has the details"])
        else:
            checked = loading.result()
            if checked.texts:
                of_old = () if checked.built else seen  # refused: what runs is watched too, it may come back
                self._seen = {**stamps_of([*checked.texts, *checked.unread, *of_old]), **_only(seen, checked.texts)}
            self._take(checked, began)

    def _take(self, checked: Checked, began: float) -> None:
        """Swaps the new configuration in if it is clean."""
        router, journal = self._router, self._router.journal
        findings = [
            f"{found.span.file}:{found.span.line}:{found.span.column}: {found.code} {found.message}"
            for found in checked.diagnostics
        ]
        if checked.built is None:
            self._refuse(began, findings)
            return
        old = router.gateway
        if _same(checked.built, old.built):
            router.reload = {"ok": True, "at": timestamp_of(began), "changed": False}
            journal.write("info", "reloaded, nothing changed", stage="reload", revision=old.revision)
            return
        new = gateway_of(checked.built, self._make_transport, old, self._make_source, self._workers)
        router.gateway = new
        self._retired.append((old, retired(old, new)))
        self._on_swap()
        router.reload = {"ok": True, "at": timestamp_of(began), "changed": True, "from": old.revision}
        restart = _only_at_start(old.built, new.built)
        if restart:
            router.reload = {**router.reload, "needsRestart": restart}
        journal.write(
            "warn" if restart else "info",
            "reloaded",
            stage="reload",
            revision=new.revision,
            before=old.revision,
            findings=findings or None,
            needsRestart=restart or None,
        )
        router.audit("reload", revision=new.revision, beforeRevision=old.revision, needsRestart=restart or None)

    def _refuse(self, began: float, findings: list[str]) -> None:
        self._router.reload = {"ok": False, "at": timestamp_of(began), "findings": findings}
        self._router.journal.write(
            "error", "reload refused, the old configuration goes on", stage="reload", findings=findings
        )
        self._router.audit("reload refused", revision=self._router.gateway.revision, findings=findings)

    async def _close_retired(self, *, all_of_them: bool = False) -> None:
        """Closes the connections that only old snapshots use, once no exchange runs on these any more.

        In order: an older snapshot may use what a younger one was the last to have.
        """
        open_on = self._router.open_on
        while self._retired and (all_of_them or not open_on[id(self._retired[0][0])]):
            old, transports = self._retired.pop(0)
            open_on.pop(id(old), None)
            for transport in transports:
                await transport.aclose()


def _same(new: Built, old: Built) -> bool:
    """Whether both say the same, with variables and secret files filled in (a revision is of what is written)."""
    return new.revision == old.revision and plain(new.document.root) == plain(old.document.root)


def _only_at_start(old: Built, new: Built) -> list[str]:
    """Changed settings that a running router does not take over."""
    before, after = old.settings.server, new.settings.server
    changed = {
        "server.host": before.host != after.host,
        "server.port": before.port != after.port,
        "server.workers": before.workers != after.workers,
        "server.tls": (before.tls is None) != (after.tls is None),
        "debug.logDir": old.settings.debug.log_dir != new.settings.debug.log_dir,
        "state": old.settings.state != new.settings.state,
        "telemetry": old.settings.telemetry != new.settings.telemetry,
    }
    return [name for name, differs in changed.items() if differs]


def stamps_of(files: Iterable[str] | Mapping[str, object]) -> dict[str, Stamp | None]:
    """Size, time and inode of each file; None where there is none."""
    return {file: _stamp(file) for file in files}


def _only(seen: Mapping[str, Stamp | None], files: Iterable[str]) -> dict[str, Stamp | None]:
    return {file: seen[file] for file in files if file in seen}


def _stamp(file: str) -> Stamp | None:
    try:
        found = os.stat(os.path.expanduser(file))
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
