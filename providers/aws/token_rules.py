"""Token files of AWS SSO, Amazon Q and Kiro: what one says, whether it still holds, how it is refreshed, what it says after.

Pure. Shapes: the AWS CLI's SSO cache (`startUrl`, `clientId`, …); Kiro's `kiro-auth-token.json` (`authMethod` `social`,
`IdC` with the registration in `<clientIdHash>.json` beside it, or `external_idp`). Refreshing: `CreateToken` of AWS SSO
OIDC (2019-06-10), RFC 6749 section 6 for external issuers. Members that nobody here knows are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from providers.secret import Secret

REFRESH_AHEAD_S = 300.0
RETRY_REFRESH_S = 60.0
"""A refresh that failed is tried again after this long while the old token lives."""

DEFAULT_REGION = "us-east-1"
SHORTEST_REFRESH_TOKEN = 100
"""Real ones are longer; a shorter one was cut when it was copied."""

Kind = Literal["social", "idc", "external_idp", "static"]
State = Literal["valid", "refresh", "unusable"]

_METHODS: dict[str, Kind] = {
    "social": "social",
    "idc": "idc",
    "builder-id": "idc",
    "builderid": "idc",
    "external_idp": "external_idp",
}
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d{1,2}")
_HASH = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|UTC|[+-]\d\d:?\d\d)?", re.IGNORECASE)

Members = Mapping[str, object]


class RefreshRequest(Struct, frozen=True):
    """What the refresh service is sent; the body holds secrets and is not shown."""

    url: str
    content_type: str
    body: Secret
    refresh_token: Secret


class Standing(Struct, frozen=True):
    """What a token file is worth now.

    `token` is there whenever the file has one that has not expired, also in state `refresh`; `why` says in state
    `unusable` what to do.
    """

    state: State
    kind: Kind | None
    token: Secret | None = None
    profile_arn: str | None = None
    request: RefreshRequest | None = None
    headers: tuple[tuple[str, str], ...] = ()
    why: str = ""


def members_of(raw: bytes) -> Members | None:
    """The file's object, or None where it holds something else."""
    try:
        found = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def registration_name(members: Members) -> str | None:
    """The file beside the token file that holds the client's registration, or None."""
    client_hash = _text(members, "clientIdHash")
    return f"{client_hash}.json" if _HASH.fullmatch(client_hash) else None


def standing(
    members: Members | None,
    now_s: float,
    registration: Callable[[str], Members | None],
    *,
    region: str | None = None,
) -> Standing:
    """What the file says at `now_s`. `registration` reads the file beside it by name; `region` is used where the file names none."""
    if members is None:
        return Standing("unusable", None, why="it holds no readable login; log in again")
    kind = kind_of(members)
    expires = epoch_s(_text(members, "expiresAt"))
    token = _text(members, "accessToken")
    alive = bool(token) and (expires is None or expires > now_s)
    fresh = alive and expires is not None and expires - now_s > REFRESH_AHEAD_S
    request: RefreshRequest | None = None
    why = "its access token has expired and it has no refresh token; log in again"
    if not fresh and kind != "static":
        found = _refresh_request(kind, members, now_s, registration, region)
        request, why = (None, found) if isinstance(found, str) else (found, "")
    state: State = "valid" if fresh or (alive and request is None) else "refresh" if request else "unusable"
    if state == "unusable" and not token and not why:
        why = "it has no access token; log in again"
    return Standing(
        state,
        kind,
        token=Secret(token) if alive else None,
        profile_arn=_text(members, "profileArn") or None,
        request=request,
        headers=(("tokentype", "EXTERNAL_IDP"),) if kind == "external_idp" else (),
        why=why if state == "unusable" else "",
    )


def kind_of(members: Members) -> Kind:
    """How the token was obtained; without a refresh token nothing follows from that."""
    if not _text(members, "refreshToken"):
        return "static"
    method = _METHODS.get(_text(members, "authMethod").lower())
    if method is not None:
        return method
    if _text(members, "clientIdHash") or _text(members, "clientId"):
        return "idc"
    return "social" if _text(members, "profileArn") or _text(members, "provider") else "static"


