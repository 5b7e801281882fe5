"""Logins that `kiro-cli` and Amazon Q's command line keep in a table of their own, as the members of a token file and back.

Pure. A row is a key and a JSON text in snake case; the registration of the client stands in a row of its own, the
profile in another table. Source: the `auth_kv` and `state` tables of the Amazon Q Developer command line.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.aws.token_rules import Members, epoch_s, members_of

LOGINS: tuple[tuple[str, str, str], ...] = (
    ("kirocli:social:token", "", "social"),
    ("kirocli:odic:token", "kirocli:odic:device-registration", "IdC"),
    ("codewhisperer:odic:token", "codewhisperer:odic:device-registration", "IdC"),
)
"""The key of a login, that of its client's registration, and how one logs in so. `odic` is how these programs write it."""

PROFILE_KEY = "api.codewhisperer.profile"

_NAMES: Mapping[str, str] = {
    "accessToken": "access_token",
    "refreshToken": "refresh_token",
    "expiresAt": "expires_at",
    "profileArn": "profile_arn",
    "region": "region",
    "startUrl": "start_url",
    "provider": "provider",
}
"""Member of a token file -> member of a row."""

_REGISTRATION: Mapping[str, str] = {
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "registrationExpiresAt": "client_secret_expires_at",
}


def login_in(rows: Mapping[str, bytes], profile: bytes | None) -> tuple[str, Members] | None:
    """The key and the members of the login that lasts longest, or None: there is none. `profile` is the other table's row."""
    found: list[tuple[float, str, Members]] = []
    for key, registration, method in LOGINS:
        row = members_of(rows.get(key, b""))
        if row is None:
            continue
        members: dict[str, object] = _renamed(row, _NAMES) | {"authMethod": method}
        members |= _renamed(members_of(rows.get(registration, b"")) or {}, _REGISTRATION)
        if "profileArn" not in members and (arn := (members_of(profile or b"") or {}).get("arn")):
            members["profileArn"] = arn
        expires = members.get("expiresAt")
        found.append(((epoch_s(expires) if isinstance(expires, str) else None) or 0.0, key, members))
    if not found:
        return None
    _, best, login = max(found, key=lambda one: one[0])
    return best, login


def row_after(row: bytes, members: Members) -> dict[str, object]:
    """The row's object with what a refresh changed; what it did not have before, but for the tokens and their time, stays out."""
    before = members_of(row) or {}
    changing = {ours: theirs for ours, theirs in _NAMES.items() if ours in ("accessToken", "refreshToken", "expiresAt")}
    after = {**before, **{theirs: members[ours] for ours, theirs in changing.items() if ours in members}}
    if "expiresAt" not in members:
        after.pop("expires_at", None)
    if "profile_arn" in before and "profileArn" in members:
        after["profile_arn"] = members["profileArn"]
    return after


def _renamed(row: Members, names: Mapping[str, str]) -> dict[str, object]:
    return {ours: row[theirs] for ours, theirs in names.items() if row.get(theirs) is not None}
