"""What `start`, `restart` and `code` serve: a configuration read, checked and fit for where it will listen. An edge."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from errno import EPERM
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from engine.built import Built, Checked
from engine.cli.ask import LOOPBACK
from engine.cli.built_from import usable
from engine.cli.configured import (
    UnusableConfiguration,
    choose,
    demonstration,
    reader_of,
    say_which,
    still_trusted,
    unreadable,
)
from engine.client_environment import url_at
from providers.spec import TlsFiles
from schemas.wording import counted


class StartOptions(Struct, frozen=True):
    """What the user asked of `start`; None is not asked."""

    config: str | None = None
    demo: bool = False
    port: int | None = None
    host: str | None = None
    public: bool = False
    debug: bool = False
    log_level: str | None = None
    workers: int | None = None

    def words(self) -> list[str]:
        """The same as arguments of `ccr start`."""
        valued = {
            "--config": self.config,
            "--port": self.port,
            "--host": self.host,
            "--log-level": self.log_level,
            "--workers": self.workers,
        }
        flags = {"--demo": self.demo, "--public": self.public, "--debug": self.debug}
        return [
            *(word for name, value in valued.items() if value is not None for word in (name, str(value))),
            *(name for name, asked in flags.items() if asked),
        ]


class Prepared(Struct, frozen=True):
    """A configuration that may be served, and where. `options` are made absolute, so that they mean the same elsewhere.

    `log_level` None: as the configuration says.
    """

    options: StartOptions
    first: Built
    load: Callable[[], Checked]
    host: str
    port: int
    log_level: str | None
    workers: int = 1

    def trust(self) -> str | None:
        """The PEM file that clients on this machine trust, where TLS is spoken."""
        tls = self.first.settings.server.tls
        return None if tls is None else os.path.abspath(os.path.expanduser(tls.trust))

    def client_host(self) -> str:
        """Where a client on this machine reaches it: with TLS by a name that the certificate is for."""
        host, tls = client_host(self.host), self.first.settings.server.tls
        if tls is None:
            return host
        from engine.http.tls import names_of

        names = names_of(tls)
        usual = [name for name in (host, "localhost", *names) if name in names and "*" not in name]
        return usual[0] if usual else host

    def url_at(self, port: int) -> str:
        """The address for clients on this machine; `port` is the real one where the wanted one is 0."""
        return url_at(self.client_host(), port, tls=self.trust() is not None)

    @property
    def log_folder(self) -> Path:
        return Path(os.path.expanduser(self.first.settings.debug.log_dir))

    @property
    def keyed(self) -> bool:
        """Whether clients need a router key."""
        return self.first.settings.server.access.keys is not None


def prepare(options: StartOptions) -> Prepared:
    """Reads and checks the configuration; its findings are printed. Raises UnusableConfiguration where it must not run."""
    from engine.build import build
    from engine.configuration.certificates import with_certificates
    from engine.configuration.exposure import exposed
    from engine.configuration.files import read_by_others, read_file
    from engine.configuration.secret_keys import decrypting
    from engine.reporting.report import file_report

    chosen = demonstration() if options.demo else choose(options.config, only_trusted=True)
    say_which(chosen)
    read = reader_of(chosen)

    def checked_now() -> Checked:
        if not still_trusted(chosen):
            raise PermissionError(EPERM, f"./{chosen.name} changed since `ccr trust`; read it and trust it again")
        checked = build(
            read(),
            chosen.name,
            read_file=read_file,
            env=os.environ,
            secrets="resolve",
            decrypt=decrypting(os.environ),
            # a host given on the command line counts instead of the file's, and is judged on its own
            public=options.public or options.host is not None,
        )
        return with_certificates(checked, os.environ) if checked.built and _speaks_tls(checked.built) else checked

    try:
        checked = checked_now()
    except OSError as problem:
        raise unreadable(chosen.name, problem) from problem
    built = usable(checked, "the router does not start")
    everything = replace(checked, diagnostics=(*checked.diagnostics, *exposed(checked, read_by_others)))
    findings = len(file_report(everything).findings)
    if findings:
        said = counted(findings, "finding")
        click.echo(f"ccr: it has {said}, proofs about its rules not counted; `ccr test-config` shows all", err=True)
    settings = built.settings
    host = options.host or settings.server.host
    absolute = options.config if options.config in (None, "-") else os.path.abspath(os.path.expanduser(options.config))
    prepared = Prepared(
        options=replace(options, config=absolute),
        first=built,
        load=lambda: checked_now() if options.public else _still_guarded(checked_now(), host),
        host=host,
        port=options.port if options.port is not None else settings.server.port,
        log_level=options.log_level or ("debug" if options.debug else None),
        workers=options.workers or settings.server.workers,
    )
    _refuse_public(prepared)
    for line in beyond_concurrency(built, prepared.workers):
        click.echo(f"ccr: {line}", err=True)
    if settings.limits and settings.state is None and prepared.workers > max(1, settings.server.workers):
        click.echo(
            f"ccr: each of the {prepared.workers} workers counts limits for itself; `state` lets them count together",
            err=True,
        )
    return prepared


def beyond_concurrency(built: Built, workers: int) -> list[str]:
    """The limits that so many workers do not keep when each of them counts for itself, in words."""
    found = []
    for name, spec in built.providers.items():
        most = spec.concurrency.most
        if built.settings.state is None and most is not None and workers > most:
            found.append(
                f"with {workers} workers an instance of `{name}` gets up to {workers} requests at once, more than its"
                f" `concurrency` of {most}; `state` lets them count together"
            )
    return found


def client_url(host: str, port: int) -> str:
    """Where a client on this machine reaches a router that listens on `host`."""
    return url_at(client_host(host), port)


def client_host(host: str) -> str:
    """The address of that; what listens everywhere is asked on loopback."""
    everywhere = host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return LOOPBACK if everywhere else host


def _speaks_tls(built: Built) -> bool:
    """Whether it names certificates of its own."""
    specs = built.providers.values()
    return built.settings.server.tls is not None or any(spec.tls != TlsFiles() for spec in specs)


def _refuse_public(prepared: Prepared) -> None:
    """Without router keys others reach the router only when that is said explicitly."""
    if prepared.options.public or is_loopback(prepared.host) or prepared.keyed:
        return
    raise UnusableConfiguration(
        f"`{prepared.host}` lets other machines in, and no key protects the router;"
        " listen on 127.0.0.1, set `server.apiKeys`, or say `--public` where something else keeps strangers out"
    )


def _still_guarded(checked: Checked, host: str) -> Checked:
    """The configuration for a router that listens on `host` already; without keys it is refused where others reach that.

    The file's own host does not count here: it is taken over at a start only.
    """
    from schemas.codes import finding

    if checked.document is None or checked.built is None or is_loopback(host):
        return checked
    if checked.built.settings.server.access.keys is not None:
        return checked
    message = f"the router listens on `{host}`, which lets other machines in, and no key would protect it any more"
    found = finding(
        "CCR806",
        message,
        checked.document.root.span,
        help="keep `server.apiKeys`, or start the router anew with `--public`",
    )
    return replace(checked, built=None, diagnostics=(*checked.diagnostics, found))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
