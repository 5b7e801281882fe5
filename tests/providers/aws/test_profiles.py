"""Which token file `AWS_PROFILE` means."""

from __future__ import annotations

import hashlib

import pytest

from providers.aws.profiles import DATABASES, KIRO_FILE, default_region, default_token_path, region_of, token_path_of

CONFIG = """
[default]
region = us-east-1
[profile work]
sso_session = corp
[sso-session corp]
sso_start_url = https://corp.awsapps.example/start
sso_region = eu-west-1
[profile old]
sso_start_url = https://old.awsapps.example/start
sso_region = us-west-2
[profile keys]
aws_access_key_id = x
"""


def cached(key: str) -> str:
    return f"~/.aws/sso/cache/{hashlib.sha1(key.encode()).hexdigest()}.json"


@pytest.mark.parametrize(
    ("profile", "path"),
    [
        ("work", cached("corp")),
        ("old", cached("https://old.awsapps.example/start")),
        ("keys", None),
        ("default", None),
        ("missing", None),
    ],
)
def test_a_profile_leads_to_its_cached_token(profile: str, path: str | None) -> None:
    """The file's name is the SHA-1 of the session's name, or of the start URL in the older form."""
    assert token_path_of(profile, CONFIG) == path


def test_the_region_is_the_session_s() -> None:
    """A session's region comes from its section, an older profile's from itself."""
    assert [region_of(name, CONFIG) for name in ("work", "old", "default", "missing")] == [
        "eu-west-1",
        "us-west-2",
        None,
        None,
    ]


def test_without_a_token_path_the_profile_decides_and_then_kiro() -> None:
    """`AWS_PROFILE` is used where it leads somewhere; an unreadable file is like none."""

    def nothing(_: str) -> bool:
        return False

    assert default_token_path({"AWS_PROFILE": "work"}, CONFIG, nothing) == cached("corp")
    assert default_token_path({"AWS_PROFILE": "keys"}, CONFIG, nothing) == KIRO_FILE
    assert default_token_path({}, CONFIG, nothing) == KIRO_FILE
    assert default_token_path({"AWS_PROFILE": "work"}, "[[[ no ini", nothing) == KIRO_FILE


def test_the_login_of_a_command_line_program_is_found() -> None:
    """Where Kiro has left no file: `kiro-cli` before Amazon Q."""
    kiro, amazon = DATABASES[0], DATABASES[2]
    assert default_token_path({}, "", {amazon}.__contains__) == amazon
    assert default_token_path({}, "", {kiro, amazon}.__contains__) == kiro
    assert default_token_path({}, "", {KIRO_FILE, kiro}.__contains__) == KIRO_FILE


def test_aws_region_is_the_default_region() -> None:
    """Empty is like absent."""
    assert default_region({"AWS_REGION": "eu-central-1"}) == "eu-central-1"
    assert default_region({"AWS_REGION": ""}) is None
