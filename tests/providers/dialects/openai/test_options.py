"""The settings of the dialect: one table that the options, its own documentation and the configuration schema agree on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from providers.dialects.identity import session_of
from providers.dialects.openai import settings
from providers.dialects.openai.options import options_of
from providers.dialects.openai.settings import HOSTS, SETTINGS
from providers.dialects.setting_rows import Setting
from tests.providers.dialects.asking import BASE, ask_of

SCHEMA = json.loads((Path(__file__).resolve().parents[4] / "schemas" / "ccr.schema.json").read_text())
WRITTEN: dict[str, Any] = SCHEMA["$defs"]["openaiSettings"]["properties"]


@pytest.mark.parametrize("setting", SETTINGS, ids=[setting.key for setting in SETTINGS])
def test_a_setting_is_documented_and_in_the_schema(setting: Setting) -> None:
    """The configuration schema has the same values and default, and the table of the module names the key."""
    written = WRITTEN[setting.key]
    assert written.get("default", {}) == setting.default
    if setting.kind == "enum":
        assert tuple(written["enum"]) == setting.values
    assert f"| `{setting.key}` |" in (settings.__doc__ or "")


def test_the_schema_knows_no_other_setting() -> None:
    """What a user may write beyond the settings of every provider is in the table."""
    common = set(SCHEMA["$defs"]["commonSettings"]["properties"])
    assert set(WRITTEN) - common == {setting.key for setting in SETTINGS}


def test_defaults_of_hosts_are_settings() -> None:
    """The table of hosts changes only what exists, to values that are allowed."""
    rows = {setting.key: setting for setting in SETTINGS}
    for _, defaults in HOSTS:
        for key, value in defaults.items():
            assert rows[key].kind != "enum" or value in rows[key].values
            assert value != rows[key].default


def test_every_known_host_is_in_the_table_of_servers() -> None:
    """A reader finds what is known by itself where the other servers stand."""
    page = (Path(__file__).resolve().parents[4] / "examples" / "compatible-servers" / "README.md").read_text()
    assert [host for host, _ in HOSTS if host not in page] == []


@pytest.mark.parametrize(
    ("endpoint", "schema"),
    [
        ("https://generativelanguage.googleapis.com/v1beta", "gemini"),
        ("https://eu.aiplatform.googleapis.com/v1", "gemini"),
        ("https://notgenerativelanguage.googleapis.com.example/v1", "plain"),
        ("https://xaiplatform.googleapis.com", "plain"),
        ("http://127.0.0.1:8000/v1", "plain"),
        ("${ENDPOINT}", "plain"),
        ("http://[broken", "plain"),
    ],
)
def test_a_host_is_known_by_its_end(endpoint: str, schema: str) -> None:
    """A host counts as known when it is one of the table or below it."""
    assert options_of(ask_of(BASE, endpoint=endpoint).provider).tool_schema == schema


@pytest.mark.parametrize(
    "value",
    ["many", None, True, -1, {"a": 1}],
)
def test_a_value_of_the_wrong_form_counts_as_not_written(value: object) -> None:
    """What the schema refuses cannot break the encoder either."""
    options = options_of(ask_of(BASE, settings={"maxStopSequences": value, "toolSchema": value}).provider)
    assert (options.max_stop_sequences, options.tool_schema) == (4, "plain")


UUID = "00000000-1111-4222-8333-444444444444"


@pytest.mark.parametrize(
    ("user_id", "headers", "session"),
    [
        ("x", {"x-claude-code-session-id": "s"}, "s"),
        (f"user_ab_account__session_{UUID}", {}, UUID),
        (json.dumps({"device_id": "d", "session_id": UUID}), {}, UUID),
        ('{"session_id": 7}', {}, None),
        ("{nonsense", {}, None),
        ("somebody", {}, None),
        (None, {}, None),
    ],
)
def test_the_session_is_found(user_id: str | None, headers: dict[str, str], session: str | None) -> None:
    """The header wins; else the session is in the user id, in its newer or its older form."""
    ask = ask_of({**BASE, "metadata": {"user_id": user_id}}, headers=headers)
    assert session_of(ask.request, ask.headers) == session
