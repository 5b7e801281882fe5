"""Which configurations forward the client's own credentials, and what `ccr env` makes of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.build import build
from engine.cli import ccr
from engine.configuration.files import read_file
from engine.forwarding import forwards_credentials
from tests.fakes.router import free_port

PROVIDERS = """\
providers:
  vendor: {type: anthropic, endpoint: "http://127.0.0.1:9", authentication: {type: forward}, settings: {models: [c]}}
  here: {type: static, settings: {models: [one]}}
"""


@pytest.mark.parametrize(
    ("routing", "forwards"),
    [
        ("{defaultProvider: here}", False),
        ("{defaultProvider: vendor}", True),
        ('{defaultProvider: here, rules: {thinking: "vendor,c"}}', True),
        ("{rules: {default: {provider: here, model: one, fallbacks: ['vendor,c']}}}", True),
        ("{defaultProvider: here, customRules: [{name: a, condition: {hasTools: true}, target: 'vendor,c'}]}", True),
        (
            "{defaultProvider: here, customRules: [{name: a, enabled: false, condition: {hasTools: true}, target: 'vendor,c'}]}",
            False,
        ),
    ],
)
def test_a_route_to_a_forwarding_provider_counts(routing: str, forwards: bool) -> None:
    """From any rule or category, as a fallback too; what no route leads to does not."""
    text = f"{PROVIDERS}routing: {routing}\n"
    built = build(text.encode(), "ccr.yaml", read_file=read_file, env={}, secrets="keep").built
    assert built is not None
    assert forwards_credentials(built.rules, built.providers) is forwards


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "CLAUDE_", "CCR_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("config", "words", "own"),
    [
        ("defaultProvider: vendor", (), True),
        ("defaultProvider: vendor", ("--credentials", "router"), False),
        ("defaultProvider: here", (), False),
        ("defaultProvider: here", ("--credentials", "own"), True),
        (None, (), False),
    ],
)
def test_env_without_a_router_follows_the_configuration(
    home: Path, monkeypatch: pytest.MonkeyPatch, config: str | None, words: tuple[str, ...], own: bool
) -> None:
    """The one that a start would use; the flag has the last word."""
    if config is not None:
        file = home / "mine.yaml"
        file.write_text(f"{PROVIDERS}routing: {{{config}}}\n")
        monkeypatch.setenv("CCR_CONFIG_PATH", str(file))
    done = CliRunner().invoke(ccr, ["env", "--shell", "sh", "--port", str(free_port()), *words])

    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert ("unset ANTHROPIC_API_KEY" in lines) is not own
    assert ("export ANTHROPIC_AUTH_TOKEN=ccr" in lines) is not own
    assert lines[0].startswith("export ANTHROPIC_BASE_URL=http://127.0.0.1:")
