"""A Messages request, decoded as far as routing and translation look, with nothing rejected for being new.

Source: the Anthropic Messages API. Every field the router does not know stays in `fields` as the bytes that came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

Path = Literal["messages", "count_tokens"]

DEFAULT_MAX_TOKENS = 8192
"""The limit of a request whose client may leave it out and did: every current model can answer as much."""


class Block(msgspec.Struct, kw_only=True):
    """A content block of any type; members that a type does not have are None (or UNSET where null differs).

    Members are typed loosely so that an unknown block type never fails; `checked` members of known types are
    verified in `decode_request`, so a `text` block's `text` is a string and a `tool_use` has `id` and `name`.
    """

    type: str = ""
    text: Any = None
    id: Any = None
    name: Any = None
    input: Raw | UnsetType = UNSET
    tool_use_id: Any = None
    content: Any = None  # str | list of block objects | object; see `blocks_of`
    is_error: Any = None
    source: Any = None
    title: Any = None
    context: Any = None
    thinking: Any = None
    signature: Any = None
    data: Any = None
    tool_name: Any = None
    citations: Any = None
    cache_control: Any = None


class Message(msgspec.Struct, kw_only=True):
    """One turn; `role` is `user`, `assistant` or (mid-conversation) `system`; others pass."""

    role: str
    content: str | list[Block]


class Tool(msgspec.Struct, kw_only=True, frozen=True):
    """An entry of `tools`: a client tool has `input_schema`, a server tool has a `type` such as `web_search_20250305`."""

    name: str = ""
    type: str | None = None
    description: Any = None
    input_schema: Raw | UnsetType = UNSET
    defer_loading: Any = None
    strict: Any = None
    cache_control: Any = None
    max_uses: Any = None
    allowed_domains: Any = None
    blocked_domains: Any = None
    user_location: Any = None
    allowed_callers: Any = None
    input_examples: Any = None
    eager_input_streaming: Any = None


class MessagesRequest(msgspec.Struct, frozen=True):
    """The decoded request.

    `raw` is the body as received; `fields` every top-level member as raw JSON, unknown ones too. `system` is the list
    form (a string became one text block; absent is empty). `tools` is None when the key is absent. Scalars of the wrong
    type never get here: `decode_request` refuses them. `replaced_surrogates` counts the lone UTF-16 surrogates that
    became U+FFFD in all members but `raw`. `origin` is the API that the client speaks. Of a `chat` request `raw` is a
    body made from it, and `max_tokens` is None where its client named no limit: rules read `DEFAULT_MAX_TOKENS` then,
    which stands in `raw` too, since such a body must have one. `chat_only` has what that client said that only its own
    API knows, such as `seed`; nobody but dialects reads it.
    """

    raw: bytes
    fields: Mapping[str, Raw]
    model: str
    messages: tuple[Message, ...]
    system: tuple[Block, ...] = ()
    tools: tuple[Tool, ...] | None = None
    max_tokens: int | None = None
    stream: bool = False
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: tuple[str, ...] = ()
    thinking: Mapping[str, Any] | None = None
    tool_choice: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None
    output_config: Mapping[str, Any] | None = None
    replaced_surrogates: int = 0
    origin: Literal["messages", "chat"] = "messages"
    chat_only: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Envelope(msgspec.Struct, frozen=True):
    """A request with what came around it: what facts are made of.

    `headers` has lower-case names (None: a bare body, headers are missing); `client_key` is the router key's name;
    `now` is seconds since the epoch, None where unknown; `provider_state` maps provider to its health word, `budget_state`
    budget to its state; None where unknown.
    `tags` are those that filters gave it.
    """

    request: MessagesRequest
    path: Path = "messages"
    headers: Mapping[str, str] | None = None
    client_ip: str | None = None
    client_key: str | None = None
    now: float | None = None
    provider_state: Mapping[str, Mapping[str, Any]] | None = None
    budget_state: Mapping[str, str] | None = None
    tags: frozenset[str] = frozenset()


class BadRequest(ValueError):  # noqa: N818 - named for what the client is told
    """The body is not a Messages request; blame: client. `str()` is the message for an Anthropic 400 body."""
