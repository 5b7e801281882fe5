"""Model names: a dated table, one rule, no guess."""

from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.codewhisperer.models import MODELS, Listed, NeedsGuess, Unlisted, plain_name, upstream_model
from tests.vectors.codewhisperer import cwvectors

CASES = cwvectors.load("models.json")["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_model_vector_is_met(case: dict[str, Any]) -> None:
    """A name goes to its current id; one that has none needs the configuration; old ids stand in the table."""
    found = upstream_model(case["in"], {})
    if case["current_id"] is None:
        assert isinstance(found, NeedsGuess)
        assert case["in"] in found.why
    else:
        assert isinstance(found, Listed)
        assert found.id == case["current_id"]
        assert found.row.old_id == case["legacy_id"]
    if case["legacy_id"] is not None:
        assert MODELS[case["legacy_id"]].old_id == case["legacy_id"]


ROWS: list[tuple[str, Any]] = [
    ("CLAUDE_SONNET_4_20250514_V1_0", Listed("CLAUDE_SONNET_4_20250514_V1_0", MODELS["claude-sonnet-4"])),
    (
        "CLAUDE_3_5_HAIKU_20241022_V1_0",
        Listed("CLAUDE_3_5_HAIKU_20241022_V1_0", MODELS["CLAUDE_3_5_HAIKU_20241022_V1_0"]),
    ),
    ("CLAUDE_3_7_SONNET_20250219_V1_0", Listed("CLAUDE_3_7_SONNET_20250219_V1_0", MODELS["claude-3.7-sonnet"])),
    ("claude-sonnet-4-0", Listed("claude-sonnet-4", MODELS["claude-sonnet-4"])),
    ("claude-opus-4-6", Listed("claude-opus-4.6", MODELS["claude-opus-4.6"])),
    ("claude-opus-4.9", Unlisted("claude-opus-4.9")),
    ("gpt-5.6-luna", Unlisted("gpt-5.6-luna")),
    ("my/model", Unlisted("my/model")),
    ("", Unlisted("")),
]


@pytest.mark.parametrize(("name", "wanted"), ROWS)
def test_known_ids_and_foreign_names_are_sent_as_written(name: str, wanted: Any) -> None:
    """What needs no change gets none, in the table or not."""
    assert upstream_model(name, {}) == wanted


@pytest.mark.parametrize(
    "name", ["claude-opus-9-1", "claude-opus-9[1m]", "claude-3-5-haiku-latest", "claude-x-20990101"]
)
def test_a_changed_name_outside_the_table_is_a_guess(name: str) -> None:
    """The rule alone is no proof that the service knows the id."""
    found = upstream_model(name, {})
    assert isinstance(found, NeedsGuess)
    assert "settings.modelIds" in found.why


def test_the_configuration_wins() -> None:
    """A configured id is sent, known or not, also for a name of the table."""
    configured = {"claude-sonnet-4.5": "auto", "claude-3-5-haiku-20241022": "house-model"}
    assert upstream_model("claude-sonnet-4.5", configured) == Listed("auto", MODELS["auto"])
    assert upstream_model("claude-3-5-haiku-20241022", configured) == Unlisted("house-model")


@pytest.mark.parametrize("name", [*MODELS, "gpt-4", "claude", "claude-"])
def test_plain_names_stay(name: str) -> None:
    """The rule changes nothing twice."""
    assert plain_name(plain_name(name)) == plain_name(name)
