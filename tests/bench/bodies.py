"""The request bodies that are measured: a small one, and one as big as a real session's with 20 tools; in both formats."""

from __future__ import annotations

import json
from typing import Any

_SENTENCE = (
    "Read the file before you edit it, keep the change small, and say what you did and why in one short sentence. "
)


def _schema(number: int) -> dict[str, Any]:
    properties = {
        f"argument_{index}": {"type": "string", "description": _SENTENCE * 2, "enum": ["a", "b", "c"]}
        for index in range(4)
    }
    return {"type": "object", "properties": properties, "required": ["argument_0"], "additionalProperties": False}


def _turns() -> list[tuple[str, str, str]]:
    """(question, tool input, tool result) of a session's history."""
    return [(f"step {number}: " + _SENTENCE * 6, f"src/file_{number}.py", _SENTENCE * 30) for number in range(12)]


def small_anthropic() -> dict[str, Any]:
    """About 1 kB."""
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 1024,
        "stream": False,
        "system": [{"type": "text", "text": _SENTENCE * 3}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": _SENTENCE * 4}]}],
        "metadata": {"user_id": "bench"},
    }


def small_openai() -> dict[str, Any]:
    """The same as an OpenAI client sends it."""
    return {
        "model": "fake-model",
        "max_tokens": 1024,
        "stream": False,
        "messages": [{"role": "system", "content": _SENTENCE * 3}, {"role": "user", "content": _SENTENCE * 4}],
    }


def big_anthropic() -> dict[str, Any]:
    """About 126 kB: system in three blocks, 20 tools, a history of tool calls."""
    messages: list[dict[str, Any]] = []
    for number, (question, path, result) in enumerate(_turns()):
        call = {"type": "tool_use", "id": f"toolu_{number:04}", "name": "Tool_3", "input": {"argument_0": path}}
        answer = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": result}]}
        messages += [
            {"role": "user", "content": [{"type": "text", "text": question}]},
            {"role": "assistant", "content": [{"type": "text", "text": "I will look."}, call]},
            {"role": "user", "content": [answer]},
            {"role": "assistant", "content": [{"type": "text", "text": "Done with it."}]},
        ]
    messages.append({"role": "user", "content": [{"type": "text", "text": _SENTENCE}]})
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 32000,
        "stream": False,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=sdk-cli"},
            {"type": "text", "text": _SENTENCE * 2, "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": _SENTENCE * 182, "cache_control": {"type": "ephemeral"}},
        ],
        "messages": messages,
        "tools": [
            {"name": f"Tool_{number}", "description": _SENTENCE * 12, "input_schema": _schema(number)}
            for number in range(20)
        ],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "medium"},
        "metadata": {"user_id": "bench"},
    }


def big_openai() -> dict[str, Any]:
    """The same as an OpenAI client sends it."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": _SENTENCE * 184}]
    for number, (question, path, result) in enumerate(_turns()):
        function = {"name": "Tool_3", "arguments": json.dumps({"argument_0": path})}
        messages += [
            {"role": "user", "content": question},
            {
                "role": "assistant",
                "content": "I will look.",
                "tool_calls": [{"id": f"toolu_{number:04}", "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": f"toolu_{number:04}", "content": result},
            {"role": "assistant", "content": "Done with it."},
        ]
    messages.append({"role": "user", "content": _SENTENCE})
    return {
        "model": "fake-model",
        "max_tokens": 32000,
        "stream": False,
        "messages": messages,
        "tools": [
            {
                "type": "function",
                "function": {"name": f"Tool_{number}", "description": _SENTENCE * 12, "parameters": _schema(number)},
            }
            for number in range(20)
        ],
    }
