"""A Messages request as `InvokeModel` takes it: the members that came, without the model and the stream, with the API's version.

Source: "Anthropic Claude Messages API" in the user guide of Amazon Bedrock.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from providers.chat.fit import fitted
from providers.dialects.anthropic.requests import edits_of
from providers.dialects.anthropic.thoughts import misses_thoughts, refuses_thoughts
from providers.dialects.bedrock.settings import Options, options_of
from providers.dialects.bedrock.system_turns import reminding
from providers.dialects.losses import Losses
from providers.dialects.seams import Ask, Encoded, Mended, Unencodable, without_thinking
from providers.dialects.turns import BILLING_LINE
from providers.dialects.unsent import NO_TWIN
from providers.errors import KINDS, ProviderError
from schemas.members import spliced
from schemas.request import MessagesRequest

FIELDS_OF_BETAS: tuple[tuple[str, str], ...] = (
    ("context-management-", "context_management"),
    ("compact-", "context_management"),
)
"""How a beta's name begins -> the member that is refused without it."""


_REFUSED_BETA = re.compile(r"\binvalid (?:anthropic[_ -])?beta\b", re.IGNORECASE)


class Sent(Struct, frozen=True):
    """What was done to a request after refusals, each once at most: what was said of its thinking, and whether betas went."""

    thinking_refusal: str | None = None
    without_betas: bool = False


def encode(ask: Ask) -> Encoded:
    """The upstream request. Raises `Unencodable` for a model that no path can name."""
    return _encoded(ask, Sent())


def mended(ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
    """The request without what was refused; None where that is no help.

    Thinking blocks of another issuer, or all betas: which of them a model takes is said nowhere, and the refusal names
    none.
    """
    sent = encoded.dialect_state if isinstance(encoded.dialect_state, Sent) else Sent()
    if error.status != 400:
        return None
    if _REFUSED_BETA.search(error.message) and not sent.without_betas:
        again = _encoded(ask, replace(sent, without_betas=True))
        done = Mended(again, "betas-removed", "sent again without betas")
    elif refuses_thoughts(error.message) and sent.thinking_refusal is None:
        again = _encoded(ask, replace(sent, thinking_refusal=error.message))
        done = without_thinking(again)
        if not misses_thoughts(error.message):
            options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider)
            options.refused.add_all(ask.request, ask.model)
    else:
        return None
    return done if again.body != encoded.body else None


def _encoded(ask: Ask, sent: Sent) -> Encoded:
    options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider)
    losses = Losses()
    request = fitted(ask.request, ask.model, ask.model_spec, losses)
    edits = edits_of(ask, request, losses, keep_unsigned=False, refusal=sent.thinking_refusal, refused=options.refused)
    betas = _betas(ask, options, sent, losses)
    edits |= {"model": None, "stream": None, **_without_billing(request, losses)}
    if any(message.role == "system" for message in request.messages):
        reminders = reminding(edits.get("messages") or bytes(request.fields["messages"]), betas, losses)
        edits |= {} if reminders is None else {"messages": reminders}
    for name in request.fields:
        if name in options.leave_out and bytes(request.fields[name]) != b"null":
            losses.add(name, NO_TWIN.get(name, "this service refuses it"))
            edits[name] = None
    for start, name in FIELDS_OF_BETAS:
        starts = [one for first, one in FIELDS_OF_BETAS if one == name and any(b.startswith(first) for b in betas)]
        if name in request.fields and not starts and edits.get(name, b"") is not None:
            losses.add(name, f"its beta (`{start}...`) is not sent")
            edits[name] = None
    body = spliced(request.raw, request.fields, edits)
    return Encoded(
        path=f"/model/{_segment(ask.model, options)}/{'invoke-with-response-stream' if request.stream else 'invoke'}",
        body=_with_version(body, options.version, betas),
        headers={"content-type": "application/json", "accept": "application/json", **options.extra_headers},
        lost=losses.listed(),
        dialect_state=sent,
    )


def _without_billing(request: MessagesRequest, losses: Losses) -> dict[str, bytes | None]:
    """The edit of `system` that leaves out the client's billing line, which only its vendor takes; the other blocks stay as they came."""
    raw = bytes(request.fields.get("system", b""))
    text = request.system[0].text if request.system else None
    if not raw.lstrip().startswith(b"[") or not isinstance(text, str) or not text.startswith(BILLING_LINE):
        return {}
    losses.add("system.0", "the client's billing line is for its vendor only")
    others = [bytes(block) for block in msgspec.json.decode(raw, type=list[msgspec.Raw])[1:]]
    return {"system": b"[" + b",".join(others) + b"]" if others else None}


def _segment(model: str, options: Options) -> str:
    """The model's id as one segment of the path."""
    model_id = options.model_ids.get(model, model)
    if model_id in (".", "..", ""):
        raise Unencodable(ProviderError(KINDS["model"], f"`{model_id}` is no id of a model"))
    return quote(model_id, safe="~")


def _betas(ask: Ask, options: Options, sent: Sent, losses: Losses) -> list[str]:
    asked = dict.fromkeys(one.strip() for one in ask.headers.get("anthropic-beta", "").split(",") if one.strip())
    if sent.without_betas:
        losses.add("header.anthropic-beta", "the service refused one of them, and does not say which", len(asked))
        return []
    if options.betas == "all":
        return list(asked)
    kept = [one for one in asked if options.betas == "known" and one in options.known_betas]
    why = "`betas` is `none`" if options.betas == "none" else "not in `knownBetas`"
    losses.add("header.anthropic-beta", why, len(asked) - len(kept))
    return kept


def _with_version(body: bytes, version: str, betas: list[str]) -> bytes:
    """The body with the members that a header carries elsewhere in front."""
    members = b'{"anthropic_version":' + msgspec.json.encode(version)
    if betas:
        members += b',"anthropic_beta":' + msgspec.json.encode(betas)
    rest = body[body.index(b"{") + 1 :].lstrip()
    return members + (rest if rest.startswith(b"}") else b"," + rest)
