"""The settings of the dialect: what its documentation and the configuration schema say of them."""

from __future__ import annotations

import json
from pathlib import Path

from providers.dialects.anthropic import settings

SCHEMA = json.loads((Path(__file__).resolve().parents[4] / "schemas" / "ccr.schema.json").read_text())


def test_the_schema_knows_the_documented_settings() -> None:
    """No more and no fewer, beyond those of every provider."""
    definitions = SCHEMA["$defs"]
    own = set(definitions["anthropicSettings"]["properties"]) - set(definitions["commonSettings"]["properties"])
    assert own == {"unsignedThinking", "extraHeaders"}
    for key in own:
        assert f"| `{key}` |" in (settings.__doc__ or "")
