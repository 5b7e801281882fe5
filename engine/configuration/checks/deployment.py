"""What is risky or known not to work in the world outside: endpoints, secrets in the file, placeholders, the address.

Nothing here shows a value that may be a credential: messages name keys and hosts only.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from engine.configuration.checks.scope import Scope
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Severity
from schemas.document import Entry, Mapping, Node, Scalar, Sequence, node_at
from schemas.edits import replacing
from schemas.places import inside
from schemas.substitute import is_unresolved
from schemas.wording import quoted


def deployment(scope: Scope, *, public: bool) -> Iterator[Diagnostic]:
    """801, 802, 804, 805, 806, 808. `public`: the user said that strangers are kept out by something else."""
    for entry in scope.provider_entries():
        if isinstance(entry.value, Mapping):
            yield from _provider(entry, entry.value)
    yield from _public(scope, public)


def _provider(entry: Entry, node: Mapping) -> Iterator[Diagnostic]:
    name = str(entry.key.value)
    kind = node.get("type")
    kind_name = str(kind.value) if isinstance(kind, Scalar) else ""
    listed = node.get("instances")
    members = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, Sequence) else []
    cleartext = any(
        _is_true(node_at(node, path)) for path in (["tls", "allowCleartext"], ["settings", "tls", "allowCleartext"])
    )
    for member in (node, *members):
        written = member.get("endpoint")
        endpoint = written if isinstance(written, Scalar) and not is_unresolved(written) else None
        if endpoint is not None:
            yield from _endpoint(kind_name, endpoint, cleartext)
        own = endpoint or node.get("endpoint")
        local = isinstance(own, Scalar) and not is_unresolved(own) and not is_public_host(_host(own))
        credentials = member.get("authentication")
        if credentials is not None:
            yield from _secrets(name, credentials, local)
    for path in (["tls"], ["settings", "tls"]):
        tls = node_at(node, path)
        if isinstance(tls, Mapping) and (key := tls.entry("key")) is not None and tls.get("certificate") is None:
            message = f"`tls` of {quoted(name)} has a key without its certificate"
            yield finding("CCR808", message, key.key.span, help="write `certificate: FILE` beside it")
    settings = node.get("settings")
    arn = settings.get("profileArn") if isinstance(settings, Mapping) else None
    if isinstance(arn, Scalar) and isinstance(arn.value, str) and _ARN_PLACEHOLDER.search(arn.value):
        yield _placeholder(f"`profileArn` of {quoted(name)}", arn)


def _host(node: Scalar) -> str:
    try:
        return (urlsplit(str(node.value)).hostname or "").lower()
    except ValueError:
        return ""


@lru_cache(maxsize=64)  # asked several times of each endpoint
def is_public_host(host: str) -> bool:
    """Whether a host may be reached over networks of others; a name without a dot is taken for a private one."""
    if not host or ("." not in host.strip(".") and ":" not in host):
        return False
    if host.endswith((".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test", ".example", ".invalid")):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    return address.is_global


class _KnownWrong(Struct, frozen=True):
    """An endpoint that cannot work: a pattern over the host, the types it is wrong for, one over the right path."""

    host: str
    types: tuple[str, ...]
    right_path: str | None
    help_text: str


_KNOWN_WRONG: tuple[_KnownWrong, ...] = (
    _KnownWrong(r"generativelanguage\.googleapis\.com", ("openai",), r"/v1(beta|alpha)?/openai(/.*)?", "OpenAI's format is at `/v1beta/openai`"),
    _KnownWrong(r"generativelanguage\.googleapis\.com", ("gemini",), r"/v1(beta|alpha)?(/models|/tunedModels)?", "Gemini's own format is at `/v1beta`; `/v1beta/openai` speaks type `openai`"),
    _KnownWrong(r"([a-z0-9-]+-)?aiplatform\.googleapis\.com", ("gemini",), r"/v1(beta1)?/(projects/[^/]+/locations/[^/]+/)?publishers/google(/models)?", "the path is `/v1/projects/PROJECT/locations/LOCATION/publishers/google`"),
    _KnownWrong(r"generativelanguage\.googleapis\.com", ("anthropic", "codewhisperer", "bedrock", "openai-responses"), None, "this host speaks type `gemini`"),
    _KnownWrong(r"bedrock-runtime\.[a-z0-9-]+\.amazonaws\.com", ("anthropic", "codewhisperer", "gemini"), None, "this host speaks type `bedrock`"),
    _KnownWrong(r"bedrock\.[a-z0-9-]+\.amazonaws\.com", ("bedrock",), None, "models answer at `https://bedrock-runtime.REGION.amazonaws.com`"),
    _KnownWrong(r"codewhisperer\.(?!us-east-1\.)[a-z0-9-]+\.amazonaws\.com", ("codewhisperer",), None, "this host exists in us-east-1 only; other regions are `https://q.REGION.amazonaws.com`"),
    _KnownWrong(r"api\.openai\.com", ("openai", "openai-responses"), r"/v1(/.*)?", "the path begins with `/v1`"),
    _KnownWrong(r"openrouter\.ai", ("openai",), r"/api/v1(/.*)?", "the path begins with `/api/v1`"),
    _KnownWrong(r"api\.groq\.com", ("openai",), r"/openai/v1(/.*)?", "the path begins with `/openai/v1`"),
    _KnownWrong(r"api\.deepseek\.com", ("anthropic",), r"/anthropic(/.*)?", "Anthropic's format is at `/anthropic`"),
    _KnownWrong(r"api\.moonshot\.(ai|cn)", ("anthropic",), r"/anthropic(/.*)?", "Anthropic's format is at `/anthropic`"),
    _KnownWrong(r"api\.z\.ai|open\.bigmodel\.cn", ("anthropic",), r"/api/anthropic(/.*)?", "Anthropic's format is at `/api/anthropic`"),
    _KnownWrong(r"api\.deepseek\.com|api\.moonshot\.(ai|cn)|api\.z\.ai|open\.bigmodel\.cn", ("openai",), r"(?!.*/anthropic(/|$)).*", "this path speaks type `anthropic`"),
    _KnownWrong(r"openrouter\.ai", ("anthropic",), r"/api(/v1(/.*)?)?", "the path begins with `/api`"),
    _KnownWrong(r"api\.anthropic\.com", ("codewhisperer", "gemini", "bedrock", "openai-responses"), None, "this host speaks type `anthropic`"),
    _KnownWrong(r"api\.openai\.com", ("anthropic", "codewhisperer", "gemini", "bedrock"), None, "this host speaks type `openai`"),
)  # fmt: skip


def _is_true(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.value is True


def _endpoint(kind: str, endpoint: Scalar, cleartext: bool) -> Iterator[Diagnostic]:
    try:
        parts = urlsplit(str(endpoint.value))
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return
    if parts.scheme == "http" and is_public_host(host) and not cleartext:
        yield finding(
            "CCR804",
            f"requests and credentials would go to {quoted(host)} in clear text",
            endpoint.span,
            help="write `https://`; `tls: {allowCleartext: true}` lets it go there all the same",
            fix=replacing(inside(endpoint, 0, 4), "https", safe=False) if _is_written(endpoint) else None,
        )
    server = _LOCAL_SERVERS.get(port or 0) if is_loopback(host) else None
    yield from _other_path(kind, endpoint, parts, server)
    if parts.password or (parts.username and parts.scheme in ("http", "https")):
        yield finding("CCR801", "a credential is written in an endpoint", endpoint.span, help="use `authentication`")
    for row in _KNOWN_WRONG:
        if kind not in row.types or not re.fullmatch(row.host, host):
            continue
        if row.right_path is None or not re.fullmatch(row.right_path, parts.path.rstrip("/") or "/"):
            message = f"{quoted(host)} does not answer type {quoted(kind)} at this endpoint"
            yield finding("CCR805", message, endpoint.span, help=row.help_text)
            return


# what a path ends in -> the type that asks it; None: an API that no type speaks
_API_PATHS: tuple[tuple[str, str | None], ...] = (
    ("/v1/messages", "anthropic"),
    ("/v1/responses", "openai-responses"),
    ("/chat/completions", "openai"),
    ("/v1/completions", None),
    ("/v1/embeddings", None),
    ("/api/chat", None),
    ("/api/generate", None),
    ("/api", None),
)
_LOCAL_SERVERS = {11434: "Ollama", 1234: "LM Studio"}
"""Usual port -> the server whose OpenAI format is at `/v1`."""


def _other_path(kind: str, endpoint: Scalar, parts: SplitResult, local: str | None) -> Iterator[Diagnostic]:
    """An endpoint of this type that ends in another API's path, or that lacks the `/v1` of the `local` server."""
    path = parts.path.rstrip("/")
    if kind not in ("openai", "openai-responses", "anthropic"):
        return
    for ending, owner in _API_PATHS:
        if (
            path.endswith(ending)
            and owner != kind
            and (owner is not None or kind == "openai")
            and (ending != "/api" or local)
        ):
            advice = f"type `{owner}` asks there" if owner else "write the address up to and including `/v1`"
            message = f"an endpoint that ends in {quoted(ending)} is none of type {quoted(kind)}"
            yield finding("CCR805", message, endpoint.span, help=advice)
            return
    if local and not path and kind in ("openai", "openai-responses"):
        yield finding(
            "CCR805",
            f"{local} does not answer type {quoted(kind)} at this endpoint",
            endpoint.span,
            help="the path begins with `/v1`",
        )


