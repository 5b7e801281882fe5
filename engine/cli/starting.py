"""From what was prepared to a serving process, in the foreground or the background: `start`, `restart`, `code`. An edge."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import click
from msgspec.structs import replace

from engine.cli.ask import LOOPBACK, router_answers
from engine.cli.configured import SAYS_WHICH
from engine.cli.folders import made_private, state_folder
from engine.cli.pid_file import PortClaimedError, claim, running
from engine.cli.preparing import Prepared, client_url
from engine.client_environment import client_environment, shell_lines
from engine.forwarding import forwards_credentials

READY_WITHIN_S = 30.0
TITLE = "claude-code-router"


def in_foreground(prepared: Prepared) -> int:
    """Serves until a signal; gives the exit status."""
    from engine.http.listener import PortTaken
    from engine.lifecycle import MissingPackage, serve

    be_the_server()
    with ExitStack() as held:

        def ready(address: str) -> None:
            port = int(address.rpartition(":")[2])
            try:
                held.enter_context(claim(port, prepared.options.words(), prepared.client_host(), prepared.trust()))
            except PortClaimedError:
                click.echo(
                    f"ccr: another router has the pid file of port {port}; `ccr stop` will end that one", err=True
                )
            except OSError as problem:
                click.echo(f"ccr: no pid file, so `ccr stop` will not find this router: {problem}", err=True)
            announce(prepared, port)

        try:
            return serve(
                prepared.load,
                prepared.first,
                host=prepared.host,
                port=prepared.port,
                log_folder=prepared.log_folder,
                log_level=prepared.log_level,
                on_ready=ready,
                workers=prepared.workers,
                leave=held.close,
            )
        except MissingPackage as problem:
            click.echo(f"ccr: {problem}", err=True)
            return 1
        except PortTaken:
            click.echo(f"ccr: {_why_taken(prepared)}", err=True)
            return 1
        except OSError as problem:
            click.echo(f"ccr: {prepared.host} port {prepared.port} cannot be listened on: {problem.strerror}", err=True)
            return 1


def be_the_server() -> None:
    """Gives the process the program's name, and an orderly end on SIGTERM."""
    from setproctitle import setproctitle

    setproctitle(TITLE)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the server takes it: what is read now need not be read again
    # The server raises the signal that ended it once more when it has closed; this ends the process in order then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def in_background(prepared: Prepared) -> int:
    """Starts a process of its own and waits until it serves; gives 0, or the exit status it failed with."""
    if prepared.options.config == "-" or prepared.port == 0:
        raise click.UsageError("a router in the background needs a configuration file and a port of its own")
    words = replace(prepared.options, port=prepared.port).words()
    try:
        said = made_private(state_folder()) / f"ccr-{prepared.port}.out"
        # Of two that start at once each reads what its own process says.
        saying = said.with_suffix(f".{os.getpid()}.out")
        output = os.fdopen(os.open(saying, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb")
    except OSError as problem:
        click.echo(
            f"ccr: {problem.filename} cannot be written ({problem.strerror}), which a router in the background needs;"
            " `ccr start` serves without it",
            err=True,
        )
        return 1
    with output:
        # `-P`: nothing in the working directory may stand in for the router's own modules.
        child = subprocess.Popen(  # noqa: S603 - an argument list of our own
            [sys.executable, "-P", "-m", "engine.cli", "start", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _served(prepared.port, child, saying)
    finally:
        with suppress(FileNotFoundError):  # what a process that failed said was shown, and is gone
            saying.replace(said)


def _served(port: int, child: subprocess.Popen[bytes], saying: Path) -> int:
    """Waits until the process serves: 0, or the exit status it failed with, and `saying`, what it said, is shown."""
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end:
        status = child.poll()
        if status is not None:
            lines = saying.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            news = "".join(line for line in lines if not line.startswith(SAYS_WHICH))
            click.echo(news, nl=False, err=True)
            saying.unlink()
            return status or 1
        router = running(port)
        if router is not None and router.pid == child.pid:
            return 0
        time.sleep(0.01)
    child.terminate()
    click.echo(
        f"ccr: the router did not answer within {READY_WITHIN_S:.0f} s; see {saying.parent}/ccr-{port}.out", err=True
    )
    return 1


def announce(prepared: Prepared, port: int) -> None:
    """The address on standard error; on standard output the lines that point Claude Code at it, ready to evaluate.

    They are two, or one where clients need a router key, theirs being nobody's to print, or keep their own credentials;
    with TLS there is one more, for whom to trust.
    """
    url = prepared.url_at(port)
    forwards = forwards_credentials(prepared.first.rules, prepared.first.providers)
    if forwards and prepared.keyed:
        wants = "this line points Claude Code at it, with its own credentials; the router's key goes into CCR_KEY for `ccr code`"
    elif forwards:
        wants = "this line points Claude Code at it, with its own credentials (or run `ccr code`)"
    elif prepared.keyed:
        wants = "this line points Claude Code at it; its key goes into ANTHROPIC_AUTH_TOKEN (`ccr code` takes CCR_KEY)"
    else:
        wants = "these two lines point Claude Code at it (or run `ccr code`)"
    if prepared.trust() is not None:
        wants = wants.replace("this line points", "these lines point").replace("two lines", "three lines")
    click.echo(f"ccr: serving on {url} (open it in a browser to watch); {wants}:", err=True)
    shown = (1 if prepared.keyed or forwards else 2) + (prepared.trust() is not None)
    environment = client_environment(url, {}, trust=prepared.trust())
    for line in shell_lines(environment, "sh")[:shown]:
        click.echo(line)
    sys.stdout.flush()


def _why_taken(prepared: Prepared) -> str:
    port = prepared.port
    other = f"`--port {port % 65535 + 1}` (with make: `PORT={port % 65535 + 1}`)"
    if router_answers(LOOPBACK, port) or router_answers(prepared.host, port):
        return f"another ccr already answers on {client_url(prepared.host, port)}; `ccr stop --port {port}` ends it, or choose {other}"
    return f"port {port} is taken by another program; choose another with {other}"
