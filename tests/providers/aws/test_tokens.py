"""Token files on disk: read again, refreshed once, rewritten whole."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from providers.aws.token_rules import RefreshRequest, iso_time
from providers.aws.tokens import TokenFile, TokenFiles, TokenUnusable, refresher_over, token_files_of
from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError
from providers.secret import Secret
from providers.spec import Timeouts
from providers.upstream import Tap, TransportFailed, UpstreamRequest, UpstreamResponse

NOW = 1_787_400_000.0
OLD, NEW = "aor-old-" + "r" * 100, "aor-new-" + "r" * 100


class FakeService:
    """A refresh service: answers in turn, remembers what it was asked, and can do something while it is asked."""

    def __init__(self, *answers: tuple[int, Any] | ProviderError, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.meanwhile = meanwhile

    async def __call__(self, request: RefreshRequest) -> tuple[int, bytes]:
        self.asked.append(request.refresh_token.reveal())
        answer = self.answers.pop(0)
        await asyncio.sleep(0)
        self.meanwhile()
        if isinstance(answer, ProviderError):
            raise TransportFailed(answer)
        return answer[0], json.dumps(answer[1]).encode()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


GIVEN = (200, {"accessToken": "new", "refreshToken": NEW, "expiresIn": 3600})


def social(expires_in: float = -10.0, **more: Any) -> dict[str, Any]:
    return {
        "accessToken": "old",
        "refreshToken": OLD,
        "profileArn": "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC",
        "expiresAt": iso_time(NOW + expires_in),
        "authMethod": "social",
        "unknown": {"keep": 1},
    } | more


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "token.json"


def put(path: Path, members: Any) -> None:
    path.write_text(json.dumps(members))


def kept(path: Path) -> Any:
    return json.loads(path.read_text())


def file_at(path: Path, service: FakeService, clock: Clock | None = None) -> TokenFile:
    file = TokenFiles(service, clock or Clock()).at(str(path))
    assert file is not None
    return file


async def test_a_valid_token_is_read_and_nothing_is_asked(path: Path) -> None:
    """A living token is used with the file's profile."""
    put(path, social(3600))
    service = FakeService()
    token = await file_at(path, service).token()
    assert (token.token.reveal(), token.profile_arn) == ("old", social()["profileArn"])
    assert service.asked == []


async def test_a_changed_file_is_read_again(path: Path) -> None:
    """Another program's login is used from the next request on."""
    put(path, social(3600))
    file = file_at(path, FakeService())
    await file.token()
    put(path, social(3600, accessToken="another-login"))
    assert (await file.token()).token.reveal() == "another-login"


async def test_a_refresh_rewrites_the_file_and_keeps_what_it_does_not_know(path: Path) -> None:
    """Unknown members and the profile survive, the mode is 0600, and nothing else is left in the folder."""
    put(path, social())
    path.chmod(0o644)
    token = await file_at(path, FakeService(GIVEN)).token()
    assert token.token.reveal() == "new"
    assert kept(path) == social(accessToken="new", refreshToken=NEW, expiresAt=iso_time(NOW + 3600))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(path.parent)) == [".token.json.ccr-lock", "token.json"]


async def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    """The rewrite replaces the file a link leads to."""
    put(path, social())
    link = tmp_path / "link.json"
    link.symlink_to(path)
    await file_at(link, FakeService(GIVEN)).token()
    assert link.is_symlink()
    assert kept(path)["accessToken"] == "new"


async def test_many_requests_make_one_refresh(path: Path) -> None:
    """However many ask at once, and through however many instances, the service is asked once."""
    put(path, social())
    service = FakeService(GIVEN)
    files = TokenFiles(service, Clock())
    shared = [files.at(str(path)) for _ in range(20)]
    tokens = await asyncio.gather(*(file.token() for file in shared if file is not None))
    assert {token.token.reveal() for token in tokens} == {"new"}
    assert service.asked == [OLD]


