"""Which variables point Claude Code at the router, and which stand in the way. Pure.

Source: recorded behaviour of the client: with both ANTHROPIC_AUTH_TOKEN and ANTHROPIC_API_KEY set it warns, and with
CLAUDE_CODE_USE_BEDROCK or CLAUDE_CODE_USE_VERTEX set it ignores ANTHROPIC_BASE_URL.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never
from urllib.parse import urlsplit

Shell: TypeAlias = Literal["sh", "fish", "powershell"]

UNSET = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX")
_NO_KEY = "ccr"
_PAST_PROXIES = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class ClientEnvironment:
    """Variables to set, in order, and variables to remove."""

    assigned: Mapping[str, str]
    removed: tuple[str, ...] = UNSET

    def over(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of the client, started from `environ`."""
        kept = {name: value for name, value in environ.items() if name not in self.removed}
        return {**kept, **self.assigned}


def client_environment(base_url: str, environ: Mapping[str, str]) -> ClientEnvironment:
    """What the client needs to speak to the router at `base_url`.

    A token that is already set stays: it only goes to the router, which needs it where it checks keys. Without one the
    client gets a word in its place (or the router key in CCR_KEY), since it refuses to start with none.
    """
    assigned = {"ANTHROPIC_BASE_URL": base_url}
    if environ.get("CCR_KEY"):
        assigned["ANTHROPIC_AUTH_TOKEN"] = environ["CCR_KEY"]
    elif not environ.get("ANTHROPIC_AUTH_TOKEN"):
        assigned["ANTHROPIC_AUTH_TOKEN"] = _NO_KEY
    assigned["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] = "1"
    for name in ("NO_PROXY", "no_proxy"):
        if name == "NO_PROXY" or name in environ:
            assigned[name] = _past_proxies(environ.get(name, ""), base_url)
    return ClientEnvironment(assigned)


def url_at(host: str, port: int) -> str:
    """The base URL of a router there; a literal IPv6 address gets its brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def shell_lines(environment: ClientEnvironment, shell: Shell) -> list[str]:
    """The assignments and removals as lines that `shell` evaluates; values are quoted for it."""
    return [_assign(shell, name, value) for name, value in environment.assigned.items()] + [
        _remove(shell, name) for name in environment.removed
    ]


def _past_proxies(hosts: str, base_url: str) -> str:
    """`hosts` with loopback and the router's own host."""
    named = [host.strip() for host in hosts.split(",") if host.strip()]
    router = urlsplit(base_url).hostname
    wanted = dict.fromkeys([*_PAST_PROXIES, *([router] if router else [])])
    return ",".join([*named, *(host for host in wanted if host not in named)])


def _assign(shell: Shell, name: str, value: str) -> str:
    match shell:
        case "sh":
            return f"export {name}={shlex.quote(value)}"
        case "fish":
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            return f"set -gx {name} '{escaped}'"
        case "powershell":
            return f"$env:{name} = '{value.replace(chr(39), chr(39) * 2)}'"
        case _:
            assert_never(shell)


def _remove(shell: Shell, name: str) -> str:
    match shell:
        case "sh":
            return f"unset {name}"
        case "fish":
            return f"set -e {name}"
        case "powershell":
            return f"Remove-Item Env:{name} -ErrorAction SilentlyContinue"
        case _:
            assert_never(shell)
