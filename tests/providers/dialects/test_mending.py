"""Refusals that one repair cures: thinking that is not the upstream's, or that it misses; everything else is the client's to read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from providers.dialects.openai.lessons import said_of
from providers.dialects.seams import Mending
from providers.dialects.table import TYPES, dialect_of, spoken_by
from providers.errors import KINDS, ProviderError
from providers.messages.signatures import issuer_of, marked
from tests.providers.dialects.asking import BASE, ask_of, lost_of

CALL = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "ok"}]}
TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]


def mending_of(kind: str) -> Mending:
    found = spoken_by(kind).mending
    assert found is not None
    return found


def thought(kind: str, signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": "hm", "signature": marked(issuer_of(kind, "p"), signature)}


def conversation(first: dict[str, Any] | None) -> dict[str, Any]:
    turn = {"role": "assistant", "content": [*([first] if first else []), CALL]}
    thinking = {"type": "enabled", "budget_tokens": 2048}
    return {**BASE, "max_tokens": 4096, "thinking": thinking, "tools": TOOLS, "messages": [HI, turn, RESULT]}


HI = {"role": "user", "content": "hi"}
THINKS = {"capabilities": ["tools", "thinking"]}
UNSIGNED = {"type": "thinking", "thinking": "hm", "signature": ""}
COMPATIBLE, GEMINI, RESPONSES, WHISPERER = (
    thought("openai", "c2ln"),
    thought("gemini", "c2ln"),
    thought("openai-responses", "rs_1:c2VhbGVk"),
    thought("codewhisperer", "c2ln"),
)
MISSED = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly"
)
SEALED = "The encrypted content for item rs_1 could not be verified. Reason: Encrypted content could not be decrypted or parsed."
DEMANDED = "The `reasoning_content` in the thinking mode must be passed back to the API."
MISSING = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1"
ALONE = "Item 'rs_1' of type 'reasoning' was provided without its required following item."
MARKER = "skip_thought_signature_validator"
NATIVE = {"thinking": "native"}
FIELD = {"reasoningField": "thinking"}

# dialect, what the upstream says, the first block of the turn that calls, settings, the upstream's model;
# what the mended request holds no longer, what it holds instead, the field that is lost besides
ROWS: list[tuple[str, str, Any, dict[str, Any], str, str, str, str]] = [
    ("gemini", "Corrupted thought signature.", GEMINI, {}, "gemini-3-pro", '"c2ln"', MARKER, "messages.content.thinking"),
    ("gemini", "Thought signature is not valid", GEMINI, {}, "gemini-2.5-pro", '"c2ln"', MARKER, "messages.content.thinking"),
    ("gemini", MISSED, None, {}, "mine", "", MARKER, "messages.content.tool_use"),
    ("gemini", "Thought signature is not valid", GEMINI, {"unsignedCalls": "plain"}, "mine", '"c2ln"', "", "messages.content.thinking"),
    ("openai-responses", SEALED, RESPONSES, {}, "gpt", '"c2VhbGVk"', "", "messages.content.thinking"),
    ("openai-responses", ALONE, RESPONSES, {}, "gpt", '"c2VhbGVk"', "", "messages.content.thinking"),
    ("openai-responses", "Encrypted content is not supported with this model.", None, {}, "gpt", "reasoning.encrypted_content", "", ""),
    ("openai", "Corrupted thought signature.", COMPATIBLE, {}, "k", '"c2ln"', MARKER, "messages.content.tool_use"),
    ("openai", MISSED, None, {}, "k", "", MARKER, "messages.content.tool_use"),
    ("openai", MISSED, GEMINI, {}, "k", "", MARKER, "messages.content.tool_use"),
    ("openai", DEMANDED, UNSIGNED, FIELD, "k", "", '"reasoning_content":"hm"', ""),
    ("openai", MISSING, None, FIELD, "k", '"thinking":{"type":"enabled"}', '"thinking":{"type":"disabled"}', "thinking"),
    ("codewhisperer", "no (THINKING_SIGNATURE_INVALID)", WHISPERER, NATIVE, "claude-opus-4.6", '"signature":"c2ln"', "", "messages.content.thinking"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "said", "first", "settings", "model", "gone", "instead", "lost"),
    ROWS,
    ids=[f"{row[0]}-{at}" for at, row in enumerate(ROWS)],
)
def test_a_refusal_about_thinking_is_mended_once(
    kind: str, said: str, first: Any, settings: dict[str, Any], model: str, gone: str, instead: str, lost: str
) -> None:
    """The request changes in what was refused, says so, and does not change again; under another status it does not change at all."""
    capable = None if kind == "gemini" else THINKS
    ask = ask_of(conversation(first), kind=kind, settings=settings, name=model, model=capable)
    encoded = dialect_of(kind).encode(ask)
    before = encoded.body.decode()
    error = ProviderError(KINDS["bad_request"], f"`p` answered 400: {said}", 400)

    found = mending_of(kind).mended(ask, encoded, error)

    assert found is not None
    after = found.encoded.body.decode()
    if gone:
        assert (gone in before, gone in after) == (True, False)
    if instead:
        assert (instead in before, instead in after) == (False, True)
    assert lost == "" or lost_of(found.encoded)[lost] > 0
    assert mending_of(kind).mended(ask, found.encoded, error) is None
    assert mending_of(kind).mended(ask, encoded, ProviderError(KINDS["server"], said, 500)) is None


@pytest.mark.parametrize("kind", sorted(TYPES - {"static"}))
def test_other_refusals_are_not_mended(kind: str) -> None:
    """A 400 about something else is the client's to read."""
    model = "claude-opus-4.6" if kind == "codewhisperer" else "m"
    ask = ask_of(conversation(None), kind=kind, name=model)
    encoded = dialect_of(kind).encode(ask)
    for said in ("max_tokens is too large", "invalid tool schema", "messages: text must be non-empty", ""):
        assert mending_of(kind).mended(ask, encoded, ProviderError(KINDS["bad_request"], said, 400)) is None


