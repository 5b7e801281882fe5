"""The settings of a provider of type `openai`, as a table that the schema, the reference and `options.py` share.

| key | values | default | what it does |
|---|---|---|---|
| `maxTokensField` | `max_tokens`, `max_completion_tokens` | `max_tokens` | the field that carries the client's `max_tokens` |
| `streamOptions` | bool | true | ask for usage at the end of a stream (`stream_options.include_usage`); false for upstreams that refuse the field |
| `systemRole` | `system`, `developer` | `system` | the role of the leading system message |
| `midConversationSystem` | `system`, `reminder`, `leading` | `reminder` | a system message within the conversation: as it is, as user text in `<system-reminder>`, or moved into the leading one |
| `reasoning` | `auto`, `always`, `never` | `auto` | whether thinking and effort are asked of the upstream; `auto`: of models that list the capability `thinking` |
| `reasoningField` | `reasoning_effort`, `reasoning`, `thinking`, `enable_thinking` | `reasoning_effort` | how they are asked: OpenAI's level, OpenRouter's object, an object like `{"type": "enabled"}`, a bool |
| `reasoningLevels` | list of levels, least first | `low, medium, high` | the levels the upstream knows; another becomes the nearest below, or the least |
| `reasoningBudgets` | level -> tokens | `low: 1, medium: 8000, high: 24000` | the least thinking budget for each level |
| `reasoningSampling` | bool | true | whether a reasoning model takes `temperature`, `top_p` and `stop` |
| `thinkingHistory` | `drop`, `reasoning_content`, `reasoning`, `reasoning_details` | `drop` | earlier thinking: left out, or sent back in this field of the assistant message; `reasoning_details`: what this very provider gave, with its signatures |
| `thinkingTag` | text | empty | the tag in which the server leaves thinking at the beginning of its text (`think`, `reasoning`): what it encloses becomes thinking |
| `userId` | `drop`, `hash`, `forward` | `drop` | privacy: what becomes of `metadata.user_id` |
| `userField` | `user`, `safety_identifier` | `user` | the field that carries it |
| `promptCacheKey` | bool | false | send a hash of the session as `prompt_cache_key` |
| `cacheControl` | `drop`, `keep`, `breakpoint` | `drop` | cache marks on text: left out, kept as they are, or as OpenAI's `prompt_cache_breakpoint` |
| `toolSchema` | `plain`, `gemini`, `strict` | `plain` | what tool schemas may hold (`tool_schemas/clean.py`); `strict`: tools marked `strict` are sent so |
| `webSearch` | `web_search_options`, `plugin`, `drop` | `web_search_options` | how the server tool `web_search_*` is asked of a model with the capability `webSearch` |
| `documents` | `file`, `note` | `note` | PDF documents as `file` parts, or as a note in their place; a model that lists the capability `documents` gets the file |
| `structuredOutput` | `json_schema`, `json_object`, `drop` | `json_schema` | how `output_config.format` is asked |
| `emptyContent` | `null`, `string` | `null` | the content of an assistant message that holds only tool calls |
| `maxStopSequences` | int | 4 | how many stop sequences the upstream takes |
| `topK` | bool | false | whether the upstream takes `top_k` |
| `toolCallIdChars` | int | 40 | the longest tool-call id the upstream takes; longer ones are hashed |
| `toolCallIdForm` | `any`, `mistral` | `any` | `mistral`: every id is nine letters and digits, as that vendor's models demand; others are hashed |
| `afterTools` | `any`, `assistant` | `any` | `assistant`: a short assistant message stands between tool results and what the user says with them, as Mistral's models demand |
| `extraBody` | mapping | empty | members laid over the request body, last |
| `extraHeaders` | header -> value | empty | headers to send besides the credentials |

The defaults of known hosts differ (`HOSTS`); what was taken from there is in `Encoded.notes`, so `explain` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.dialects.effort import LEVELS
from providers.dialects.setting_rows import Setting
from schemas.document import JSONValue

SETTINGS: tuple[Setting, ...] = (
    Setting("maxTokensField", "enum", "max_tokens", ("max_tokens", "max_completion_tokens")),
    Setting("streamOptions", "bool", True),
    Setting("systemRole", "enum", "system", ("system", "developer")),
    Setting("midConversationSystem", "enum", "reminder", ("system", "reminder", "leading")),
    Setting("reasoning", "enum", "auto", ("auto", "always", "never")),
    Setting(
        "reasoningField", "enum", "reasoning_effort", ("reasoning_effort", "reasoning", "thinking", "enable_thinking")
    ),
    Setting("reasoningLevels", "texts", ["low", "medium", "high"], LEVELS),
    Setting("reasoningBudgets", "counts", {"low": 1, "medium": 8000, "high": 24000}, LEVELS),
    Setting("reasoningSampling", "bool", True),
    Setting("thinkingHistory", "enum", "drop", ("drop", "reasoning_content", "reasoning", "reasoning_details")),
    Setting("thinkingTag", "text", ""),
    Setting("userId", "enum", "drop", ("drop", "hash", "forward")),
    Setting("userField", "enum", "user", ("user", "safety_identifier")),
    Setting("promptCacheKey", "bool", False),
    Setting("cacheControl", "enum", "drop", ("drop", "keep", "breakpoint")),
    Setting("toolSchema", "enum", "plain", ("plain", "gemini", "strict")),
    Setting("webSearch", "enum", "web_search_options", ("web_search_options", "plugin", "drop")),
    Setting("documents", "enum", "note", ("file", "note")),
    Setting("structuredOutput", "enum", "json_schema", ("json_schema", "json_object", "drop")),
    Setting("emptyContent", "enum", "null", ("null", "string")),
    Setting("maxStopSequences", "int", 4),
    Setting("topK", "bool", False),
    Setting("toolCallIdChars", "int", 40),
    Setting("toolCallIdForm", "enum", "any", ("any", "mistral")),
    Setting("afterTools", "enum", "any", ("any", "assistant")),
    Setting("extraBody", "mapping", {}),
    Setting("extraHeaders", "headers", {}),
)
"""Every setting of the dialect, in the order of the reference."""

_AZURE: Mapping[str, JSONValue] = {
    "maxTokensField": "max_completion_tokens",
    "midConversationSystem": "system",
    "reasoningSampling": False,
}
_ZHIPU: Mapping[str, JSONValue] = {
    "reasoningField": "thinking",
    "thinkingHistory": "reasoning_content",
    "maxStopSequences": 1,
}
_MINIMAX: Mapping[str, JSONValue] = {
    "thinkingHistory": "reasoning_details",
    "extraBody": {"reasoning_split": True},
}

HOSTS: tuple[tuple[str, Mapping[str, JSONValue]], ...] = (
    (
        "api.openai.com",
        {
            "maxTokensField": "max_completion_tokens",
            "midConversationSystem": "system",
            "reasoningSampling": False,
            "userField": "safety_identifier",
            "promptCacheKey": True,
            "documents": "file",
        },
    ),
    ("openai.azure.com", _AZURE),
    ("cognitiveservices.azure.com", _AZURE),
    ("generativelanguage.googleapis.com", {"toolSchema": "gemini"}),
    ("aiplatform.googleapis.com", {"toolSchema": "gemini"}),
    (
        "openrouter.ai",
        {
            "reasoningField": "reasoning",
            "thinkingHistory": "reasoning_details",
            "cacheControl": "keep",
            "webSearch": "plugin",
            "documents": "file",
        },
    ),
    (
        "api.deepseek.com",
        {"reasoningField": "thinking", "thinkingHistory": "reasoning_content", "structuredOutput": "json_object"},
    ),
    ("moonshot.ai", {"reasoningField": "thinking", "thinkingHistory": "reasoning_content"}),
    ("moonshot.cn", {"reasoningField": "thinking", "thinkingHistory": "reasoning_content"}),
    ("z.ai", _ZHIPU),
    ("bigmodel.cn", _ZHIPU),
    ("minimax.io", _MINIMAX),
    ("minimaxi.com", _MINIMAX),
    ("aliyuncs.com", {"reasoningField": "enable_thinking"}),
    ("api.mistral.ai", {"streamOptions": False, "toolCallIdForm": "mistral", "afterTools": "assistant"}),
    ("api.x.ai", {"reasoningSampling": False}),
    ("amazonaws.com", {"thinkingTag": "reasoning"}),
)
"""Host, or the end of one, -> the defaults that differ there. A setting in the file always wins."""
