"""The transformers of musistudio/claude-code-router as settings of ours, or as a note why there is none.

Source: that router's documentation and its transformers, as of version 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.importing.draft import Draft, ProviderDraft
from engine.importing.models import is_count, limit_output
from engine.importing.values import harmless

Options = Mapping[str, Any]
Apply = Callable[[ProviderDraft, Options, str, Draft], None]

TYPES = {"anthropic": "anthropic", "gemini": "gemini", "openai-responses": "openai-responses"}
"""Transformer in lower case -> the provider type it stands for; all others are about type `openai`."""

UNSERVED = {
    "vertex-gemini": "Vertex is not served; the Gemini API itself is, as type `gemini`",
    "vertex-claude": "Vertex is not served; Claude is, by its vendor (`anthropic`) or AWS (`bedrock`)",
}
"""Transformers whose providers cannot be imported at all."""


def apply(name: str, options: Options, provider: ProviderDraft, place: str, draft: Draft) -> None:
    """Puts what the transformer does into the provider's settings, or notes that it cannot be."""
    key = name.lower()
    if key in _APPLIED:
        _APPLIED[key](provider, options, place, draft)
    elif key in _NEEDLESS:
        if options:
            draft.note(place, f"the options of `{name}` have no equivalent")
    else:
        draft.note(place, _NO_EQUIVALENT.get(key, f"the transformer `{name}` has no equivalent"))


def limit_of(name: str, options: Options) -> int | None:
    """The limit of output that a transformer sets, None where it sets none: the one thing it can do for one model alone."""
    most = options.get("max_tokens")
    return most if name.lower() == "maxtoken" and is_count(most) else None


def _openai(provider: ProviderDraft, name: str, value: Any, place: str, draft: Draft) -> None:
    if provider.type == "openai":
        provider.settings[name] = value
    else:
        draft.note(place, f"a provider of type `{provider.type}` has no setting for this")


def _anthropic(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:  # noqa: ARG001
    if options.get("UseBearer") is True:
        provider.auth_type = "bearer"


def _deepseek(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:  # noqa: ARG001
    _openai(provider, "thinkingHistory", "reasoning_content", place, draft)
    limit_output(provider, 8192)


def _openrouter(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:
    _openai(provider, "reasoningField", "reasoning", place, draft)
    _openai(provider, "cacheControl", "keep", place, draft)
    if isinstance(options.get("provider"), dict):
        body = provider.settings.setdefault("extraBody", {})
        body["provider"] = harmless(options["provider"], place, draft)
    for key in options:
        if key != "provider":
            draft.note(f"{place}.{key}", "this option of `openrouter` has no equivalent")


def _maxtoken(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:
    if is_count(options.get("max_tokens")):
        provider.most_output = options["max_tokens"]
        for said in provider.models.values():
            said["maxOutputTokens"] = options["max_tokens"]
    else:
        draft.note(place, "`maxtoken` names no limit")


def _max_completion(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:
    _openai(provider, "maxTokensField", "max_completion_tokens", place, draft)
    limit_output(provider, options.get("max_tokens"))


def _reasoning(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:
    _openai(provider, "reasoningField", "enable_thinking", place, draft)
    _openai(provider, "reasoning", "never" if options.get("enable") is False else "always", place, draft)


def _think_tag(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:  # noqa: ARG001
    _openai(provider, "thinkingTag", "think", place, draft)


def _sampling(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:
    limit_output(provider, options.get("max_tokens"))
    fixed = {key: value for key, value in options.items() if key != "max_tokens" and _is_number(value)}
    if fixed:
        _openai(provider, "extraBody", {**provider.settings.get("extraBody", {}), **fixed}, place, draft)
    for key in options:
        if key != "max_tokens" and key not in fixed:
            draft.note(f"{place}.{key}", "this option of `sampling` has no equivalent")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _custom(provider: ProviderDraft, options: Options, place: str, draft: Draft) -> None:
    made = harmless(dict(options), place, draft)
    _openai(provider, "extraBody", {**provider.settings.get("extraBody", {}), **made}, place, draft)
    scalars = [key for key, value in made.items() if not isinstance(value, dict | list)]
    if scalars and provider.type == "openai":
        named = ", ".join(f"`{key}`" for key in scalars)
        draft.note(place, f"{named}: as `extraBody` it wins over what a request says, which it did not there")


_APPLIED: Mapping[str, Apply] = {
    "anthropic": _anthropic,
    "deepseek": _deepseek,
    "openrouter": _openrouter,
    "maxtoken": _maxtoken,
    "maxcompletiontokens": _max_completion,
    "reasoning": _reasoning,
    "extrathinktag": _think_tag,
    "sampling": _sampling,
    "customparams": _custom,
}

_NEEDLESS = frozenset(("openai", "openai-responses", "gemini", "groq", "cleancache", "streamoptions", "vercel"))
"""What these do, ccr does without being told."""

_NO_EQUIVALENT: Mapping[str, str] = {
    "tooluse": "`tooluse` forces calls with a tool of its own: not done here, `tool_choice` is the client's",
    "enhancetool": "`enhancetool` mends arguments by guessing: here calls stream as they come, and only safe repairs are made",
    "forcereasoning": "`forcereasoning` asks for thinking in the prompt: prompts are not changed here",
    "cerebras": "`cerebras` sets reasoning flags: see the settings `reasoning` and `reasoningField`",
    **UNSERVED,
}
