"""What newcomers write for a value: words of other programs, and a text or a list where a mapping stands; what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PROVIDER = r"(?:routing\.)?providers\.[^.\[]+"
_AUTHENTICATION = rf"{_PROVIDER}(?:\.instances\[\d+\])?\.authentication"

_OPENAI = (
    "ollama", "lmstudio", "vllm", "llamacpp", "llamacppserver", "localai", "sglang", "litellm", "openrouter", "deepseek",
    "groq", "mistral", "together", "fireworks", "azure", "azureopenai", "xai", "grok", "qwen", "dashscope", "moonshot",
    "kimi", "zai", "glm", "custom", "http", "openaicompatible", "openaichat", "openaicompletions", "chatgpt", "gpt", "llm",
)  # fmt: skip
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(_OPENAI, "openai"),
    **dict.fromkeys(("claude", "anthropicapi", "claudeapi"), "anthropic"),
    **dict.fromkeys(("google", "vertex", "vertexai", "googleai", "aistudio"), "gemini"),
    **dict.fromkeys(("aws", "awsbedrock", "amazonbedrock"), "bedrock"),
    **dict.fromkeys(("kiro", "kirocli", "amazonq", "q", "qdeveloper"), "codewhisperer"),
    **dict.fromkeys(("responses",), "openai-responses"),
    **dict.fromkeys(("mock", "echo", "demo", "fake", "test"), "static"),
}

# a pattern over a value's path -> what was written, in lower case without `-`, `_`, `.` and blanks -> the word here
_VALUES: tuple[tuple[str, Mapping[str, str]], ...] = (
    (rf"{_PROVIDER}\.type", _TYPES),
    (
        rf"{_AUTHENTICATION}\.type",
        {
            **dict.fromkeys(("xapikey", "apikey", "key", "header"), "api_key"),
            **dict.fromkeys(("token", "oauth", "oauth2", "jwt", "authorization"), "bearer"),
            **dict.fromkeys(("passthrough", "client", "subscription", "login", "own"), "forward"),
            **dict.fromkeys(("noauth", "off", "anonymous", "no", "false"), "none"),
            **dict.fromkeys(("aws", "iam"), "sigv4"),
        },
    ),
    (r"debug\.logLevel", {"verbose": "debug", "trace": "debug", "all": "debug", "fatal": "error", "off": "error"}),
)

# a pattern over a path -> the help where there is a text, a number or a list in place of a mapping (or of a text)
_SHAPES: tuple[tuple[str, str], ...] = (
    (r"(?:routing\.)?providers", "write each as `NAME: {type: ..., endpoint: ...}`, its name as the key, without a dash"),
    (rf"{_PROVIDER}", "write what it is: `{type: ..., endpoint: ...}`"),
    (_AUTHENTICATION, "write `{type: none}` where none is wanted, else `{apiKey: \"${NAME}\"}`"),
    (r"(?:.*\.)?(?:condition|when)", "write facts, such as `{inputTokens: \"> 100k\"}`, or an expression: `{expr: \"...\"}`"),
    (r"routing\.rules", "write `CATEGORY: \"PROVIDER,MODEL\"` for each category; rules with conditions are `customRules`"),
    (r"routing\.(?:rules\.[^.]+|customRules\[\d+\]\.target)", "write `\"PROVIDER,MODEL\"` as one text, or `{provider: ..., model: ...}`"),
    (r"routing\.customRules\[\d+\]\.target\.reject", "write `{status: 403, message: ...}`"),
    (r"conditions", "write `NAME: {...}` for each"),
    (r"routing\.customRules", "write a list: each rule begins with `- name: ...`"),
)  # fmt: skip

# a pattern over the path of a missing key -> the help
_MISSING: tuple[tuple[str, str], ...] = (
    (r"routing\.customRules\[\d+\]\.condition", "a rule for every request has `condition: {always: true}`"),
    (r"routing\.customRules\[\d+\]\.target", "say where its requests go: `target: \"PROVIDER,MODEL\"`"),
    (rf"{_PROVIDER}\.type", "say which API it speaks, such as `openai` (also Ollama, LM Studio, vLLM) or `anthropic`"),
    (rf"{_PROVIDER}\.endpoint", "write the URL of its API, such as `http://127.0.0.1:11434/v1`"),
    (r"routing", "write at least `routing: {defaultProvider: NAME}`"),
    (r"providers", "write at least one, `providers: {NAME: {type: ..., endpoint: ...}}`"),
)  # fmt: skip


def word_for(path: str, written: str) -> str | None:
    """The word of this language for a word of another one, or None."""
    folded = re.sub(r"[-_. ]", "", written.lower())
    return next((words.get(folded) for pattern, words in _VALUES if re.fullmatch(pattern, path)), None)


def shape_for(path: str) -> str | None:
    """The help line where something else stands in place of a mapping, or None."""
    return _found(_SHAPES, path)


def missing_for(path: str) -> str | None:
    """The help line for a key that is not there; `path` is its own."""
    return _found(_MISSING, path)


def _found(table: tuple[tuple[str, str], ...], path: str) -> str | None:
    return next((help_text for pattern, help_text in table if re.fullmatch(pattern, path)), None)
