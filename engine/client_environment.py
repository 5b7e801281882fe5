"""Which variables point Claude Code at the router, and which stand in the way. Pure.

    credentials   the client sends                                  ANTHROPIC_AUTH_TOKEN   ANTHROPIC_API_KEY
    router        what the router asks for: CCR_KEY, else a word     set                    removed
    own           its own key, token or login, for the upstream      as it is               as it is

Source: recorded behaviour of the client: with both ANTHROPIC_AUTH_TOKEN and ANTHROPIC_API_KEY set it warns, and with
CLAUDE_CODE_USE_BEDROCK or CLAUDE_CODE_USE_VERTEX set it ignores ANTHROPIC_BASE_URL. ANTHROPIC_CUSTOM_HEADERS holds a
`name: value` a line.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Literal, TypeAlias, assert_never
from urllib.parse import urlsplit

from msgspec import Struct

Shell: TypeAlias = Literal["sh", "fish", "powershell"]
Credentials: TypeAlias = Literal["router", "own"]

ELSEWHERE = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX")
UNSET = ("ANTHROPIC_API_KEY", *ELSEWHERE)
KEY_HEADER = "x-ccr-key"
HTTPS = "https://"
"""What a host begins with whose certificate is verified as any other server's: that of a router on another machine."""

_NO_KEY = "ccr"
_PAST_PROXIES = ("127.0.0.1", "localhost")


class ClientEnvironment(Struct, frozen=True):
    """Variables to set, in order, and variables to remove."""

    assigned: Mapping[str, str]
    removed: tuple[str, ...] = UNSET

    def over(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of the client, started from `environ`."""
        kept = {name: value for name, value in environ.items() if name not in self.removed}
        return {**kept, **self.assigned}


def client_environment(
    base_url: str, environ: Mapping[str, str], credentials: Credentials = "router", trust: str | None = None
) -> ClientEnvironment:
    """What the client needs to speak to the router at `base_url`.

    `router`: a token that is already set stays, since it only goes to the router, which needs it where it checks keys.
    Without one the client gets a word in its place (or the router key in CCR_KEY), since it refuses to start with none.
    `own`: the client's credentials are the upstream's business and are left alone; a router key goes in a header of its
    own. What an earlier `ccr env` put in their place is removed. `trust` is the PEM file of a router that speaks TLS.
    """
    assigned = {"ANTHROPIC_BASE_URL": base_url}
    if trust is not None:
        assigned["NODE_EXTRA_CA_CERTS"] = trust
    key = environ.get("CCR_KEY", "")
    token = environ.get("ANTHROPIC_AUTH_TOKEN", "")
    removed: tuple[str, ...] = UNSET
    if credentials == "own":
        removed = ("ANTHROPIC_AUTH_TOKEN", *ELSEWHERE) if token and token in (_NO_KEY, key) else ELSEWHERE
        if key:
            assigned["ANTHROPIC_CUSTOM_HEADERS"] = _with_key(environ.get("ANTHROPIC_CUSTOM_HEADERS", ""), key)
    elif key:
        assigned["ANTHROPIC_AUTH_TOKEN"] = key
    elif not token:
        assigned["ANTHROPIC_AUTH_TOKEN"] = _NO_KEY
    assigned["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] = "1"
    for name in ("NO_PROXY", "no_proxy"):
        if name == "NO_PROXY" or name in environ:
            assigned[name] = _past_proxies(environ.get(name, ""), base_url)
    return ClientEnvironment(assigned, removed)


def brings_key(environ: Mapping[str, str]) -> bool:
    """Whether the client sends a router key by itself, in a header of its own."""
    return any(map(_holds_key, environ.get("ANTHROPIC_CUSTOM_HEADERS", "").splitlines()))


def url_at(host: str, port: int, *, tls: bool = False) -> str:
    """The base URL of a router there; a literal IPv6 address gets its brackets. A host may say itself that it speaks TLS."""
    if host.startswith(HTTPS):
        return url_at(host.removeprefix(HTTPS), port, tls=True)
    return f"{'https' if tls else 'http'}://{authority(host, port)}"


def authority(host: str, port: int) -> str:
    """The same as people are told it: without its scheme, but for that of a host that has one."""
    if host.startswith(HTTPS):
        return url_at(host, port)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def without_brackets(host: str) -> str:
    """An address as it is asked for: a literal IPv6 address may be written with the brackets that it has in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def shell_lines(environment: ClientEnvironment, shell: Shell) -> list[str]:
    """The assignments and removals as lines that `shell` evaluates; values are quoted for it."""
    return [_assign(shell, name, value) for name, value in environment.assigned.items()] + [
        _remove(shell, name) for name in environment.removed
    ]


def _holds_key(line: str) -> bool:
    return line.partition(":")[0].strip().lower() == KEY_HEADER


def _with_key(headers: str, key: str) -> str:
    """The lines of `headers` with the router key's in place of an older one."""
    kept = [line for line in headers.splitlines() if not _holds_key(line)]
    return "\n".join([*kept, f"{KEY_HEADER}: {key}"])


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
