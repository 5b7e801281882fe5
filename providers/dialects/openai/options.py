"""A provider's settings as the encoder reads them; the table of keys and defaults is `settings.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from providers.dialects.openai.settings import HOSTS, SETTINGS, Setting
from providers.dialects.tool_schemas.clean import Flavour
from providers.spec import ProviderSpec
from schemas.document import JSONValue


@dataclass(frozen=True, slots=True)
class Options:
    """One value per row of `SETTINGS`. `notes` says in sentences which defaults came from the endpoint's host."""

    max_tokens_field: str
    stream_options: bool
    system_role: str
    mid_conversation_system: str
    reasoning: str
    reasoning_field: str
    reasoning_levels: tuple[str, ...]
    reasoning_budgets: Mapping[str, int]
    reasoning_sampling: bool
    thinking_history: str
    user_id: str
    user_field: str
    prompt_cache_key: bool
    cache_control: str
    tool_schema: Flavour
    web_search: str
    documents: str
    structured_output: str
    empty_content: str
    max_stop_sequences: int
    top_k: bool
    tool_call_id_chars: int
    extra_body: Mapping[str, JSONValue]
    extra_headers: Mapping[str, str]
    notes: tuple[str, ...]


def options_of(provider: ProviderSpec) -> Options:
    """The options of a provider: as written, else as its first endpoint's host has it, else the default.

    A value of the wrong form (the schema has refused it before) counts as not written.
    """
    host = _host_of(provider)
    there = _defaults_of(host)
    notes: list[str] = []
    values: dict[str, object] = {}
    for setting in SETTINGS:
        written = provider.settings.get(setting.key)
        value: JSONValue
        if written is not None and _fits(setting, written):
            value = written
        elif setting.key in there:
            value = there[setting.key]
            notes.append(f"`{setting.key}` is `{_shown(value)}` because the endpoint is `{host}`")
        else:
            value = setting.default
        values[_FIELDS[setting.key]] = tuple(value) if isinstance(value, list) else value
    return Options(**values, notes=tuple(notes))  # type: ignore[arg-type] # `_fits` checked each against its row


def _host_of(provider: ProviderSpec) -> str:
    try:
        return (urlsplit(provider.instances[0].endpoint).hostname or "") if provider.instances else ""
    except ValueError:
        return ""


def _field_of(key: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)


_FIELDS = {setting.key: _field_of(setting.key) for setting in SETTINGS}


def _defaults_of(host: str) -> Mapping[str, JSONValue]:
    return next((defaults for end, defaults in HOSTS if host == end or host.endswith("." + end)), {})


def _fits(setting: Setting, value: JSONValue) -> bool:
    match setting.kind:
        case "enum":
            return value in setting.values
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool) and value >= 0
        case "levels":
            return isinstance(value, list) and all(item in setting.values for item in value)
        case "budgets":
            return isinstance(value, dict) and all(
                key in setting.values and isinstance(item, int) for key, item in value.items()
            )
        case "headers":
            return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
        case _:
            return isinstance(value, dict)


def _shown(value: JSONValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
