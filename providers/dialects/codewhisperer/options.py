"""The `settings` of a `codewhisperer` provider, read once per request from values the schema has checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from providers.dialects.codewhisperer.tools import Declared
from schemas.document import JSONValue
from schemas.recent import Recent

Dialect = Literal["rest", "json-rpc"]
SystemMode = Literal["pair", "prefix"]
Thinking = Literal["off", "native", "simulated"]


@dataclass(frozen=True, slots=True)
class Options:
    """How this provider is asked; the names in brackets are those of the configuration file.

    - `profile_arn` [profileArn]: sent with every request; None: the token file's, else none is sent
    - `dialect` [dialect]: `rest` posts to `/generateAssistantResponse`, `json-rpc` to `/` with an `x-amz-target`
    - `system_mode` [systemMode]: `pair` sends the system text as a first exchange, `prefix` in front of the first user text
    - `thinking` [thinking]: `off`; `native` for models of the table that take it; `simulated` asks for tags in the text
    - `origin` [origin]: the kind of client, an enumeration of the service
    - `agent_mode` [agentMode]: `vibe` or `spec`; None: not said
    - `opt_out` [optOut]: the service is told not to keep the content
    - `count_by_context` [countByContext]: input tokens from the percentage the service reports; off: an own estimate
    - `model_ids` [modelIds]: model name -> id of the service, before any rule
    - `extra_headers` [extraHeaders]: sent in addition, and instead of ours where the names agree
    - `known_tools`: what the encoder made of the tools of requests lately
    """

    profile_arn: str | None = None
    dialect: Dialect = "rest"
    system_mode: SystemMode = "pair"
    thinking: Thinking = "off"
    origin: str = "AI_EDITOR"
    agent_mode: str | None = None
    opt_out: bool = True
    count_by_context: bool = False
    model_ids: Mapping[str, str] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    known_tools: Recent[Declared] = field(default_factory=Recent, compare=False, repr=False)


def options_of(settings: Mapping[str, JSONValue]) -> Options:
    """The options; whatever is absent has its default. A profile ARN that is still the README's placeholder is none."""
    plain = Options()
    return Options(
        profile_arn=profile_arn_of(settings.get("profileArn")),
        dialect=cast(Dialect, settings.get("dialect", plain.dialect)),
        system_mode=cast(SystemMode, settings.get("systemMode", plain.system_mode)),
        thinking=cast(Thinking, settings.get("thinking", plain.thinking)),
        origin=_text(settings.get("origin"), plain.origin),
        agent_mode=_text(settings.get("agentMode"), "") or None,
        opt_out=settings.get("optOut", plain.opt_out) is not False,
        count_by_context=settings.get("countByContext", plain.count_by_context) is True,
        model_ids=_texts(settings.get("modelIds")),
        extra_headers={name.lower(): value for name, value in _texts(settings.get("extraHeaders")).items()},
    )


def profile_arn_of(value: JSONValue) -> str | None:
    """A usable profile ARN, or None: absent, empty, or with the unfilled `ACCOUNT` or `PROFILE_ID` of the documentation."""
    text = _text(value, "")
    return text if text.startswith("arn:") and not unfilled(text) else None


def unfilled(profile_arn: str) -> bool:
    """Whether the ARN still holds the documentation's placeholders: unfinished configuration, to be reported as such."""
    return ":ACCOUNT:" in profile_arn or profile_arn.endswith("/PROFILE_ID")


def _text(value: JSONValue, default: str) -> str:
    return value if isinstance(value, str) else default


def _texts(value: JSONValue) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {key: item for key, item in value.items() if isinstance(item, str)}