def test_every_dialect_with_an_upstream_can_mend() -> None:
    """A session may come to any of them from another."""
    assert {kind for kind in TYPES if spoken_by(kind).mending is not None} == TYPES - {"static"}


def test_thinking_goes_back_to_who_signed_it() -> None:
    """The service's own thought returns as it was given; one of another provider, and an unsigned one, are left out."""
    sealed = {"type": "redacted_thinking", "data": marked(issuer_of("codewhisperer", "p"), "c2VhbGVk")}
    for first, wanted in [
        (WHISPERER, {"reasoningText": {"text": "hm", "signature": "c2ln"}}),
        (sealed, {"redactedContent": "c2VhbGVk"}),
        (thought("gemini", "c2ln"), None),
        (UNSIGNED, None),
    ]:
        ask = ask_of(conversation(first), kind="codewhisperer", settings=NATIVE, name="claude-opus-4.6")
        state = json.loads(dialect_of("codewhisperer").encode(ask).body)["conversationState"]
        said = next(m["assistantResponseMessage"] for m in state["history"] if "assistantResponseMessage" in m)
        assert said.get("reasoningContent") == wanted


@pytest.mark.parametrize(
    ("capabilities", "model", "asked"),
    [
        (["tools"], "claude-opus-4.6", False),
        (["tools", "thinking"], "claude-opus-4.6", True),
        (["tools", "thinking"], "of-tomorrow", True),
        (None, "of-tomorrow", False),
        (None, "claude-opus-4.6", True),
    ],
)
def test_the_listed_capabilities_say_whether_a_model_thinks(
    capabilities: list[str] | None, model: str, asked: bool
) -> None:
    """The configuration knows better than the table; without a word there, the table decides."""
    listed = None if capabilities is None else {"capabilities": capabilities}
    ask = ask_of(conversation(None), kind="codewhisperer", settings=NATIVE, name=model, model=listed)
    encoded = dialect_of("codewhisperer").encode(ask)
    assert ("additionalModelRequestFields" in json.loads(encoded.body)) is asked
    assert ("thinking" in lost_of(encoded)) is not asked


