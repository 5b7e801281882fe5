"""`ccr replay`. An edge: it reads a file and asks a router, or is one for a moment."""

from __future__ import annotations

import http.client
import json
import re
import time
from typing import TYPE_CHECKING, Any

import click

from engine.cli import options
from engine.cli.ask import connection_to, no_answer, own_headers
from engine.cli.built_from import built_from
from engine.cli.configured import UnreadableConfiguration, UnusableConfiguration, unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.read_envelope import Api
    from engine.saving.said import Said

TIMEOUT_S = 600.0
MOST_BYTES = 67_108_864
_NOT_SENT = ("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding")
TEXT_CHARS = 2000
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BESIDE = (("outcome", dict, "an object"), ("decision", dict, "an object"), ("reply", str, "a text"))
"""What a saved request has that no request has, and what each is."""


@click.command("replay")
@click.argument("request", metavar="FILE")
@click.option("--to", metavar="PROVIDER,MODEL", help="The target to ask for instead of what the request says.")
@options.router_port
@options.router_host
@click.option("-c", "--config", metavar="FILE", help="Send it under this configuration, without a running router.")
@options.env_file
@options.as_json
def command(
    request: str,
    to: str | None,
    port: int | None,
    host: str | None,
    config: str | None,
    env_file: str | None,
    form: str,
) -> int:
    """Send a saved request again, and show what is different.

    Through the running router, which routes it by its rules: `--to` asks for a target as a client would. With `--config`
    it goes from here, and with `--to` to that target whatever the rules say. The exit status is 1 for an error answer.
    It is a real request, and may cost what it costs.
    """
    saved, api = _saved(request)
    body = dict(saved["request"])
    headers = _headers(saved.get("headers"), api)
    target = _target(to)
    began = time.monotonic()
    if config is None:
        if to is not None:
            body["model"] = to
        status, got, answer = _asked(*options.router_place(host, port), api, body, headers)
    else:
        status, got, answer = _under(config, env_file, api, body, headers, target)
    shown = _result(saved, api, status, got, answer, time.monotonic() - began)
    if to is not None and shown["target"] not in (None, to):
        shown["note"] = f"the rules sent it to `{shown['target']}`, not to `{to}`"
    elif _was_chat(saved) and api == "messages":
        shown["note"] = "a filter changed this chat request, so it was saved and is sent as a Messages request"
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False) if form == "json" else _harmless(_text(shown)))
    return 0 if 200 <= status < 300 and shown["error"] is None else 1


def _saved(name: str) -> tuple[dict[str, Any], Api]:
    from engine.cli.request_files import MAX_BYTES
    from engine.configuration.files import read_file
    from engine.read_envelope import BadEnvelope, read_asked
    from schemas.request import BadRequest
    from schemas.wording import quoted

    try:
        data = read_file(name, MAX_BYTES)
        api = read_asked(data).api
        if api == "count_tokens":
            raise UnusableConfiguration(f"{name} is a request to count tokens, which is not replayed")
    except OSError as problem:
        raise unreadable(name, problem) from problem
    except (BadEnvelope, BadRequest) as problem:
        raise UnreadableConfiguration(f"{name}: {problem}") from problem
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):  # what the reader passed over unread
        raise UnreadableConfiguration(f"{name}: a number in it is too long, or it is nested too deeply") from None
    saved: dict[str, Any] = found if "request" in found else {"request": found}
    for member, kind, what in _BESIDE:
        if saved.get(member) is not None and not isinstance(saved[member], kind):
            raise UnreadableConfiguration(f"{name}: `{member}` is {what} where a router saved the file")
    for header in saved.get("headers") or ():
        if not _HEADER.fullmatch(header):
            raise UnreadableConfiguration(f"{name}: no header can be called {quoted(header)}")
    return saved, api


def _was_chat(saved: Mapping[str, Any]) -> bool:
    return (saved.get("outcome") or {}).get("api") == "chat"


def _headers(saved: object, api: Api) -> dict[str, str]:
    """The saved headers, but those that belong to a connection, and credentials, which are not saved."""
    given = saved if isinstance(saved, dict) else {}
    version = {"anthropic-version": str(given.get("anthropic-version", "2023-06-01"))} if api == "messages" else {}
    return {
        name.lower(): text
        for name, text in given.items()
        if name.lower() not in _NOT_SENT and not text.startswith("sha256:") and text.isascii() and text.isprintable()
    } | version


