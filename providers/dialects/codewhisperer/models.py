"""Model names: which id is sent for a name, from a dated table and one rule, never by a guess.

Sources: the three ids of this project's README (upper case, 2025); ids and windows as `ListAvailableModels` answered
clients of 2026. A configured map wins over all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

TABLE_DATE = "2026-08-22"


class ModelRow(Struct, frozen=True):
    """A model: its id, the id it had in 2025 (None: never seen), its window in tokens, whether it takes thinking natively."""

    id: str
    old_id: str | None = None
    window_tokens: int = 200_000
    native_thinking: bool = False


_ROWS = (
    ModelRow("auto", "auto"),
    ModelRow("claude-3.7-sonnet", "CLAUDE_3_7_SONNET_20250219_V1_0"),
    ModelRow("claude-sonnet-4", "CLAUDE_SONNET_4_20250514_V1_0"),
    ModelRow("claude-sonnet-4.5", "CLAUDE_SONNET_4_5_20250929_V1_0"),
    ModelRow("claude-sonnet-4.6", None, 1_000_000, native_thinking=True),
    ModelRow("claude-sonnet-5", None, 1_000_000, native_thinking=True),
    ModelRow("claude-haiku-4.5"),
    ModelRow("claude-opus-4.5"),
    ModelRow("claude-opus-4.6", None, 1_000_000, native_thinking=True),
    ModelRow("claude-opus-4.7", None, 1_000_000, native_thinking=True),
    ModelRow("claude-opus-4.8", None, 1_000_000, native_thinking=True),
    ModelRow("claude-opus-5", None, 1_000_000, native_thinking=True),
    ModelRow("claude-fable-5", None, 1_000_000, native_thinking=True),
    ModelRow("deepseek-3.2"),
    ModelRow("glm-5"),
    ModelRow("minimax-m2.1"),
    ModelRow("minimax-m2.5"),
    ModelRow("qwen3-coder-next"),
)

_OLD_ONLY = ModelRow("CLAUDE_3_5_HAIKU_20241022_V1_0", "CLAUDE_3_5_HAIKU_20241022_V1_0")
"""An id of 2025 without a successor: sent as written, but no other name maps to it."""

MODELS: dict[str, ModelRow] = {row.id: row for row in (*_ROWS, _OLD_ONLY)} | {
    row.old_id: row for row in _ROWS if row.old_id is not None
}
"""Every id the service is known to take -> its row."""


class Listed(Struct, frozen=True):
    """The id to send; `row` is what the table says of it."""

    id: str
    row: ModelRow


class Unlisted(Struct, frozen=True):
    """The name is sent as written although the table does not have it: information, not an error."""

    id: str


class NeedsGuess(Struct, frozen=True):
    """The name is Anthropic's and the rule leads to no id of the table; `why` is for the user."""

    why: str


def upstream_model(name: str, configured: Mapping[str, str]) -> Listed | Unlisted | NeedsGuess:
    """What is sent for `name`; `configured` is `settings.modelIds`, name to id.

    The rule: a known id or a name that is no name of Anthropic's is sent as it is; from Anthropic's names `[1m]`, the
    date, `-latest` and `-0` go, and `-4-5` becomes `-4.5`.
    """
    if name in configured:
        return _as_written(configured[name])
    if name in MODELS:
        return Listed(name, MODELS[name])
    plain = plain_name(name)
    if plain in MODELS:
        return Listed(plain, MODELS[plain])
    if plain == name:
        return Unlisted(name)
    return NeedsGuess(
        f"no id of the service is known for the model `{name}` (table of {TABLE_DATE}); "
        "write the service's own id, or map the name in `settings.modelIds`"
    )


def plain_name(name: str) -> str:
    """A model name of Anthropic's in the service's way of writing; any other name as it is."""
    if not name.startswith("claude-"):
        return name
    plain = _SUFFIXES.sub("", name)
    plain = _FAMILY_FIRST.sub(r"\1.\2", plain)
    return _FAMILY_LAST.sub(r"claude-\1.\2-\3", plain)


_SUFFIXES = re.compile(r"(?:-latest|-\d{8}|(?<=-\d)-0)*(?:\[1m\])?$")
_FAMILY_FIRST = re.compile(r"^(claude-[a-z]+-\d{1,2})-(\d{1,2})$")
_FAMILY_LAST = re.compile(r"^claude-(\d{1,2})-(\d{1,2})-([a-z]+)$")


def _as_written(model_id: str) -> Listed | Unlisted:
    row = MODELS.get(model_id)
    return Unlisted(model_id) if row is None else Listed(model_id, row)
