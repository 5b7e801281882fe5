"""The dialect `static`: a built-in upstream that needs no key and no network, for a first try and for tests.

| setting | default | what it does |
|---|---|---|
| `text` | a line that shows what was routed where | the answer; a template |
| `toolCall` | none | `{name, input}`: calls this tool when it is offered and its result is not there yet; strings in `input` are templates |
| `chunkChars` | 16 | characters per piece of a streamed answer |
| `chunkDelayMs` | 0 | pause before each piece |

Templates know `{model}` (the target's), `{requestedModel}` (the client's), `{provider}`, `{lastUserText}` (without
reminders of the client), `{toolResult}` (text of the last tool result), `{inputLength}` (characters of text in `system` and
`messages`), `{messageCount}` and `{toolCount}`. Other braces stay as they are.

The body sent is a `Script`; `providers/static_upstream.py` plays it as a Chat Completions stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from providers.dialects.openai.replies import decoder_of
from providers.dialects.refusals import error_of
from providers.dialects.seams import Ask, Decoder, Encoded, Head
from providers.errors import ProviderError
from providers.spec import ProviderSpec
from schemas.decode_request import blocks_of
from schemas.document import JSONValue
from schemas.request import Block, Message, MessagesRequest

DEFAULT_TEXT = "Routed to {provider}, model {model}. You said: {lastUserText}"


class Script(msgspec.Struct, frozen=True):
    """What the built-in upstream is to answer: pieces of text or one tool call, and the token counts to report."""

    model: str
    pieces: tuple[str, ...] = ()
    tool_id: str | None = None
    tool_name: str | None = None
    tool_input: dict[str, Any] = {}
    delay_ms: float = 0
    input_tokens: int = 0
    output_tokens: int = 0


class StaticDialect:
    """Fixed or templated answers; nothing of the request is lost, since nothing is sent anywhere."""

    def options_of(self, provider: ProviderSpec) -> None:
        """None: the script is made of the settings as they are."""

    def encode(self, ask: Ask) -> Encoded:
        """The script of the answer."""
        body = msgspec.json.encode(_script(ask))
        return Encoded(path="", body=body, headers={"content-type": "application/json"})

    def decoder(self, ask: Ask, encoded: Encoded, head: Head) -> Decoder:
        """The decoder of the format that the built-in upstream plays."""
        return decoder_of(ask, encoded, head)

    def error_of(self, ask: Ask, head: Head, body: bytes) -> ProviderError:
        """Never asked: the built-in upstream refuses nothing."""
        return error_of(ask, head, body)


def _script(ask: Ask) -> Script:
    settings = ask.provider.settings
    words = _words(ask)
    input_tokens = _tokens(_length(ask.request))
    delay = settings.get("chunkDelayMs")
    delay_ms = float(delay) if isinstance(delay, int | float) else 0.0
    call = settings.get("toolCall")
    if isinstance(call, dict) and _may_call(ask.request, call.get("name")):
        tool_input = call.get("input")
        filled = _filled(tool_input, words) if isinstance(tool_input, dict) else {}
        return Script(
            model=ask.model,
            tool_id=f"call_{ask.new_id()}",
            tool_name=str(call["name"]),
            tool_input=filled,
            delay_ms=delay_ms,
            input_tokens=input_tokens,
            output_tokens=_tokens(len(str(filled))),
        )
    written = settings.get("text")
    text = _rendered(written if isinstance(written, str) else DEFAULT_TEXT, words)
    chars = settings.get("chunkChars")
    size = chars if isinstance(chars, int) and chars > 0 else 16
    return Script(
        model=ask.model,
        pieces=tuple(text[start : start + size] for start in range(0, len(text), size)),
        delay_ms=delay_ms,
        input_tokens=input_tokens,
        output_tokens=_tokens(len(text)),
    )


def _may_call(request: MessagesRequest, name: object) -> bool:
    """Whether the tool is offered and the newest turn brings no result."""
    offered = any(tool.name == name for tool in request.tools or ())
    return offered and not any(block.type == "tool_result" for block in _newest(request.messages))


def _newest(messages: Sequence[Message]) -> Iterable[Block]:
    for message in reversed(messages):
        if message.role == "assistant":
            return
        yield from _blocks(message)


def _words(ask: Ask) -> Mapping[str, str]:
    request = ask.request
    return {
        "model": ask.model,
        "requestedModel": request.model,
        "provider": ask.provider.name,
        "lastUserText": _last_user_text(request.messages),
        "toolResult": next((_text(one.content) for one in _newest(request.messages) if one.type == "tool_result"), ""),
        "inputLength": str(_length(request)),
        "messageCount": str(len(request.messages)),
        "toolCount": str(len(request.tools or ())),
    }


_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


def _rendered(template: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: words.get(found[1], found[0]), template)


def _filled(value: JSONValue, words: Mapping[str, str]) -> Any:
    """The value with every string in it rendered."""
    match value:
        case str():
            return _rendered(value, words)
        case list():
            return [_filled(one, words) for one in value]
        case dict():
            return {key: _filled(one, words) for key, one in value.items()}
        case _:
            return value


def _last_user_text(messages: Sequence[Message]) -> str:
    for message in reversed(messages):
        if message.role == "user":
            said = [block for block in _blocks(message) if block.type == "text"]
            text = _REMINDER.sub("", _text(said)).strip()
            if text:
                return text
    return ""


def _blocks(message: Message) -> Sequence[Block]:
    return blocks_of(message.content) if isinstance(message.content, str) else message.content


def _text(content: object) -> str:
    return "\n".join(_texts(content))


def _texts(content: object) -> Iterable[str]:
    """The text blocks of content in any form."""
    blocks = content if isinstance(content, list) and all(isinstance(one, Block) for one in content) else None
    for block in blocks or blocks_of(content):
        if block.type == "text" and isinstance(block.text, str):
            yield block.text
        elif block.type == "tool_result":
            yield from _texts(block.content)


def _length(request: MessagesRequest) -> int:
    contents: list[object] = [list(request.system), *(message.content for message in request.messages)]
    return sum(len(text) for content in contents for text in _texts(content))


def _tokens(chars: int) -> int:
    """About what a model would count; only to have something to show."""
    return max(1, chars // 4)


STATIC = StaticDialect()
