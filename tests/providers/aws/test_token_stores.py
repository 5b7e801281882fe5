"""Logins in the databases of command-line programs: every shape read, one row rewritten, the rest left alone."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from providers.aws.token_database import DatabaseStore
from providers.aws.token_rules import iso_time
from providers.aws.tokens import TokenUnusable
from tests.providers.aws.test_tokens import GIVEN, NEW, NOW, OLD, Clock, FakeService, file_at

ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC"


def row(expires_in: float = -10.0, **more: Any) -> dict[str, Any]:
    return {
        "access_token": "old",
        "refresh_token": OLD,
        "expires_at": iso_time(NOW + expires_in),
        "scopes": ["s"],
    } | more


REGISTRATION = {"client_id": "c", "client_secret": "s", "client_secret_expires_at": iso_time(NOW + 9_000)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.sqlite3"


def put(path: Path, *, wal: bool = False, profile: str | None = None, **rows: Any) -> None:
    """Writes rows; a keyword's `__` stands for a colon, `_` for a dash behind `device`."""
    with closing(sqlite3.connect(path)) as database:
        if wal:
            database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE IF NOT EXISTS auth_kv (key TEXT PRIMARY KEY, value TEXT)")
        database.execute("CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB)")
        for name, value in rows.items():
            key = name.replace("__", ":").replace("device_", "device-")
            text = value if isinstance(value, str) else json.dumps(value)
            database.execute("INSERT OR REPLACE INTO auth_kv VALUES (?, ?)", (key, text))
        if profile is not None:
            database.execute(
                "INSERT OR REPLACE INTO state VALUES ('api.codewhisperer.profile', ?)",
                (json.dumps({"arn": profile, "profile_name": "p"}).encode(),),
            )
        database.commit()


def kept(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as database:
        return {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM auth_kv")}


@pytest.mark.parametrize(
    ("rows", "profile", "kind", "arn"),
    [
        ({"kirocli__social__token": row(3600, profile_arn=ARN, provider="google")}, None, "social", ARN),
        (
            {"kirocli__odic__token": row(3600), "kirocli__odic__device_registration": REGISTRATION},
            ARN,
            "idc",
            ARN,
        ),
        (
            {"codewhisperer__odic__token": row(3600), "codewhisperer__odic__device_registration": REGISTRATION},
            None,
            "idc",
            None,
        ),
    ],
)
async def test_a_living_login_of_each_shape_is_used(
    path: Path, rows: dict[str, Any], profile: str | None, kind: str, arn: str | None
) -> None:
    """With the profile of its row, else the one the program has chosen; nothing is asked."""
    put(path, profile=profile, **rows)
    file = file_at(path, FakeService())
    token = await file.token()
    assert (token.token.reveal(), token.profile_arn, (await file.standing()).kind) == ("old", arn, kind)


async def test_a_refresh_rewrites_its_row_and_nothing_else(path: Path) -> None:
    """Members nobody here knows, the registration and other rows survive; the next start finds the new tokens."""
    rows: dict[str, Any] = {
        "codewhisperer__odic__token": row(unknown={"keep": 1}, region="eu-west-1"),
        "codewhisperer__odic__device_registration": REGISTRATION,
        "other": {"a": 1},
    }
    put(path, **rows)
    token = await file_at(path, FakeService(GIVEN)).token()

    assert token.token.reveal() == "new"
    after = kept(path)
    assert after.pop("codewhisperer:odic:token") == row(
        3600, access_token="new", refresh_token=NEW, unknown={"keep": 1}, region="eu-west-1"
    )
    assert after == {"codewhisperer:odic:device-registration": REGISTRATION, "other": {"a": 1}}
    assert (await file_at(path, FakeService()).token()).token.reveal() == "new"


async def test_the_login_that_lasts_longest_is_used(path: Path) -> None:
    """Of several, since the others are left over."""
    put(
        path,
        kirocli__social__token=row(100, access_token="left over"),
        codewhisperer__odic__token=row(3600, access_token="newest"),
    )
    assert (await file_at(path, FakeService()).token()).token.reveal() == "newest"


async def test_what_the_program_writes_meanwhile_is_read_again(path: Path) -> None:
    """Also where its database writes to a log beside it first."""
    put(path, wal=True, kirocli__social__token=row(3600))
    with closing(sqlite3.connect(path)) as program:
        file = file_at(path, FakeService())
        assert (await file.token()).token.reveal() == "old"
        program.execute("UPDATE auth_kv SET value = ?", (json.dumps(row(3600, access_token="another")),))
        program.commit()
        assert (await file.token()).token.reveal() == "another"


async def test_a_locked_database_leaves_the_last_read_in_use(path: Path) -> None:
    """Another program may be writing for longer than we wait: its old row still counts, and what we got is kept in memory."""
    put(path, kirocli__social__token=row(200, profile_arn=ARN))
    file = file_at(path, FakeService(GIVEN))
    assert (await file.standing()).state == "refresh"
    with closing(sqlite3.connect(path, isolation_level=None)) as program:
        program.execute("BEGIN EXCLUSIVE")
        assert (await file.token()).token.reveal() == "new"
        assert (await file.token()).token.reveal() == "new"
        program.execute("ROLLBACK")
    assert kept(path)["kirocli:social:token"]["access_token"] == "old"


@pytest.mark.parametrize("content", [b"", b"no database at all", None])
async def test_what_holds_no_login_says_what_to_do(path: Path, content: bytes | None) -> None:
    """A message that names the file, whatever is in it."""
    if content is None:
        put(path)
    else:
        path.write_bytes(content)
    with pytest.raises(TokenUnusable) as caught:
        await file_at(path, FakeService(), Clock()).token()
    assert "data.sqlite3" in caught.value.error.message
    assert "log in" in caught.value.error.message


async def test_a_database_is_read_and_written_beside_the_loop(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program may hold a lock for a while; many requests at once share one read and one refresh."""
    put(path, kirocli__social__token=row())
    seen: list[tuple[str, threading.Thread]] = []
    for name in ("read", "write"):
        real = getattr(DatabaseStore, name)

        def noted(self: DatabaseStore, *given: Any, name: str = name, real: Any = real) -> Any:
            seen.append((name, threading.current_thread()))
            return real(self, *given)

        monkeypatch.setattr(DatabaseStore, name, noted)
    service = FakeService(GIVEN)
    file = file_at(path, service)
    tokens = await asyncio.gather(*(file.token() for _ in range(8)))
    assert {token.token.reveal() for token in tokens} == {"new"}
    assert service.asked == [OLD]
    assert [name for name, _ in seen] == ["read", "write"]
    assert threading.main_thread() not in [thread for _, thread in seen]
