"""A Messages request for an upstream that speaks the same format: the bytes that came, changed only where they must be.

Changed are `model` where the target names another, thinking that is certainly another issuer's, ids of calls that the
vendor refuses, and what a model listed with its capabilities does not take. Everything else passes: unknown members,
their order, white space, escapes.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from providers.chat.fit import fitted
from providers.dialects.anthropic.call_ids import refused_ids, with_other_ids
from providers.dialects.anthropic.capabilities import Notes, fitting
from providers.dialects.anthropic.headers import sent_headers
from providers.dialects.anthropic.history import Fate, rewritten
from providers.dialects.anthropic.refused import RefusedThoughts
from providers.dialects.anthropic.settings import Options, options_of
from providers.dialects.anthropic.thoughts import (
    THOUGHTS,
    is_ours,
    is_thought,
    is_unsigned,
    misses_thoughts,
    not_thinking,
    refuses_thoughts,
)
from providers.dialects.losses import Losses
from providers.dialects.seams import Ask, Encoded, Mended, without_thinking
from providers.errors import ProviderError
from schemas.members import spliced
from schemas.request import Block, MessagesRequest

PATH = "/v1/messages"
COUNT_PATH = "/v1/messages/count_tokens"


class Sent(Struct, frozen=True):
    """What was done to a request: `mended` after a refusal, which happens once at most."""

    mended: bool = False


def encode(ask: Ask) -> Encoded:
    """The upstream request."""
    return _encoded(ask, None)


def mended(ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
    """The request without any thinking block, after a refusal that is about these; None where that is no help."""
    state = encoded.dialect_state
    if error.status != 400 or not refuses_thoughts(error.message) or (isinstance(state, Sent) and state.mended):
        return None
    again = _encoded(ask, error.message)
    if not misses_thoughts(error.message):
        options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider)
        options.refused.add_all(ask.request, ask.model)
    return without_thinking(again) if again.body != encoded.body else None


def edits_of(
    ask: Ask,
    request: MessagesRequest,
    losses: Losses,
    *,
    keep_unsigned: bool,
    refusal: str | None,
    refused: RefusedThoughts,
) -> dict[str, bytes | None]:
    """What must be changed in the members of `request`, but for the model's name; a member that is None is left out.

    `refusal`: what the upstream said when it refused the thinking blocks of this request; `refused` are those of
    earlier ones.
    """
    edits = fitting(request, ask.model_spec, losses)
    known = refusal is None and refused.ends(request, ask.model)
    if (refusal is not None or known) and "thinking" not in edits:
        calm = not_thinking(request, demanded=refusal is not None and misses_thoughts(refusal))
        losses.add(
            "thinking", "the upstream wants signed thinking in the last turn, and there is none", len(calm) and 1
        )
        edits |= calm
    notes = Notes(ask.model_spec, losses)

    def edit(block: Block) -> bytes | Literal[Fate.KEEP, Fate.DROP]:
        if is_thought(block) and (refusal is not None or refused.has(block, ask.model)):
            losses.add(f"messages.content.{block.type}", "the upstream refused it: another issuer signed it")
            return Fate.DROP
        if is_ours(block):
            losses.add(f"messages.content.{block.type}", "another provider of this router signed it")
            return Fate.DROP
        if not keep_unsigned and is_unsigned(block):
            losses.add("messages.content.thinking", "it has no signature, so another provider gave it")
            return Fate.DROP
        return notes(block)

    history = rewritten(request, edit, notes.kinds | THOUGHTS)
    if history is not None:
        edits["messages"] = history
    if not keep_unsigned and (count := refused_ids(request)):
        losses.add("messages.content.tool_use.id", "the vendor refuses it, another stands in its place", count)
        edits["messages"] = with_other_ids(edits.get("messages") or bytes(request.fields["messages"]))
    return edits


def _encoded(ask: Ask, refusal: str | None) -> Encoded:
    options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider)
    losses = Losses()
    request = fitted(ask.request, ask.model, ask.model_spec, losses)
    edits = edits_of(
        ask, request, losses, keep_unsigned=options.keep_unsigned, refusal=refusal, refused=options.refused
    )
    if ask.model != request.model:
        edits["model"] = msgspec.json.encode(ask.model)
    headers = sent_headers(ask.headers, ask.provider, losses)
    return Encoded(
        path=COUNT_PATH if ask.path == "count_tokens" else PATH,
        body=spliced(request.raw, request.fields, edits),
        headers=headers | dict(options.extra_headers),
        lost=losses.listed(),
        query=ask.query,
        dialect_state=Sent(mended=refusal is not None),
        notes=options.notes,
    )