def _target(to: str | None) -> tuple[str, str] | None:
    if to is None:
        return None
    provider, comma, model = (part.strip() for part in to.partition(","))
    if not comma or not provider or not model:
        raise click.UsageError(f"--to is `provider,model`, not `{to}`")
    return provider, model


def _asked(
    host: str, port: int, api: Api, body: Mapping[str, Any], headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    connection = connection_to(host, port, TIMEOUT_S)
    try:
        sent = {**headers, **own_headers(), "content-type": "application/json"}
        connection.request("POST", f"/v1/{api}", json.dumps(body).encode(), sent)
        reply = connection.getresponse()
        return reply.status, {name.lower(): text for name, text in reply.getheaders()}, reply.read(MOST_BYTES)
    except (OSError, http.client.HTTPException) as problem:
        raise UnusableConfiguration(f"{no_answer(host, port)}; `--config FILE` needs none ({problem})") from None
    finally:
        connection.close()


def _under(
    config: str,
    env_file: str | None,
    api: Api,
    body: Mapping[str, Any],
    headers: dict[str, str],
    target: tuple[str, str] | None,
) -> tuple[int, dict[str, str], bytes]:
    from engine.saving.replaying import answer_of
    from rules.nodes import Target
    from schemas.suggest import did_you_mean

    built = built_from(config, env_file, so="nothing is sent", secrets="resolve")
    if target is not None and target[0] not in built.providers:
        hint = did_you_mean(target[0], built.providers)
        raise click.UsageError(f"there is no provider `{target[0]}`" + (f"; {hint}" if hint else ""))
    answered = answer_of(built, api, json.dumps(body).encode(), headers, Target(*target) if target else None)
    return answered.status, answered.headers, answered.body


def _result(
    saved: Mapping[str, Any], api: Api, status: int, headers: Mapping[str, str], answer: bytes, seconds: float
) -> dict[str, Any]:
    from urllib.parse import unquote

    from engine.saving.said import differences, said_in
    from schemas.wording import visible

    said = said_in(answer)
    rule, target = (unquote(headers[name]) if name in headers else None for name in ("x-ccr-rule", "x-ccr-target"))
    differs = []
    outcome, decision = saved.get("outcome") or {}, saved.get("decision") or {}
    if outcome.get("status", status) != status:
        differs.append(f"status: {outcome['status']} -> {status}")
    if decision.get("rule", rule) != rule:
        differs.append(f"rule: {decision['rule']} -> {rule}")
    before = outcome.get("target")
    if isinstance(before, dict) and f"{before.get('provider')},{before.get('model')}" != target:
        differs.append(f"target: {before.get('provider')},{before.get('model')} -> {target}")
    if saved.get("reply") and not (
        _was_chat(saved) and api == "messages"
    ):  # else its answer was in the form of another API
        differs += differences(said_in(str(saved["reply"]).encode("utf-8", "surrogatepass")), said)
    return {"status": status, "rule": rule, "target": target, "seconds": round(seconds, 2), **_shown(said)} | {
        "compared": "outcome" in saved,
        "differences": [visible(line) for line in differs],
    }


def _shown(said: Said) -> dict[str, Any]:
    return {
        "text": said.text,
        "tools": [{"name": name, "input": arguments} for name, arguments in said.tools],
        "stopReason": said.stop_reason,
        "usage": dict(said.usage),
        "error": said.error,
    }


def _harmless(text: str) -> str:
    """The text with its lines and tabs, and without what else a terminal would obey: models wrote it."""
    from schemas.wording import visible

    return "".join(part if part in "\n\t" else visible(part) for part in re.split(r"([\n\t])", text))


def _text(shown: Mapping[str, Any]) -> str:
    head = f"status {shown['status']} after {shown['seconds']} s"
    lines = [", ".join([head, *(f"{name} {shown[name]}" for name in ("rule", "target") if shown[name])])]
    if "note" in shown:
        lines.append(f"note: {shown['note']}")
    if shown["error"]:
        lines.append(f"error: {shown['error']}")
    if shown["text"]:
        text = shown["text"]
        lines += ["", text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]}... ({len(text)} characters)"]
    lines += [f"tool call {call['name']} {call['input']}" for call in shown["tools"]]
    if shown["stopReason"]:
        counts = ", ".join(f"{name} {count}" for name, count in shown["usage"].items())
        lines += ["", f"stop reason {shown['stopReason']}" + (f"; {counts}" if counts else "")]
    if not shown["compared"]:
        return "\n".join(lines)
    differs = [f"  {line}" for line in shown["differences"]]
    return "\n".join(
        [*lines, "", "differences from what was saved:" if differs else "no difference from what was saved", *differs]
    )
