"""What token files of every shape say, and what they say after a refresh."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from providers.aws.token_rules import Members, epoch_s, iso_time, refreshed, refused_for_good, standing
from tests.vectors.codewhisperer import cwvectors

CASES = cwvectors.load("auth.json")["cases"]
NOW = 1_787_400_000.0
LONG = "aorAAAAA" + "r" * 100


def standing_of(members: Any, now_s: float = NOW, beside: dict[str, Any] | None = None, **more: Any) -> Any:
    def registration(name: str) -> Members | None:
        return (beside or {}).get(name)

    return standing(members if isinstance(members, dict) else None, now_s, registration, **more)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_auth_vector_is_met(case: dict[str, Any]) -> None:
    """State, kind, refresh request and the file afterwards are as the vectors say."""
    now = epoch_s(case["now"])
    assert now is not None
    expect = case["expect"]
    found = standing_of(case["file"], now, case["extra_files"])
    assert (found.state, found.kind) == (expect["state"], expect["kind"])
    if "token" in expect:
        assert found.token.reveal() == expect["token"]
        assert found.profile_arn == expect["profile_arn"]
    assert expect.get("message_contains", "") in found.why
    assert (found.state == "unusable") == bool(found.why)
    if "request" in expect:
        wanted = expect["request"]
        assert (found.request.url, found.request.content_type) == (wanted["url"], wanted["content_type"])
        assert json.loads(found.request.body.reveal()) == wanted["json"]
    if expect.get("response", {}).get("status") == 200:
        after = refreshed(case["file"], json.dumps(expect["response"]["json"]).encode(), now)
        assert cwvectors.differences(expect["file_after"], after) == []


TIMES = [
    ("2026-08-22T12:00:00Z", 1787400000.0),
    ("2026-08-22T12:00:00.5Z", 1787400000.5),
    ("2026-08-22T12:00:00.123456789Z", 1787400000.123456789),
    ("2026-08-22T14:00:00+02:00", 1787400000.0),
    ("2026-08-22T14:00:00+0200", 1787400000.0),
    ("2026-08-22T12:00:00UTC", 1787400000.0),
    ("2026-08-22 12:00:00", 1787400000.0),
    ("2026-13-22T12:00:00Z", None),
    ("2026-08-22T12:00:00.1234567890Z", None),
    ("soon", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "wanted"), TIMES)
def test_times_have_up_to_nine_fraction_digits(text: str, wanted: float | None) -> None:
    """Times of all writers of these files are read; others are no time."""
    assert epoch_s(text) == wanted


def test_a_written_time_is_read_again() -> None:
    """`iso_time` and `epoch_s` agree to the millisecond."""
    assert iso_time(1787400000.0) == "2026-08-22T12:00:00.000Z"
    assert epoch_s(iso_time(1787400000.987)) == 1787400000.987


IDC = {
    "accessToken": "a",
    "refreshToken": LONG,
    "authMethod": "IdC",
    "clientIdHash": "h",
    "expiresAt": "2020-01-01T00:00:00Z",
}
CLIENT = {"clientId": "c", "clientSecret": "s"}
EXTERNAL = {
    "accessToken": "a",
    "refreshToken": LONG,
    "authMethod": "external_idp",
    "expiresAt": "2020-01-01T00:00:00Z",
    "issuerUrl": "https://idp.example",
    "tokenEndpoint": "https://login.idp.example/token",
    "clientId": "c",
    "scopes": ["x", "y"],
}
UNUSABLE = [
    ("truncated", IDC | {"refreshToken": "aor...xyz" + "r" * 100}, "incomplete"),
    ("short", IDC | {"refreshToken": "aor"}, "incomplete"),
    ("no-registration", IDC | {"clientIdHash": "gone"}, "`gone.json` is missing"),
    ("hash-is-a-path", IDC | {"clientIdHash": "../../etc/passwd"}, "no client registration"),
    ("region-is-a-host", IDC | {"region": "evil.example/#"}, "no AWS region"),
    ("issuer-elsewhere", EXTERNAL | {"tokenEndpoint": "https://evil.example/token"}, "not its issuer's"),
    ("issuer-suffix", EXTERNAL | {"tokenEndpoint": "https://evilidp.example/token"}, "not its issuer's"),
    ("cleartext", EXTERNAL | {"tokenEndpoint": "http://idp.example/token"}, "not its issuer's"),
    ("nothing", {}, "log in again"),
]


@pytest.mark.parametrize(("members", "said"), [row[1:] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE])
def test_a_file_that_cannot_be_refreshed_says_why(members: dict[str, Any], said: str) -> None:
    """Every reason is named, and no request goes to a host that the file alone made up."""
    found = standing_of(members, beside={"h.json": CLIENT})
    assert (found.state, found.request) == ("unusable", None)
    assert said in found.why


def test_what_cannot_be_refreshed_serves_while_it_lives() -> None:
    """Within the five minutes before its end a token without a way to refresh is still valid."""
    members = IDC | {"refreshToken": "cut", "expiresAt": iso_time(NOW + 60)}
    assert standing_of(members).state == "valid"


def test_the_region_of_the_environment_is_only_a_fallback() -> None:
    """`AWS_REGION` names the OIDC host where the file has no region, and no other time."""
    there = standing_of(IDC, beside={"h.json": CLIENT}, region="eu-west-1")
    assert there.request.url == "https://oidc.eu-west-1.amazonaws.com/token"
    own = standing_of(IDC | {"region": "us-west-2"}, beside={"h.json": CLIENT}, region="eu-west-1")
    assert own.request.url == "https://oidc.us-west-2.amazonaws.com/token"


def test_an_external_issuer_is_asked_with_a_form() -> None:
    """The refresh goes to the issuer's own endpoint as RFC 6749 wants it, and requests then carry the token's type."""
    found = standing_of(EXTERNAL)
    assert found.request.content_type == "application/x-www-form-urlencoded"
    assert parse_qs(found.request.body.reveal()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": [LONG],
        "client_id": ["c"],
        "scope": ["x y"],
    }
    assert found.headers == (("tokentype", "EXTERNAL_IDP"),)
    after = refreshed(EXTERNAL, b'{"access_token":"n","expires_in":60}', NOW)
    assert after == EXTERNAL | {"accessToken": "n", "expiresAt": iso_time(NOW + 60)}


def test_no_secret_is_shown() -> None:
    """Neither the standing nor its request print a token."""
    shown = repr(
        standing_of(IDC | {"accessToken": "canary-a", "refreshToken": "canary-" + LONG}, beside={"h.json": CLIENT})
    )
    assert "canary" not in shown
    assert "'s'" not in shown


REFUSALS = [
    (400, b'{"error":"invalid_grant"}', True),
    (400, b'{"message":"Invalid refresh token provided"}', True),
    (401, b'{"error":"invalid_client"}', True),
    (400, b'{"error":"slow_down"}', False),
    (400, b'{"error":"SlowDownException"}', False),
    (500, b"", False),
    (503, b"<html>", False),
    (429, b"", False),
]


@pytest.mark.parametrize(("status", "answer", "wanted"), REFUSALS)
def test_only_refusals_end_a_refresh_token(status: int, answer: bytes, wanted: bool) -> None:
    """A service that is down or busy is asked again later; one that refuses is not."""
    assert refused_for_good(status, answer) is wanted


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"accessToken":1}', b"<html>"])
def test_an_answer_without_a_token_changes_nothing(answer: bytes) -> None:
    """Nothing is written from an answer that gives no token."""
    assert refreshed(IDC, answer, NOW) is None
