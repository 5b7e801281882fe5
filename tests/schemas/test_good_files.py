"""Good configurations are silent, and the original product's examples load unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.build import build
from engine.built import Built, Checked

HERE = Path(__file__).parent
GOOD = sorted(path for path in (HERE / "good").iterdir() if path.is_file())
SEED = HERE / "seed"
ENVIRONMENT = {"PORT": "4000", "REGION": "eu", "EXPLICIT": "false"}


def _read(name: str) -> bytes:
    return (HERE / "good" / name).read_bytes()


def _built(checked: Checked) -> Built:
    assert checked.built is not None
    return checked.built


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_a_good_file_is_silent_and_starts(path: Path) -> None:
    """No finding at all, and a built configuration."""
    checked = build(path.read_bytes(), path.name, read_file=_read, env=ENVIRONMENT, secrets="keep")
    assert [(one.code, one.message) for one in checked.diagnostics] == []
    assert checked.built is not None


def test_variables_are_replaced_and_converted() -> None:
    """Numbers and booleans where the schema wants them, texts elsewhere, credentials left alone."""
    path = HERE / "good" / "variables.yaml"
    kept = _built(build(path.read_bytes(), path.name, read_file=_read, env=ENVIRONMENT, secrets="keep"))
    assert kept.settings.server.host == "127.0.0.1"
    assert kept.settings.server.port == 4000
    assert kept.settings.routing.explicit_models is False
    assert kept.settings.debug.log_dir == "/var/log/ccr/${literal}"
    assert kept.providers["main"].settings["streamOptions"] is False
    assert kept.providers["main"].instances[0].endpoint == "https://eu.llm.example.com/v1"
    key = kept.providers["main"].instances[0].credentials.api_key
    assert key is not None
    assert key.reveal() == "${file:secrets/key}"


def test_credentials_are_resolved_at_start() -> None:
    """`start` reads what `test-config` leaves alone; one that is missing there blocks."""
    path = HERE / "good" / "variables.yaml"
    missing = build(path.read_bytes(), path.name, read_file=_read, env=ENVIRONMENT, secrets="resolve")
    assert missing.built is None
    assert [one.code for one in missing.diagnostics] == ["CCR017"]

    def with_key(name: str) -> bytes:
        return b"canary\n" if name == "secrets/key" else _read(name)

    resolved = _built(build(path.read_bytes(), path.name, read_file=with_key, env=ENVIRONMENT, secrets="resolve"))
    key = resolved.providers["main"].instances[0].credentials.api_key
    assert key is not None
    assert key.reveal() == "canary"


def test_the_revision_is_that_of_the_text_before_replacement() -> None:
    """Another environment is the same revision."""
    path = HERE / "good" / "variables.yaml"
    revisions = {
        _built(
            build(path.read_bytes(), path.name, read_file=_read, env={**ENVIRONMENT, "PORT": port}, secrets="keep")
        ).revision
        for port in ("4000", "4001")
    }
    assert len(revisions) == 1


def test_included_lists_are_appended_in_order() -> None:
    """The main file's rules come first."""
    path = HERE / "good" / "includes.yaml"
    built = _built(build(path.read_bytes(), path.name, read_file=_read, env={}, secrets="keep"))
    assert [rule.name for rule in built.rules.rules] == ["first", "second"]
    assert [rule.span.file for rule in built.rules.rules] == ["includes.yaml", "parts/rules.json"]


LOADS = "CCR0", "CCR1", "CCR2"


def _check(value: Any) -> Checked:
    return build(json.dumps(value).encode(), "config.json", read_file=_read, env={}, secrets="keep")


def test_the_main_example_of_the_original_loads_and_starts() -> None:
    """It has a category whose provider does not offer the model: said, and not blocking."""
    path = SEED / "main.json"
    checked = build(path.read_bytes(), path.name, read_file=_read, env={}, secrets="keep")
    assert checked.built is not None
    assert not [one for one in checked.diagnostics if one.code.startswith(LOADS)]
    wrong = [one for one in checked.diagnostics if one.code == "CCR402"]
    assert [(one.message, one.help) for one in wrong] == [
        (
            "category `search` asks `openai-compatible` for `gemini-2.5-flash`, which it does not offer",
            "`gemini-provider` offers it",
        )
    ]
    codes = {one.code for one in checked.diagnostics}
    assert {"CCR402", "CCR406", "CCR802", "CCR805"} <= codes


def _laid_over(base: Any, above: Any) -> Any:
    if isinstance(base, dict) and isinstance(above, dict):
        return {**base, **{key: _laid_over(base.get(key), value) for key, value in above.items()}}
    return above


FRAGMENTS = sorted(SEED.glob("*.fragment.json"))


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_fragments_of_the_original_load_over_its_main_example(path: Path) -> None:
    """Only a provider that the main example does not have may lack its `type`, there alone."""
    main = json.loads((SEED / "main.json").read_text())
    fragment = json.loads(path.read_text())
    providers = fragment.pop("providers", {})
    laid = _laid_over(_laid_over(main, fragment), {"routing": {"providers": providers}})
    found = [one for one in _check(laid).diagnostics if one.code.startswith(LOADS)]
    new = [name for name in providers if name not in main["routing"]["providers"]]
    assert [(one.code, one.message) for one in found] == [
        ("CCR102", f"`routing.providers.{name}` has no `type`") for name in new
    ]


CREDENTIALS = [
    ("token-path", "codewhisperer-primary"),
    ("token", "codewhisperer-primary"),
    ("api-key", "openai-compatible"),
]


@pytest.mark.parametrize(("name", "provider"), CREDENTIALS)
def test_credentials_of_the_original_load_in_a_provider(name: str, provider: str) -> None:
    """Each of the three ways to prove oneself."""
    main = json.loads((SEED / "main.json").read_text())
    main["routing"]["providers"][provider].update(json.loads((SEED / f"{name}.credentials.json").read_text()))
    checked = _check(main)
    assert checked.built is not None
    assert checked.built.providers[provider].instances[0].credentials.type == "bearer"


def test_the_rules_of_the_original_mean_what_the_language_says() -> None:
    """Custom rules in order, before the categories."""
    main = json.loads((SEED / "main.json").read_text())
    laid = _laid_over(main, json.loads((SEED / "custom-rules.fragment.json").read_text()))
    built = _built(_check(laid))
    assert [rule.name for rule in built.rules.rules] == ["customRules[0]", "customRules[1]"]


@pytest.mark.parametrize("path", sorted(SEED.glob("*.not.json")), ids=lambda path: path.name)
def test_requests_shown_by_the_original_are_no_configurations(path: Path) -> None:
    """Findings, not a start."""
    checked = build(path.read_bytes(), path.name, read_file=_read, env={}, secrets="keep")
    assert checked.built is None
    assert checked.diagnostics
