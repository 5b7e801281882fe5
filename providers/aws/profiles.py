"""Which token file an AWS profile means, from the text of `~/.aws/config`.

Source: AWS CLI, "Configuring IAM Identity Center authentication": `sso_session` names a section `[sso-session NAME]`;
the cached token is `~/.aws/sso/cache/<sha1 of the session's name>.json`, or of the start URL for a profile that has
`sso_start_url` itself.
"""

from __future__ import annotations

import configparser
import hashlib
from collections.abc import Callable, Mapping

CACHE = "~/.aws/sso/cache"
KIRO_FILE = f"{CACHE}/kiro-auth-token.json"


def token_path_of(profile: str, config_text: str) -> str | None:
    """The token file of a profile, or None: there is no such profile, or it does not use SSO."""
    sections = _sections(config_text)
    section = sections.get("default" if profile == "default" else f"profile {profile}") or sections.get(profile)
    if section is None:
        return None
    key = section.get("sso_session") or section.get("sso_start_url")
    return None if not key else f"{CACHE}/{hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()}.json"


def region_of(profile: str, config_text: str) -> str | None:
    """The region of a profile's SSO session, or None."""
    sections = _sections(config_text)
    section = sections.get("default" if profile == "default" else f"profile {profile}") or {}
    session = sections.get(f"sso-session {section.get('sso_session', '')}") or section
    return session.get("sso_region")


DATABASES = tuple(
    f"{folder}/{program}/data.sqlite3"
    for program in ("kiro-cli", "amazon-q")
    for folder in ("~/.local/share", "~/Library/Application Support")
)
"""Where the command-line programs keep their logins, on Linux and on macOS."""


def default_token_path(environment: Mapping[str, str], config_text: str, exists: Callable[[str], bool]) -> str:
    """The login where the configuration names none: `AWS_PROFILE`'s, else Kiro's, else that of a command-line program.

    Where there is none of them it is Kiro's file, which the user is told about then.
    """
    profile = environment.get("AWS_PROFILE", "")
    named = token_path_of(profile, config_text) if profile else None
    return named or next(filter(exists, (KIRO_FILE, *DATABASES)), KIRO_FILE)


def default_region(environment: Mapping[str, str]) -> str | None:
    """`AWS_REGION`: only for what names no region itself."""
    return environment.get("AWS_REGION") or None


def _sections(config_text: str) -> dict[str, dict[str, str]]:
    """The sections; an unreadable file has none."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="\0")
    try:
        parser.read_string(config_text)
    except configparser.Error:
        return {}
    return {name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()}
