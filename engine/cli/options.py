"""Options that several commands have, and which running router a command without `--port` means."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import click
from click.core import ParameterSource
from click.decorators import FC

from engine.cli.pid_file import LOOPBACK, all_running, running
from engine.client_environment import HTTPS, without_brackets

DEFAULT_PORT = 3456
HTTPS_PORT = 443


class Named(click.Option):
    """An option with a variable: what is wrong with its value is said of whichever of the two it came from."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """The flags, or the variable."""
        source = ctx.get_parameter_source(self.name or "") if ctx is not None else None
        return f"'{self.envvar}'" if source is ParameterSource.ENVIRONMENT else super().get_error_hint(ctx)


def _bare(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    return None if value is None else without_brackets(value)


def _port(says: str) -> Callable[[FC], FC]:
    return click.option("-p", "--port", cls=Named, type=click.IntRange(1, 65535), envvar="CCR_PORT", help=says)


config = click.option("-c", "--config", metavar="FILE", help="The configuration file (else CCR_CONFIG_PATH).")
port = _port("The port (else CCR_PORT, else the file's).")
host = click.option("--host", metavar="ADDRESS", callback=_bare, help="The address to listen on (else the file's).")
router_port = _port("The router's port (else CCR_PORT).")
router_host = click.option(
    "--host",
    metavar="ADDRESS",
    callback=_bare,
    help="The router's address, or `https://ADDRESS` (else where it listens here).",
)
log_level = click.option(
    "--log-level",
    cls=Named,
    type=click.Choice(["error", "warn", "info", "debug"], case_sensitive=False),
    envvar="CCR_LOG_LEVEL",
    help="How much is logged (else CCR_LOG_LEVEL, else the file's).",
)
debug = click.option("-d", "--debug", is_flag=True, help="Log in detail, and show tracebacks of ccr's own failures.")
workers = click.option(
    "--workers", type=click.IntRange(1, 256), metavar="N", help="How many processes share the port (else the file's)."
)
env_file = click.option("--env-file", metavar="FILE", help="Read variables for ${NAME} from NAME=value lines.")
allow_missing_env = click.option("--allow-missing-env", is_flag=True, help="Go on where a ${NAME} is not set.")
as_json = click.option(
    "--format", "form", type=click.Choice(["human", "json"]), default="human", help="The form of the output."
)


def router_port_of(flag: int | None) -> int:
    """The port of the router a command speaks of: the given one, else the only one that runs, else 3456.

    Raises click.UsageError when several run and none of them is on 3456.
    """
    if flag is not None:
        return flag
    ports = [router.port for router in all_running()]
    if len(ports) == 1:
        return ports[0]
    if ports and DEFAULT_PORT not in ports:
        listed = ", ".join(str(port) for port in ports)
        raise click.UsageError(f"several routers run; choose one with `--port`: {listed}")
    return DEFAULT_PORT


def router_place(host: str | None, port: int | None) -> tuple[str, int]:
    """Host and port of the router a command speaks of; the host of one at `https://ADDRESS` keeps its scheme.

    Raises click.UsageError for what is neither an address nor such a URL.
    """
    if host is None or "/" not in host:
        chosen = router_port_of(port)
        return router_host_of(host, chosen), chosen
    try:
        url = urlsplit(host)
        written = url.port
    except ValueError:
        url, written = urlsplit(""), None
    if url.scheme != "https" or not url.hostname or url.path.strip("/") or url.query or url.fragment or url.username:
        raise click.UsageError(f"--host is an address or `https://ADDRESS:PORT`, not `{host}`")
    return HTTPS + url.hostname, written or port or HTTPS_PORT


def router_host_of(flag: str | None, port: int) -> str:
    """Where to ask the router on that port: the given address, else where a router of this user listens, else loopback."""
    if flag is not None:
        return flag
    router = running(port)
    return router.host if router is not None else LOOPBACK
