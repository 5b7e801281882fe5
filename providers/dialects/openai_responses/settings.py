"""The settings of a provider of type `openai-responses`, as a table that the schema, the reference and the encoder share.

| key | values | default | what it does |
|---|---|---|---|
| `systemField` | `instructions`, `developer`, `system` | `instructions` | where the system text goes: into `instructions`, or into a first message of this role |
| `midConversationSystem` | `developer`, `system`, `reminder`, `leading` | `reminder` | a system message within the conversation: as a message of this role, as user text in `<system-reminder>`, or moved into the leading text |
| `reasoning` | `auto`, `always`, `never` | `auto` | whether thinking and effort are asked of the model; `auto`: of models that list the capability `thinking` |
| `reasoningLevels` | list of levels, least first | `low, medium, high` | the levels the upstream knows; another becomes the nearest below, or the least |
| `reasoningBudgets` | level -> tokens | `low: 1, medium: 8000, high: 24000` | the least thinking budget for each level |
| `reasoningSummary` | `auto`, `concise`, `detailed`, `none` | `auto` | the summary of its reasoning that is asked for where the client wants to read thoughts |
| `reasoningSampling` | bool | true | whether a reasoning model takes `temperature` and `top_p` |
| `thinkingHistory` | `encrypted`, `drop` | `encrypted` | earlier reasoning: asked for in encrypted form and sent back to this provider, or left out |
| `store` | bool | false | whether the upstream may keep the conversation |
| `userId` | `drop`, `hash`, `forward` | `drop` | privacy: what becomes of `metadata.user_id` |
| `userField` | `user`, `safety_identifier` | `user` | the field that carries it |
| `promptCacheKey` | bool | false | send a hash of the session as `prompt_cache_key` |
| `resultMedia` | `inside`, `after` | `inside` | images and files of a tool's result: within it, or in a user message behind it |
| `toolSchema` | `plain`, `strict` | `plain` | tools marked `strict` are sent so, or like all others |
| `webSearch` | `web_search`, `web_search_preview`, `drop` | `web_search` | the tool by which the server tool `web_search_*` is asked for |
| `documents` | `file`, `note` | `file` | PDF documents as files, or as a note in their place; a model that lists its capabilities gets them by `documents` |
| `structuredOutput` | `json_schema`, `json_object`, `drop` | `json_schema` | how `output_config.format` is asked |
| `minOutputTokens` | int | 16 | the least `max_output_tokens` that the upstream takes |
| `toolCallIdChars` | int | 64 | the longest tool-call id the upstream takes; longer ones are hashed |
| `extraBody` | mapping | empty | members laid over the request body, last |
| `extraHeaders` | header -> value | empty | headers to send besides the credentials |

The defaults of known hosts differ (`HOSTS`); what was taken from there is in `Encoded.notes`, so `explain` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.dialects.effort import LEVELS
from providers.dialects.offer import Declared
from providers.dialects.setting_rows import Hosts, Setting, values_of
from providers.spec import ProviderSpec
from schemas.document import JSONValue
from schemas.recent import Recent

SETTINGS: tuple[Setting, ...] = (
    Setting("systemField", "enum", "instructions", ("instructions", "developer", "system")),
    Setting("midConversationSystem", "enum", "reminder", ("developer", "system", "reminder", "leading")),
    Setting("reasoning", "enum", "auto", ("auto", "always", "never")),
    Setting("reasoningLevels", "texts", ["low", "medium", "high"], LEVELS),
    Setting("reasoningBudgets", "counts", {"low": 1, "medium": 8000, "high": 24000}, LEVELS),
    Setting("reasoningSummary", "enum", "auto", ("auto", "concise", "detailed", "none")),
    Setting("reasoningSampling", "bool", True),
    Setting("thinkingHistory", "enum", "encrypted", ("encrypted", "drop")),
    Setting("store", "bool", False),
    Setting("userId", "enum", "drop", ("drop", "hash", "forward")),
    Setting("userField", "enum", "user", ("user", "safety_identifier")),
    Setting("promptCacheKey", "bool", False),
    Setting("resultMedia", "enum", "inside", ("inside", "after")),
    Setting("toolSchema", "enum", "plain", ("plain", "strict")),
    Setting("webSearch", "enum", "web_search", ("web_search", "web_search_preview", "drop")),
    Setting("documents", "enum", "file", ("file", "note")),
    Setting("structuredOutput", "enum", "json_schema", ("json_schema", "json_object", "drop")),
    Setting("minOutputTokens", "int", 16),
    Setting("toolCallIdChars", "int", 64),
    Setting("extraBody", "mapping", {}),
    Setting("extraHeaders", "headers", {}),
)
"""Every setting of the dialect, in the order of the reference."""

HOSTS: Hosts = (
    (
        "api.openai.com",
        {
            "midConversationSystem": "developer",
            "reasoningSampling": False,
            "userField": "safety_identifier",
            "promptCacheKey": True,
        },
    ),
    ("openai.azure.com", {"midConversationSystem": "developer", "reasoningSampling": False}),
)
"""Host, or the end of one, -> the defaults that differ there. A setting in the file always wins."""


@dataclass(frozen=True, slots=True)
class Options:
    """One value per row of `SETTINGS`. `notes` says in sentences which defaults came from the endpoint's host.

    `known_tools` remembers what the encoder made of the tools of requests.
    """

    system_field: str
    mid_conversation_system: str
    reasoning: str
    reasoning_levels: tuple[str, ...]
    reasoning_budgets: Mapping[str, int]
    reasoning_summary: str
    reasoning_sampling: bool
    thinking_history: str
    store: bool
    user_id: str
    user_field: str
    prompt_cache_key: bool
    result_media: str
    tool_schema: str
    web_search: str
    documents: str
    structured_output: str
    min_output_tokens: int
    tool_call_id_chars: int
    extra_body: Mapping[str, JSONValue]
    extra_headers: Mapping[str, str]
    notes: tuple[str, ...]
    known_tools: Recent[Declared] = field(default_factory=Recent, compare=False, repr=False)


def options_of(provider: ProviderSpec) -> Options:
    """The options of a provider, see `setting_rows.values_of`."""
    values, notes = values_of(provider, SETTINGS, HOSTS)
    return Options(**values, notes=notes)  # type: ignore[arg-type] # each was checked against its row