async def test_a_refresh_whose_asker_leaves_is_completed(path: Path) -> None:
    """A client that goes away in the middle of it does not cost the refresh token that the service has just given."""
    put(path, social())
    leaving: list[asyncio.Task[Any]] = []

    def leave() -> None:
        leaving[0].cancel()

    service = FakeService(GIVEN, meanwhile=leave)
    file = file_at(path, service)
    async with asyncio.TaskGroup() as group:
        leaving.append(group.create_task(file.token()))
    assert leaving[0].cancelled()
    assert (await file.token()).token.reveal() == "new"
    async with asyncio.timeout(10):  # it is written beside the loop
        while kept(path)["refreshToken"] != NEW:
            await asyncio.sleep(0.001)
    assert service.asked == [OLD]


async def test_two_processes_refresh_after_each_other(path: Path) -> None:
    """The second to get the lock finds the first one's token in the file."""
    put(path, social())
    service = FakeService(GIVEN)
    clock = Clock()
    first, second = (TokenFile(str(path), service, clock, sleep=lambda _: asyncio.sleep(0.005)) for _ in range(2))
    tokens = await asyncio.gather(first.token(), second.token())
    assert [token.token.reveal() for token in tokens] == ["new", "new"]
    assert service.asked == [OLD]


@pytest.mark.parametrize(
    "answer", [(503, {}), (400, {"error": "slow_down"}), (200, {}), ProviderError(KINDS["connect"], "down")]
)
async def test_a_failed_refresh_lets_the_old_token_serve(path: Path, answer: Any) -> None:
    """While the old token lives it is used, the file stays, and the service is not asked again for a minute."""
    put(path, social(180))
    service, clock = FakeService(answer, GIVEN), Clock()
    file = file_at(path, service, clock)
    for _ in range(3):
        assert (await file.token()).token.reveal() == "old"
    assert len(service.asked) == 1
    assert kept(path) == social(180)
    clock.now += 61
    assert (await file.token()).token.reveal() == "new"


async def test_a_dead_token_and_a_dead_service_is_an_error_that_may_pass(path: Path) -> None:
    """With nothing left to send the request fails as unavailable, and soon tries again."""
    put(path, social())
    service, clock = FakeService((503, {}), GIVEN), Clock()
    file = file_at(path, service, clock)
    for _ in range(2):
        with pytest.raises(TokenUnusable) as raised:
            await file.token()
        assert raised.value.error.kind.name == "unavailable"
    assert len(service.asked) == 1
    clock.now += 6
    assert (await file.token()).token.reveal() == "new"


async def test_a_refused_refresh_token_is_not_tried_again(path: Path) -> None:
    """The user is told to log in; the file is untouched; a new login in the file is used at once."""
    put(path, social())
    service = FakeService((400, {"message": "Invalid refresh token provided"}))
    file = file_at(path, service)
    for _ in range(3):
        with pytest.raises(TokenUnusable, match="log in again") as raised:
            await file.token()
        assert raised.value.error.kind.name == "credential"
        assert str(path) in raised.value.error.message
    assert service.asked == [OLD]
    assert kept(path) == social()
    put(path, social(3600, accessToken="fresh-login", refreshToken=NEW))
    assert (await file.token()).token.reveal() == "fresh-login"


async def test_a_token_rotated_by_another_program_is_used(path: Path) -> None:
    """When the service refuses because another program was faster, that program's token serves."""
    put(path, social())
    service = FakeService(
        (400, {"error": "invalid_grant"}),
        meanwhile=lambda: put(path, social(3600, accessToken="theirs", refreshToken=NEW)),
    )
    assert (await file_at(path, service).token()).token.reveal() == "theirs"
    assert len(service.asked) == 1


async def test_a_refresh_token_rotated_by_another_program_is_tried_once(path: Path) -> None:
    """A changed refresh token whose access token has expired too gets one more refresh."""
    put(path, social())
    answers = [(400, {"error": "invalid_grant"}), GIVEN]
    service = FakeService(
        *answers, meanwhile=lambda: put(path, social(refreshToken=NEW)) if kept(path)["refreshToken"] == OLD else None
    )
    assert (await file_at(path, service).token()).token.reveal() == "new"
    assert service.asked == [OLD, NEW]


