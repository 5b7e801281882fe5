"""A provider's settings as the encoder reads them; the table of keys and defaults is `settings.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from providers.dialects.losses import Losses
from providers.dialects.openai.settings import HOSTS, SETTINGS
from providers.dialects.setting_rows import values_of
from providers.dialects.tool_schemas.clean import Flavour
from providers.spec import ProviderSpec
from schemas.document import JSONValue
from schemas.recent import Recent

if TYPE_CHECKING:
    from providers.dialects.openai.tools import Offer

MOST_DEMANDING = 256


@dataclass(frozen=True, slots=True)
class Options:
    """One value per row of `SETTINGS`. `notes` says in sentences which defaults came from the endpoint's host.

    `offers` remembers what the encoder made of the tools of requests, with what that lost; `demanding` are models that
    have refused a request for the thinking that it did not send back, `MOST_DEMANDING` of them at most, `signing` those
    that have refused another's calls for want of a signature, and `learned` what else each model refused
    (`lessons.py`). `sampling`, `forced_calls` and
    `most_output` are lessons alone: whether temperature and forced calls are taken, and how much output there is at most.
    """

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
    thinking_tag: str
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
    tool_call_id_form: str
    after_tools: str
    extra_body: Mapping[str, JSONValue]
    extra_headers: Mapping[str, str]
    notes: tuple[str, ...]
    sampling: bool = True
    forced_calls: bool = True
    most_output: int | None = None
    offers: Recent[tuple[Offer, Losses]] = field(default_factory=Recent, compare=False, repr=False)
    demanding: set[str] = field(default_factory=set, compare=False, repr=False)
    signing: set[str] = field(default_factory=set, compare=False, repr=False)
    learned: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)


def options_of(provider: ProviderSpec) -> Options:
    """The options of a provider, see `setting_rows.values_of`."""
    values, notes = values_of(provider, SETTINGS, HOSTS)
    return Options(**values, notes=notes)  # type: ignore[arg-type] # each was checked against its row
