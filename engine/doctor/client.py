"""What of a client's environment and settings points Claude Code past the router, or confuses it. Pure.

Only names are looked at, and one address; no value is ever said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from engine.client_environment import ELSEWHERE
from engine.doctor.verdicts import Check
from providers.endpoint import endpoint_shown
from providers.proxies import is_loopback, proxy_of

BASE_URL = "ANTHROPIC_BASE_URL"
CREDENTIALS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY")
STEERING = (
    BASE_URL,
    *CREDENTIALS,
    *ELSEWHERE,
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "ANTHROPIC_CUSTOM_HEADERS",
)
"""Variables that decide where Claude Code goes and what it asks for; a settings file may set them too."""

TRUST = "NODE_EXTRA_CA_CERTS"
EVAL = 'eval "$(ccr env)"'


class SettingsFile(Struct, frozen=True):
    """What a settings file of Claude Code sets: names of variables in its section `env`, its own keys, an address.

    `problem` says why it cannot be read.
    """

    path: str
    names: Sequence[str] = ()
    keys: Sequence[str] = ()
    base_url: str | None = None
    problem: str | None = None


def client_checks(
    environ: Mapping[str, str], files: Sequence[SettingsFile], version: str | None, host: str, port: int
) -> list[Check]:
    """The checks of the client. `version` is what `claude --version` said, None where there is no `claude`."""
    return [
        _version(version),
        _base_url(environ, host, port),
        *_credentials(environ),
        *_elsewhere(environ),
        *_models(environ),
        *_proxy(environ, host, port),
        *(check for one in files for check in _file(one, host, port)),
    ]


def _version(version: str | None) -> Check:
    if version is None:
        return Check(
            "client", "claude", "note", "there is no `claude` on the path", "install Claude Code, or set CLAUDE_PATH"
        )
    return Check("client", "claude", "ok", version)


def _base_url(environ: Mapping[str, str], host: str, port: int) -> Check:
    url = environ.get(BASE_URL)
    if not url:
        said = f"{BASE_URL} is not set in this shell"
        return Check(
            "client", "address", "note", said, f"`ccr code` sets it for Claude Code alone, `{EVAL}` for this shell"
        )
    if leads_to(url, host, port):
        return Check("client", "address", "ok", f"{BASE_URL} leads to this router")
    said = f"{BASE_URL} leads to {_host_of(url)}, not to port {port} here"
    return Check("client", "address", "warn", said, f"`{EVAL}`")


def _host_of(url: str) -> str:
    """Only the host: the rest of an address may hold a key."""
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no address"


def _credentials(environ: Mapping[str, str]) -> list[Check]:
    there = [name for name in CREDENTIALS if environ.get(name)]
    if len(there) < 2:
        return []
    said = f"{' and '.join(there)} are both set; Claude Code warns and uses one of them"
    return [Check("client", "credentials", "warn", said, "unset one of them; `ccr code` and `ccr env` do")]


def _elsewhere(environ: Mapping[str, str]) -> list[Check]:
    there = [name for name in ELSEWHERE if environ.get(name)]
    said = "{} makes Claude Code ignore " + BASE_URL
    return [Check("client", name, "fail", said.format(name), f"`unset {name}`, or use `ccr code`") for name in there]


def _models(environ: Mapping[str, str]) -> list[Check]:
    there = [name for name in ("ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL") if environ.get(name)]
    if not there:
        return []
    return [
        Check("client", "models", "note", f"{', '.join(there)} chooses the model that rules see; categories go by it")
    ]


def _proxy(environ: Mapping[str, str], host: str, port: int) -> list[Check]:
    """A client does not know that loopback goes past proxies, as the router does."""
    names = [
        name
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
        if environ.get(name)
    ]
    listed = [entry.strip() for entry in (environ.get("no_proxy") or environ.get("NO_PROXY") or "").split(",")]
    if not names or not is_loopback(host) or {"*", host, "localhost"} & set(listed):
        return []
    said = f"{', '.join(names)} is set and NO_PROXY does not name {host}: a client may ask the proxy for the router"
    return [Check("client", "proxy", "warn", said, f"add {host}:{port} to NO_PROXY; `ccr code` and `ccr env` do")]


def _file(one: SettingsFile, host: str, port: int) -> list[Check]:
    if one.problem is not None:
        return [Check("client", "settings", "warn", f"{one.path} {one.problem}")]
    checks = []
    if one.base_url is not None and not leads_to(one.base_url, host, port):
        said = f"{one.path} sets {BASE_URL} to another address, which counts more than the environment"
        checks.append(Check("client", "settings", "fail", said, f"remove {BASE_URL} from `env` in that file"))
    elsewhere = [name for name in one.names if name in ELSEWHERE]
    if elsewhere:
        said = f"{one.path} sets {', '.join(elsewhere)}, so Claude Code ignores {BASE_URL}"
        checks.append(Check("client", "settings", "fail", said, "remove it from `env` in that file"))
    others = [name for name in one.names if name in STEERING and name not in (BASE_URL, *ELSEWHERE)]
    others += [key for key in one.keys if key == "apiKeyHelper"]
    if others:
        said = f"{one.path} sets {', '.join(others)}, which counts more than the environment"
        checks.append(Check("client", "settings", "warn", said, "see to it that this is meant for the router"))
    return checks or [Check("client", "settings", "ok", f"{one.path} leaves the address alone")]


def leads_to(url: str, host: str, port: int) -> bool:
    """Whether the address is that of the router."""
    try:
        parts = urlsplit(url)
        found = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    name = parts.hostname or ""
    return found == port and (name == host or (is_loopback(name) and is_loopback(host)))


def router_checks(environ: Mapping[str, str], keyed: bool, tls: bool) -> list[Check]:
    """Whether a client of this shell fits the router: it has a key where one is asked for, and speaks TLS where that is spoken."""
    return [*_key(environ, keyed), *_tls(environ, tls)]


def _key(environ: Mapping[str, str], keyed: bool) -> list[Check]:
    if not keyed or any(environ.get(name) for name in ("CCR_KEY", *CREDENTIALS)):
        return []
    said = f"the router asks for a key, and none of CCR_KEY, {', '.join(CREDENTIALS)} is set in this shell"
    return [
        Check("client", "key", "warn", said, "put the router key into CCR_KEY; `ccr code` and `ccr env` pass it on")
    ]


def _tls(environ: Mapping[str, str], tls: bool) -> list[Check]:
    url = environ.get(BASE_URL)
    if not url:
        return []
    scheme = "https" if tls else "http"
    if not url.lower().startswith(scheme + "://"):
        return [
            Check(
                "client",
                "tls",
                "fail",
                f"{BASE_URL} is no {scheme} address, and the router speaks {scheme}",
                f"`{EVAL}`",
            )
        ]
    if tls and not environ.get(TRUST):
        said = f"{TRUST} is not set: Claude Code takes only certificates of well-known authorities"
        return [Check("client", "tls", "note", said, f"`{EVAL}` and `ccr code` set it to the router's certificate")]
    return []


def proxies_check(environ: Mapping[str, str], endpoints: Sequence[str]) -> Check:
    """Which upstreams the router asks through a proxy."""
    through = sorted({endpoint_shown(one) for one in endpoints if proxy_of(one, environ) is not None})
    if not through:
        return Check("environment", "proxies", "ok", "all upstreams are asked directly")
    shown = ", ".join(through[:3]) + (f" and {len(through) - 3} more" if len(through) > 3 else "")
    return Check("environment", "proxies", "note", f"through a proxy: {shown}", "NO_PROXY takes out what is not meant")