async def test_a_token_the_upstream_refused_is_refreshed_before_its_time(path: Path) -> None:
    """Of many requests refused together only the first refreshes; a token refused later is refreshed again, or is an error."""
    put(path, social(3600))
    service, clock = FakeService(GIVEN, (400, {"error": "invalid_grant"})), Clock()
    file = file_at(path, service, clock)
    old = await file.token()
    again = await file.after_refusal(old.token)
    assert again.token.reveal() == "new"
    for refused in (old.token, again.token):
        assert (await file.after_refusal(refused)).token.reveal() == "new"
    assert len(service.asked) == 1
    clock.now += 61
    with pytest.raises(TokenUnusable):
        await file.after_refusal(again.token)
    assert len(service.asked) == 2


async def test_a_refused_token_without_a_refresh_token_needs_a_login(path: Path) -> None:
    """There is nothing to try: the user is told."""
    put(path, {"accessToken": "only", "expiresAt": iso_time(NOW + 3600)})
    file = file_at(path, FakeService())
    assert (await file.token()).token.reveal() == "only"
    with pytest.raises(TokenUnusable, match="no refresh token"):
        await file.after_refusal(Secret("only"))


async def test_what_cannot_be_written_is_kept_in_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full or read-only disk costs nothing while the process lives, and leaves the file whole."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    put(path, social())
    monkeypatch.setattr(os, "replace", fail)
    file = file_at(path, FakeService(GIVEN))
    for _ in range(2):
        assert (await file.token()).token.reveal() == "new"
    assert kept(path) == social()
    assert sorted(os.listdir(path.parent)) == [".token.json.ccr-lock", "token.json"]


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"\xff\xfe", b"{" * 100_000, b'{"accessToken":'])
async def test_a_missing_or_unreadable_file_is_named(path: Path, content: bytes | None) -> None:
    """The error names the file and is the configuration's fault, not the client's."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TokenUnusable) as raised:
        await file_at(path, FakeService()).token()
    assert str(path) in raised.value.error.message
    assert raised.value.error.kind.name == "credential"


async def test_a_file_that_appears_is_used(path: Path) -> None:
    """A login after the start needs no restart."""
    file = file_at(path, FakeService())
    with pytest.raises(TokenUnusable):
        await file.token()
    put(path, social(3600))
    assert (await file.token()).token.reveal() == "old"


class FakeTransport:
    """Remembers the request and answers it in two pieces."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        self.sent: list[UpstreamRequest] = []
        self.closed = 0

    async def send(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        self.sent.append(request)
        return FakeResponse(self)

    async def aclose(self) -> None:
        pass


class FakeResponse:
    waited_s = 0.0
    is_whole = False

    def __init__(self, transport: FakeTransport) -> None:
        self.head = Head(transport.status, {})
        self._transport = transport

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._transport.body[:3]
        yield self._transport.body[3:]

    def tap(self, tap: Tap) -> None:
        raise AssertionError("nobody is in a hurry")

    async def aclose(self, *, ended: bool = False) -> None:
        self._transport.closed += 1


async def test_a_refresh_is_one_post_with_its_content_type() -> None:
    """The request goes out as the rules made it; the answer is read whole and its connection given back."""
    transport = FakeTransport(400, b'{"error":"x"}')
    request = RefreshRequest(
        "https://oidc.us-east-1.amazonaws.com/token", "application/json", Secret("{}"), Secret("r")
    )
    assert await refresher_over(transport)(request) == (400, b'{"error":"x"}')
    (sent,) = transport.sent
    assert (sent.method, sent.url, sent.body) == ("POST", request.url, b"{}")
    assert ("content-type", "application/json") in sent.headers
    assert transport.closed == 1


async def test_without_a_path_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`AWS_PROFILE` leads through the AWS configuration to the cached token; without it Kiro's file is used."""
    monkeypatch.setenv("HOME", str(tmp_path))
    config = tmp_path / "config"
    config.write_text("[profile work]\nsso_session = corp\n")
    transport = FakeTransport(500, b"")
    files = token_files_of({"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "work"}, transport, Clock())
    file = files.at(None)
    assert file is not None
    with pytest.raises(TokenUnusable, match=r"\.aws/sso/cache/[0-9a-f]{40}\.json"):
        await file.token()
    kiro = token_files_of({"AWS_CONFIG_FILE": str(config)}, transport, Clock()).at("")
    assert kiro is not None
    with pytest.raises(TokenUnusable, match="kiro-auth-token"):
        await kiro.token()
    assert TokenFiles(FakeService(), Clock()).at(None) is None