def _is_written(scalar: Scalar) -> bool:
    """Whether a place inside the text can be told."""
    return inside(scalar, 0, 4) != scalar.span


_ARN_PLACEHOLDER = re.compile(r"ACCOUNT|PROFILE_ID")
_PLACEHOLDER = re.compile(
    r"\byour[-_ ]|[-_ /]your[-_ ]|<[^<>]+>|^\s*(?:x{3,}|\.{3}|changeme|change-me|replace[-_ ]me|todo|insert[-_ ].*|api[-_]?key[-_]?here|secret|token)\s*$|[-_]here$",
    re.IGNORECASE,
)
_SECRET_KEYS = ("apiKey", "token")
_VARIABLE = re.compile(
    r"(?:\$|%|\{\{ *(?:env\.)?|env[:.]|\$\(|process\.env\.|!env )?([A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:KEY|TOKEN|SECRET|PAT))(?:%| *\}\}|\))?"
)
"""A variable's name as other programs write it."""
# what people write where a local server wants any key at all
_NO_SECRETS = (
    "",
    "none",
    "dummy",
    "test",
    "ollama",
    "lm-studio",
    "no-key",
    "not-needed",
    "unused",
    "local",
    "sk-no-key-required",
)


def _secrets(provider: str, node: Node, local: bool) -> Iterator[Diagnostic]:
    if not isinstance(node, Mapping):
        return
    for entry in node:
        key, value = str(entry.key.value), entry.value
        if isinstance(value, Mapping):
            yield from _secrets(provider, value, local)
        if not isinstance(value, Scalar) or not isinstance(value.value, str) or "${" in value.raw:
            continue
        if key in (*_SECRET_KEYS, "tokenPath") and _PLACEHOLDER.search(value.value):
            yield _placeholder(f"{quoted(key)} of {quoted(provider)}", value)
        elif key in _SECRET_KEYS:
            text = value.value.strip()
            variable = _VARIABLE.fullmatch(text)
            if variable is not None or (not local and text.lower() not in _NO_SECRETS):
                message = f"{quoted(key)} of {quoted(provider)} is written in the file"
                yield finding("CCR801", message, value.span, help=_better(text, variable))


def _better(text: str, variable: re.Match[str] | None) -> str:
    if variable is None:
        return "write `${NAME}` for an environment variable, or `${file:PATH}`"
    if variable[1] == text:
        return "if that is a variable's name, write it between `${` and `}`"
    return f"write `${{{variable[1]}}}`"


def _placeholder(what: str, node: Scalar) -> Diagnostic:
    return finding(
        "CCR802", f"{what} is still the placeholder of an example", node.span, help="put your own value there"
    )


def _public(scope: Scope, public: bool) -> Iterator[Diagnostic]:
    node = scope.at("server.host")
    if (
        not isinstance(node, Scalar)
        or not isinstance(node.value, str)
        or is_unresolved(node)
        or is_loopback(node.value)
        or scope.at("server.apiKeys") is not None
    ):
        return
    yield finding(
        "CCR806",
        f"{quoted(node.value)} lets other machines in, and no key protects the router",
        node.span,
        help="listen on `127.0.0.1`, set `server.apiKeys`, or start with `--public` where something else keeps strangers out",
        severity=Severity.WARNING if public else None,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address to listen on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
