"""Signing: the keys that botocore finds, said clearly where there are none, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.auth import CredentialFailed, without_secrets
from providers.aws import signing
from providers.aws.signing import SECRET_KEY, AwsSigner
from providers.errors import KINDS, ProviderError
from providers.upstream import UpstreamRequest

REQUEST = UpstreamRequest("POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/a%3A0/invoke", (("accept", "a"),), b"{}")  # fmt: skip
REGION = lambda url: "us-east-1"  # noqa: E731 - any URL
KEYS = {"AWS_ACCESS_KEY_ID": "AKIADUMMY", "AWS_SECRET_ACCESS_KEY": "canary-secret"}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without any key, whose configuration files are the test's own."""
    for name in (*KEYS, "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


async def test_keys_of_the_environment_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request has its signature, its date and all it had; the keys themselves are not sent."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    signer = AwsSigner(REGION)
    keys = await signer.headers()
    signed = signer.sign(REQUEST, keys)
    headers = dict(signed.headers)
    assert set(headers) == {"accept", "x-amz-date", "authorization"}
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIADUMMY/")
    assert "/us-east-1/bedrock/aws4_request" in headers["authorization"]
    assert (signed.url, signed.body) == (REQUEST.url, REQUEST.body)
    echo = ProviderError(KINDS["credential"], "the key canary-secret is bad")
    assert without_secrets(echo, keys).message == "the key *** is bad"


async def test_keys_of_a_profile_sign_and_are_read_again(nobody: Path) -> None:
    """A named profile is used, and after a refusal its file is read anew."""
    file = nobody / "credentials"
    file.write_text("[work]\naws_access_key_id = AKIAOLD\naws_secret_access_key = a\naws_session_token = t\n")
    signer = AwsSigner(REGION, "work")
    assert dict(await signer.headers())[":aws-access-key"] == "AKIAOLD"
    file.write_text("[work]\naws_access_key_id = AKIANEW\naws_secret_access_key = b\n")
    assert dict(await signer.headers())[":aws-access-key"] == "AKIAOLD"
    fresh = dict(await signer.headers(refresh=True))
    assert (fresh[":aws-access-key"], fresh[SECRET_KEY]) == ("AKIANEW", "b")


@pytest.mark.parametrize(("profile", "said"), [("", "no AWS credentials were found"), ("nowhere", "nowhere")])
async def test_no_keys_are_ours_to_mend(profile: str, said: str) -> None:
    """The failure is a credential's, and says what to do."""
    with pytest.raises(CredentialFailed, match=said) as failed:
        await AwsSigner(REGION, profile).headers()
    assert failed.value.error.kind.name == "credential"


async def test_without_botocore_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is imported before it is needed, and what is missing is said."""
    monkeypatch.setattr(signing, "can_sign", lambda: False)
    with pytest.raises(CredentialFailed, match=r"ccr-router\[bedrock\]"):
        await AwsSigner(REGION).headers()
