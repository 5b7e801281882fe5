"""The settings of a provider of type `gemini`, as a table that the schema, the reference and the encoder share.

| key | values | default | what it does |
|---|---|---|---|
| `generation` | int | 0 | the models' generation where their names do not say it (`gemini-3.1-pro` says 3); 0: as the name says, `-latest` is the newest |
| `thinking` | `auto`, `always`, `never` | `auto` | whether thinking and effort are asked of the model; `auto`: where the name says generation 2.5 or later, or the model lists the capability `thinking` |
| `thinkingField` | `auto`, `level`, `budget` | `auto` | how thinking is asked for: `thinkingLevel` (from generation 3 on) or `thinkingBudget` |
| `thinkingLevels` | list of levels, least first | `low, medium, high` | the levels the model knows; another becomes the nearest below, or the least |
| `thinkingBudgets` | level -> tokens | `low: 1024, medium: 8192, high: 24576` | the budget that is asked for each level of effort, and the least that counts as this level; never more than the largest is asked |
| `unsignedCalls` | `auto`, `marker`, `plain` | `auto` | calls of earlier turns that another provider's model made: with the vendor's own marker for them (`auto`: from generation 3 on), or as they are |
| `callIds` | bool | true | send the ids of calls and results; false for upstreams that refuse the member |
| `resultMedia` | `auto`, `inside`, `after` | `auto` | images and files of a tool's result: within it (`auto`: from generation 3 on), or behind it |
| `toolSchema` | `subset`, `json` | `subset` | tool schemas cleaned for `parameters`, or as they are in `parametersJsonSchema` |
| `toolMode` | `AUTO`, `VALIDATED` | `AUTO` | the mode of function calling where the client leaves the choice to the model |
| `webSearch` | `google_search`, `drop` | `google_search` | how the server tool `web_search_*` is asked for |
| `searchBesideTools` | `auto`, `always`, `never` | `auto` | whether the model takes the search together with functions (`auto`: from generation 3 on); else the search is left out |
| `documents` | `file`, `note` | `file` | PDF documents as files, or as a note in their place; a model that lists its capabilities gets them by `documents` |
| `midConversationSystem` | `reminder`, `leading` | `reminder` | a system message within the conversation: as user text in `<system-reminder>`, or moved into the system instruction |
| `structuredOutput` | `json_schema`, `json`, `drop` | `json_schema` | how `output_config.format` is asked: with its schema, as JSON without a schema, or not at all |
| `maxStopSequences` | int | 5 | how many stop sequences the upstream takes |
| `safetySettings` | category -> threshold | empty | thresholds such as `HARM_CATEGORY_DANGEROUS_CONTENT: BLOCK_ONLY_HIGH` |
| `extraBody` | mapping | empty | members laid over the request body, last |
| `extraHeaders` | header -> value | empty | headers to send besides the credentials |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.dialects.effort import LEVELS
from providers.dialects.offer import Declared
from providers.dialects.setting_rows import Setting, values_of
from providers.spec import ProviderSpec
from schemas.document import JSONValue
from schemas.recent import Recent

SETTINGS: tuple[Setting, ...] = (
    Setting("generation", "int", 0),
    Setting("thinking", "enum", "auto", ("auto", "always", "never")),
    Setting("thinkingField", "enum", "auto", ("auto", "level", "budget")),
    Setting("thinkingLevels", "texts", ["low", "medium", "high"], LEVELS),
    Setting("thinkingBudgets", "counts", {"low": 1024, "medium": 8192, "high": 24576}, LEVELS),
    Setting("unsignedCalls", "enum", "auto", ("auto", "marker", "plain")),
    Setting("callIds", "bool", True),
    Setting("resultMedia", "enum", "auto", ("auto", "inside", "after")),
    Setting("toolSchema", "enum", "subset", ("subset", "json")),
    Setting("toolMode", "enum", "AUTO", ("AUTO", "VALIDATED")),
    Setting("webSearch", "enum", "google_search", ("google_search", "drop")),
    Setting("searchBesideTools", "enum", "auto", ("auto", "always", "never")),
    Setting("documents", "enum", "file", ("file", "note")),
    Setting("midConversationSystem", "enum", "reminder", ("reminder", "leading")),
    Setting("structuredOutput", "enum", "json_schema", ("json_schema", "json", "drop")),
    Setting("maxStopSequences", "int", 5),
    Setting("safetySettings", "headers", {}),
    Setting("extraBody", "mapping", {}),
    Setting("extraHeaders", "headers", {}),
)
"""Every setting of the dialect, in the order of the reference."""

NEWEST = 99.0
"""The generation of a model whose name says only that it is the latest."""


@dataclass(frozen=True, slots=True)
class Options:
    """One value per row of `SETTINGS`; `known_tools` remembers what the encoder made of the tools of requests."""

    generation: int
    thinking: str
    thinking_field: str
    thinking_levels: tuple[str, ...]
    thinking_budgets: Mapping[str, int]
    unsigned_calls: str
    call_ids: bool
    result_media: str
    tool_schema: str
    tool_mode: str
    web_search: str
    search_beside_tools: str
    documents: str
    mid_conversation_system: str
    structured_output: str
    max_stop_sequences: int
    safety_settings: Mapping[str, str]
    extra_body: Mapping[str, JSONValue]
    extra_headers: Mapping[str, str]
    known_tools: Recent[Declared] = field(default_factory=Recent, compare=False, repr=False)


def options_of(provider: ProviderSpec) -> Options:
    """The options of a provider, see `setting_rows.values_of`."""
    values, _ = values_of(provider, SETTINGS)
    return Options(**values)  # type: ignore[arg-type] # each was checked against its row


def generation_of(model: str, options: Options) -> float:
    """The model's generation: as set, else as its name says, else 0 (it is none of the family, nothing is assumed)."""
    if options.generation:
        return float(options.generation)
    named = _NUMBERED.search(model)
    if named:
        return float(named[1])
    return NEWEST if _LATEST.search(model) else 0.0


_NUMBERED = re.compile(r"gemini-([0-9]{1,2}(?:\.[0-9])?)(?![0-9])")
_LATEST = re.compile(r"gemini-[a-z-]+-latest")
