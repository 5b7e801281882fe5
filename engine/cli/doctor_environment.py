"""The checks of `ccr doctor` on this machine. An edge."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from engine.built import Built
from engine.cli.ask import ask, router_answers
from engine.cli.configured import Chosen
from engine.cli.folders import state_folder
from engine.cli.pid_file import pid_path, running
from engine.doctor.verdicts import Check, Verdict
from engine.version import VERSION

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 100_000_000

EXTRAS = (("redis", "redis"), ("bedrock", "botocore"), ("postgres", "psycopg"))
"""Extra of the distribution -> the module that it brings."""


def environment_checks(built: Built | None, host: str, port: int) -> Iterator[Check]:
    """Python, packages, folders, and the port; a router would be asked at `host`. `built` None: nothing to go by."""
    yield _python()
    yield _packages(built)
    yield _state_folder()
    if built is not None:
        yield _log_folder(Path(os.path.expanduser(built.settings.debug.log_dir)))
    yield _port(built, host, port)


def newest_file() -> float:
    """When the program's own files were written last, in seconds since the epoch."""
    here = Path(__file__).parent
    return max((path.stat().st_mtime for path in here.glob("*.py")), default=0.0)


def file_checks(chosen: Chosen) -> Iterator[Check]:
    """Who may read and change the configuration."""
    if chosen.name == "-":
        return
    try:
        mode = stat.S_IMODE(Path(chosen.name).stat().st_mode)
    except OSError as problem:
        said = f"{chosen.name} cannot be looked at: {problem.strerror}"
        yield Check("configuration", "file", "fail", said)
        return
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        said = f"{chosen.name} may be changed by others (mode {mode:04o})"
        yield Check("configuration", "file", "fail", said, f"chmod go-w {chosen.name}")
    else:
        yield Check("configuration", "file", "ok", f"{chosen.name} ({chosen.reason}, mode {mode:04o})")


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = sys.version_info >= OLDEST_PYTHON
    advice = "" if fits else f"install Python {'.'.join(map(str, OLDEST_PYTHON))} or newer"
    return Check("environment", "python", "ok" if fits else "fail", f"{version} runs ccr {VERSION}", advice)


def _packages(built: Built | None) -> Check:
    wanted = set()
    if built is not None:
        usage = built.settings.usage
        wanted = {
            *({"redis"} if built.settings.state is not None else ()),
            *({"bedrock"} if any(spec.type == "bedrock" for spec in built.providers.values()) else ()),
            *({"postgres"} if usage is not None and usage.store.reveal().startswith("postgres") else ()),
        }
    missing = [extra for extra, module in EXTRAS if extra in wanted and find_spec(module) is None]
    if missing:
        said = f"the configuration needs the extra {', '.join(missing)}, which is not installed"
        return Check("environment", "packages", "fail", said, f"pip install 'ccr-router[{','.join(missing)}]'")
    return Check("environment", "packages", "ok", "all that the configuration needs are installed")


def _state_folder() -> Check:
    folder = state_folder()
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except FileNotFoundError:
        return _writable("folder", folder, "is made when it is needed")
    except OSError as problem:
        return Check("environment", "folder", "fail", f"{folder} cannot be looked at: {problem.strerror}")
    if mode & 0o077:
        said = f"{folder} is open to others (mode {mode:04o})"
        return Check("environment", "folder", "warn", said, f"chmod 700 {folder}")
    return _writable("folder", folder, "is this user's alone")


def _log_folder(folder: Path) -> Check:
    return _writable("log", folder, "takes the log")


def _writable(name: str, folder: Path, well: str) -> Check:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        said = f"nothing can be written to {folder}" + ("" if there == folder else f", since {there} does not let it")
        return Check("environment", name, "fail", said, f"see to it that this user may write to {there}")
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE_BYTES:
        said = f"only {free // 1_000_000} MB are free where {folder} is"
        return Check("environment", name, "warn", said, "make room: what cannot be written is lost")
    return Check("environment", name, "ok", f"{folder} {well}")


def _port(built: Built | None, host: str, port: int) -> Check:
    router = running(port)
    if router_answers(host, port):
        answer = ask(host, port, "/status")
        revision = answer.body.get("revision") if answer is not None else None
        if built is not None and revision not in (None, built.revision):
            said = f"a ccr answers on {host}:{port}, with another configuration (revision {revision})"
            return Check(
                "environment", "port", "warn", said, f"`ccr reload --port {port}` or `ccr restart --port {port}`"
            )
        return Check("environment", "port", "ok", f"a ccr answers on {host}:{port}")
    if router is not None:
        said = f"the router of port {port} (process {router.pid}) does not answer"
        return Check("environment", "port", "fail", said, f"`ccr restart --port {port}`; `ccr logs` may say why")
    verdict, said, advice = _free(built.settings.server.host if built is not None else host, port)
    if verdict == "ok" and pid_path(port).exists():
        said += f"; {pid_path(port)} was left behind by a killed router, which does no harm"
    return Check("environment", "port", verdict, said, advice)


def _free(host: str, port: int) -> tuple[Verdict, str, str]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            said = f"{host}:{port} cannot be listened on: {(problem.strerror or 'unknown').lower()}"
            return "fail", said, f"end what holds it, or choose another port (`--port {port % 65535 + 1}`)"
    return "ok", f"{host}:{port} is free; no router runs there", "`ccr start` starts one"
