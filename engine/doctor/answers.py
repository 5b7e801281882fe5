"""What the answer of an instance says, or that there was none: of its address, its credential and its models. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from engine.doctor.verdicts import Check, Verdict
from providers.errors import ProviderError
from providers.spec import ProviderSpec
from schemas.suggest import nearest
from schemas.wording import counted

SLOW_S = 2.0

_ADVICE: Mapping[str, str] = {
    "connect": "see that the address is right and the host can be reached from here (a firewall, a proxy, a name server)",
    "path": "see that the path of `endpoint` is right",
    "timeout": "see that the host can be reached from here; a proxy is taken from HTTPS_PROXY",
    "credential": "put a valid key into the configuration, or log in again with the program that wrote the token",
    "model": "see that `endpoint` and the names in `settings.models` are right",
    "redirect": "put the address that it points to into `endpoint`",
}
_NO_TLS = "write `http://`, or the port that speaks TLS"
_CERTIFICATE = "its certificate is not trusted here: see that nothing intercepts the connection, or name the authority that signed it"

_SAID = {
    "certificate": _CERTIFICATE,
    "speaks no TLS": _NO_TLS,
    ": refused": "nothing listens there: start it, or mend the port in `endpoint`",
    "cannot be resolved": "see that the host of `endpoint` is spelt right, and that this machine's name server knows it",
}
"""What a message says -> what to do, whatever kind of failure it is."""


class Spoken(Struct, frozen=True):
    """What an instance answered; `body` may be cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def failure(name: str, error: ProviderError) -> Check:
    """What could not be done, and what to do."""
    advice = next((said for part, said in _SAID.items() if part in error.message), _ADVICE.get(error.kind.name, ""))
    if not advice and error.kind.blame.value == "us":
        advice = _ADVICE["credential"]
    return Check("providers", name, "fail", error.message, advice)


_UNPROVED = "`--live` sends one small paid request"

Row: TypeAlias = tuple[Verdict, str, str]
"""A verdict, what is so, and what to do."""

_STATUSES: Mapping[int, Row] = {
    401: ("fail", "refuses the credential (401)", _ADVICE["credential"]),
    403: ("fail", "refuses the credential (403)", "see that the key may be used for this, and that the address is the right one"),
    429: ("warn", "takes the credential, but its limit is reached (429)", "wait, or see the account's limits"),
}  # fmt: skip


def judged(name: str, spec: ProviderSpec, answer: Spoken, *, lists: bool) -> list[Check]:
    """What an answer says: of the credential where the list of models was asked for, else only that somebody is there."""
    took = f"in {answer.seconds * 1000:.0f} ms"
    status = answer.status
    rows: list[Row] = []
    if status >= 500:
        rows.append(("warn", f"answers with {status} {took}", "it fails by itself; see its status page"))
    elif 300 <= status < 400:
        rows.append(("fail", f"points elsewhere ({status}), which is not followed", _ADVICE["redirect"]))
    elif not lists:
        rows.append(("note", f"is there ({took}); its credential is not proved", _UNPROVED))
    elif status in _STATUSES:
        verdict, said, advice = _STATUSES[status]
        rows.append((verdict, f"{said} {took}", advice))
    elif 200 <= status < 300:
        rows.append(_listed(spec, answer, took))
    else:
        said = f"is there ({took}), but has no list of models ({status}); its credential is not proved"
        rows.append(("note", said, _UNPROVED))
    if answer.seconds > SLOW_S and status < 500 and not 300 <= status < 400:
        said = f"took {answer.seconds:.1f} s for its first byte"
        rows.append(("warn", said, "see whether a proxy or a name server is slow"))
    return [Check("providers", name, *row) for row in rows]


def _listed(spec: ProviderSpec, answer: Spoken, took: str) -> Row:
    """Whether the configured models are among those that the upstream lists."""
    listed = rows_in(answer.body)
    if listed is None:
        said = f"answers with something that is no list of models, {took}; its credential is not proved"
        return "warn", said, "see that `endpoint` is the address of the API; `--live` tries it"
    offered = models_in(listed)
    wanted = [model.name for model in spec.models]
    missing = [model for model in wanted if model not in offered]
    if not offered:
        return "ok", f"takes the credential, {took}", ""
    if not missing:
        return "ok", f"takes the credential and has {counted(len(wanted) or len(offered), 'model')}, {took}", ""
    near = nearest(missing[0], sorted(offered))
    said = f"takes the credential, but does not list {', '.join(f'`{one}`' for one in missing[:3])}"
    return "warn", said, f"did you mean `{near}`?" if near else "see `settings.models`"


def rows_in(body: bytes) -> list[Any] | None:
    """The rows of a list of models, in OpenAI's and Anthropic's form (`data`), Gemini's (`models`) or bare; None for what is none."""
    try:
        listed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    rows = listed.get("data", listed.get("models")) if isinstance(listed, dict) else listed
    return rows if isinstance(rows, list) else None


def models_in(rows: list[Any]) -> frozenset[str]:
    """The names in the rows: `id`, of Gemini's `name`."""
    names = [row.get("id") or row.get("name") for row in rows if isinstance(row, dict)]
    return frozenset(name.removeprefix("models/") for name in names if isinstance(name, str))