def test_a_model_that_demanded_its_thinking_back_gets_it_without_being_refused_again() -> None:
    """One refusal, not one a turn; other models of the provider are sent what they were sent."""
    ask = ask_of(conversation(UNSIGNED), settings=FIELD, model=THINKS, name="k")
    ask = replace(ask, options=dialect_of("openai").options_of(ask.provider))
    first = dialect_of("openai").encode(ask)
    assert b'"reasoning_content":"hm"' not in first.body
    error = ProviderError(KINDS["bad_request"], DEMANDED, status=400)
    assert mending_of("openai").mended(ask, first, error) is not None
    assert b'"reasoning_content":"hm"' in dialect_of("openai").encode(ask).body
    assert b'"reasoning_content":"hm"' not in dialect_of("openai").encode(replace(ask, model="other")).body


SAYING = {**BASE, "temperature": 0.5, "stream": True, "thinking": {"type": "enabled", "budget_tokens": 9000}}
CALLING = {
    **SAYING,
    "tools": TOOLS,
    "tool_choice": {"type": "any"},
    "messages": [
        HI,
        {"role": "assistant", "content": [UNSIGNED, CALL]},
        {"role": "user", "content": [*RESULT["content"], {"type": "text", "text": "go on"}]},
    ],
}
KEPT = {"thinkingHistory": "reasoning_content"}

# the lesson, what the upstream says, settings; what the request holds no longer, what it holds instead
LESSON_ROWS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("stream_options", "stream_options.include_usage: Extra inputs are not permitted", {}, '"stream_options"', ""),
    ("stream_options", 'Bad request: json: unknown field "stream_options"', {}, '"stream_options"', ""),
    ("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", {}, '"max_tokens"', '"max_completion_tokens":16'),
    ("sampling", "Unsupported value: 'temperature' does not support 0.5 with this model.", {}, '"temperature"', ""),
    ("sampling", "invalid temperature: only 1 is allowed for this model", {}, '"temperature"', ""),
    ("thinking_history", "messages.1.assistant.reasoning_content: Extra inputs are not permitted", KEPT, '"reasoning_content"', ""),
    ("effort", "Model k does not support parameter reasoningEffort.", {}, '"reasoning_effort"', ""),
    ("effort", "Unrecognized request argument supplied: reasoning_effort", {}, '"reasoning_effort"', ""),
    ("forced_calls", "tool_choice 'required' is incompatible with thinking enabled", {}, '"tool_choice":"required"', ""),
    ("forced_calls", "deepseek-reasoner does not support this tool_choice", {}, '"tool_choice":"required"', ""),
    ("most_output=9", "max_tokens is too large: 16. This model supports at most 9 completion tokens", {}, '"max_tokens":16', '"max_tokens":9'),
    ("most_output=9", "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 9]", {}, '"max_tokens":16', '"max_tokens":9'),
    ("most_output=9", "Invalid max_tokens value, the valid range of max_tokens is [1, 9]", {}, '"max_tokens":16', '"max_tokens":9'),
    ("most_output=9", "`max_tokens` must be less than or equal to `9`, the maximum value for it", {}, '"max_tokens":16', '"max_tokens":9'),
    ("call_ids", "Tool call id was c1 but must be a-z, A-Z, 0-9, with a length of 9.", {}, '"id":"c1"', '"id":"5e78a1b07"'),
    ("after_tools", "Unexpected role 'user' after role 'tool'", {}, "", '"I have the results."'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lesson", "said", "settings", "gone", "instead"),
    LESSON_ROWS,
    ids=[f"{row[0]}-{at}" for at, row in enumerate(LESSON_ROWS)],
)
def test_a_refusal_of_what_was_sent_is_a_lesson(
    lesson: str, said: str, settings: dict[str, Any], gone: str, instead: str
) -> None:
    """The request goes without it, once; the model is sent no more of it, and other models are sent what they were sent."""
    ask = ask_of(CALLING, settings=settings, model=THINKS, name="k")
    ask = replace(ask, options=dialect_of("openai").options_of(ask.provider))
    first = dialect_of("openai").encode(ask)
    error = ProviderError(KINDS["unprocessable"], f"`p` answered 422: {said}", 422)

    found = mending_of("openai").mended(ask, first, error)

    assert found is not None
    assert found.said == f"sent again: {said_of(lesson)}"
    before, after = first.body.decode(), found.encoded.body.decode()
    if gone:
        assert (gone in before, gone in after) == (True, False)
    if instead:
        assert (instead in before, instead in after) == (False, True)
    assert mending_of("openai").mended(ask, found.encoded, error) is None
    again = dialect_of("openai").encode(ask)
    assert again.body == found.encoded.body
    assert said_of(lesson) in again.notes
    assert dialect_of("openai").encode(replace(ask, model="other")).body.decode() == before.replace('"k"', '"other"')