def epoch_s(text: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 time with 0 to 9 fraction digits; without a zone it is UTC. None: no time."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, time, fraction, zone = match.groups()
    offset = "+00:00" if not zone or zone.upper() in ("Z", "UTC") else zone
    try:
        whole = datetime.fromisoformat(f"{day}T{time}{offset}").timestamp()
    except ValueError:
        return None
    return whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


def iso_time(epoch: float) -> str:
    """The time as these files write it."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=round(epoch * 1000))).strftime(
        "%Y-%m-%dT%H:%M:%S."
    ) + (f"{round(epoch * 1000) % 1000:03}Z")


def refreshed(members: Members, answer: bytes, now_s: float) -> dict[str, object] | None:
    """The file's members after an answer of the refresh service; only what the answer gives is changed. None: it gives no token."""
    given = members_of(answer)
    token = _text(given or {}, "accessToken") or _text(given or {}, "access_token")
    if given is None or not token:
        return None
    after: dict[str, object] = {**members, "accessToken": token}
    rotated = _text(given, "refreshToken") or _text(given, "refresh_token")
    if rotated:
        after["refreshToken"] = rotated
    lasts_s = given.get("expiresIn", given.get("expires_in"))
    if isinstance(lasts_s, (int, float)) and not isinstance(lasts_s, bool) and 0 < lasts_s < 10**9:
        after["expiresAt"] = iso_time(now_s + lasts_s)
    elif epoch_s(_text(given, "expiresAt")) is not None:
        after["expiresAt"] = given["expiresAt"]
    else:
        after.pop("expiresAt", None)
    if _text(given, "profileArn"):
        after["profileArn"] = given["profileArn"]
    return after


def refused_for_good(status: int, answer: bytes) -> bool:
    """Whether a refresh service will not take this refresh token again: only a new login helps."""
    error = _text(members_of(answer) or {}, "error").lower().replace("_", "")
    return status in (400, 401, 403) and error not in ("slowdown", "slowdownexception", "authorizationpending")


def _refresh_request(
    kind: Kind, members: Members, now_s: float, registration: Callable[[str], Members | None], region: str | None
) -> RefreshRequest | str:
    """The request, or why there can be none."""
    token = _text(members, "refreshToken")
    if len(token) < SHORTEST_REFRESH_TOKEN or "..." in token:
        return "its refresh token is incomplete; log in again"
    match kind:
        case "social":
            where = _text(members, "region") or DEFAULT_REGION
            body = msgspec.json.encode({"refreshToken": token})
            url = f"https://prod.{where}.auth.desktop.kiro.dev/refreshToken"
        case "idc":
            where = _text(members, "region") or region or DEFAULT_REGION
            client = _client(members, now_s, registration)
            if isinstance(client, str):
                return client
            body = msgspec.json.encode(
                {"clientId": client[0], "clientSecret": client[1], "grantType": "refresh_token", "refreshToken": token}
            )
            url = f"https://oidc.{where}.amazonaws.com/token"
        case _:
            return _external_request(members, token)
    if not _REGION.fullmatch(where):
        return f"its region `{where}` is no AWS region"
    return RefreshRequest(url, "application/json", Secret(body.decode()), Secret(token))


def _client(members: Members, now_s: float, registration: Callable[[str], Members | None]) -> tuple[str, str] | str:
    """The registered client's id and secret, from the file itself or the one beside it, or why there is none."""
    holder, expiry = members, "registrationExpiresAt"
    name = registration_name(members)
    if not _text(members, "clientSecret") and name is not None:
        beside = registration(name)
        if beside is None:
            return f"its client registration `{name}` is missing or unreadable; log in again"
        holder, expiry = beside, "expiresAt"
    ends = epoch_s(_text(holder, expiry))
    if ends is not None and ends <= now_s:
        return "its client registration has expired; log in again"
    client_id, secret = _text(holder, "clientId"), _text(holder, "clientSecret")
    if not client_id or not secret:
        return "it names no client registration; log in again"
    return client_id, secret


def _external_request(members: Members, token: str) -> RefreshRequest | str:
    endpoint, issuer = _text(members, "tokenEndpoint"), _text(members, "issuerUrl")
    there, owner = urlsplit(endpoint), urlsplit(issuer)
    host, owner_host = there.hostname or "", owner.hostname or ""
    if there.scheme != "https" or not owner_host or not (host == owner_host or host.endswith(f".{owner_host}")):
        return "its token endpoint is not its issuer's over HTTPS"
    fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": _text(members, "clientId")}
    scopes = members.get("scopes")
    scope = (
        " ".join(item for item in scopes if isinstance(item, str))
        if isinstance(scopes, list)
        else _text(members, "scopes")
    )
    fields |= {name: value for name, value in (("scope", scope), ("audience", _text(members, "audience"))) if value}
    body = urlencode(fields, quote_via=quote)
    return RefreshRequest(endpoint, "application/x-www-form-urlencoded", Secret(body), Secret(token))


def _text(members: Members, key: str) -> str:
    value = members.get(key)
    return value if isinstance(value, str) else ""