def test_lessons_add_up() -> None:
    """An upstream that refuses one thing after the other is sent none of them in the end, remembered or not."""
    for options in (dialect_of("openai").options_of(ask_of(CALLING).provider), None):
        ask = replace(ask_of(CALLING, model=THINKS), options=options)
        encoded = dialect_of("openai").encode(ask)
        for _, said, _, _, _ in LESSON_ROWS:
            found = mending_of("openai").mended(ask, encoded, ProviderError(KINDS["bad_request"], said, 400))
            encoded = found.encoded if found is not None else encoded
        body = encoded.body.decode()
        assert not any(gone in body for _, _, settings, gone, _ in LESSON_ROWS if gone and not settings)
        assert all(instead in body for *_, instead in LESSON_ROWS if "max_" not in instead)
        assert '"max_completion_tokens":9' in body


def test_a_limit_that_is_too_large_is_no_lesson() -> None:
    """Where prompt and answer together are too long, the client is told: the next prompt leaves another room."""
    ask = ask_of(SAYING)
    encoded = dialect_of("openai").encode(ask)
    said = "'max_tokens' or 'max_completion_tokens' is too large: 9. This model's maximum context length is 8 tokens"
    assert mending_of("openai").mended(ask, encoded, ProviderError(KINDS["bad_request"], said, 400)) is None


def test_a_detail_that_is_missed_is_marked_as_missing() -> None:
    """Where signatures are details, so is what stands for one that the history has not; one that is there stays."""
    ask = ask_of(conversation(None), settings={"thinkingHistory": "reasoning_details"}, name="k")
    ask = replace(ask, options=dialect_of("openai").options_of(ask.provider))
    encoded = dialect_of("openai").encode(ask)
    error = ProviderError(KINDS["bad_request"], f"`p` answered 400: Provider returned error: {MISSED}", 400)
    found = mending_of("openai").mended(ask, encoded, error)
    assert found is not None
    sent = json.loads(found.encoded.body)["messages"][1]
    assert sent["reasoning_details"] == [
        {"type": "reasoning.encrypted", "id": "c1", "data": MARKER, "format": "google-gemini-v1", "index": 0}
    ]
    sealed = {"type": "reasoning.encrypted", "data": "U0lH", "id": "c1"}
    given = {"type": "redacted_thinking", "data": marked(issuer_of("openai", "p"), json.dumps(sealed))}
    again = dialect_of("openai").encode(replace(ask, request=ask_of(conversation(given)).request))
    assert json.loads(again.body)["messages"][1]["reasoning_details"] == [sealed]
