"""Asks each instance of a configuration whether it is there and takes its credential. An edge: it awaits upstreams.

Nothing that is asked costs money: the list of models, where the API has one, else only the head of the host's root.
`live` sends one tiny request that does cost.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct, field

from engine.doctor.answers import Spoken, failure, judged
from engine.doctor.verdicts import Check
from engine.gateway import Gateway, Upstream, model_of
from providers.auth import Headers, without_secrets
from providers.credentials import CredentialFailed
from providers.dialects.seams import Ask, Encoded, Unencodable
from providers.endpoint import endpoint_shown, host_of, origin_of, url_of
from providers.errors import KINDS, ProviderError
from providers.messages.parts import Fault
from providers.signing import request_to
from providers.spec import InstanceSpec, Timeouts
from providers.upstream import TransportFailed, UpstreamRequest, UpstreamResponse
from rules.nodes import Target
from schemas.decode_request import decode_request

WITHIN_S = 10.0
LIVE_WITHIN_S = 60.0
MOST_BYTES = 4_194_304

LISTS: Mapping[str, tuple[str, str]] = {
    "anthropic": ("/messages", "/models"),
    "openai": ("/chat/completions", "/models"),
    "openai-responses": ("/responses", "/models"),
}
"""Provider type -> how the path of its requests ends, and of its list of models instead."""

MODEL = "claude-haiku-4-5"
"""Asked for where a provider names no model."""

TINY = {"model": MODEL, "max_tokens": 16, "messages": [{"role": "user", "content": "Say ok."}]}


class Examination(Struct):
    """Of all instances of one configuration. `skew` is host -> how far its clock is ahead of ours, in seconds."""

    gateway: Gateway
    clock: Callable[[], float]
    wall: Callable[[], float]
    live: bool = False
    skew: dict[str, float] = field(default_factory=dict)

    async def checks(self) -> list[Check]:
        """The checks of every instance, in the configuration's order."""
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(self._instance(upstream, instance))
                for upstream in self.gateway.upstreams.values()
                for instance in upstream.spec.instances
            ]
        return [check for task in asked for check in task.result()]

    async def _instance(self, upstream: Upstream, instance: InstanceSpec) -> list[Check]:
        spec = upstream.spec
        name = f"{spec.name}/{instance.name}"
        if spec.type == "static":
            return [Check("providers", name, "ok", "answers by itself")]
        credential: Headers = ()
        try:
            async with asyncio.timeout(WITHIN_S):
                credential = await upstream.credentials[instance.name].headers(client={})
                asked = _question(upstream, instance, credential)
                answer = await self._send(upstream, asked, WITHIN_S)
            found = judged(name, spec, answer, lists=asked.method == "GET")
        except (CredentialFailed, TransportFailed, Unencodable) as failed:
            found = [failure(name, without_secrets(failed.error, credential))]
        except TimeoutError:
            where = endpoint_shown(instance.endpoint)
            found = [failure(name, ProviderError(KINDS["timeout"], f"{where} did not answer within {WITHIN_S:.0f} s"))]
        if self.live and all(check.verdict != "fail" for check in found):
            found.append(await self._paid(name, upstream, instance, credential))
        return found

    async def _send(self, upstream: Upstream, request: UpstreamRequest, within_s: float) -> Spoken:
        began = self.clock()
        response = await upstream.transport.send(request, Timeouts(within_s, within_s, within_s, within_s))
        seconds = self.clock() - began
        try:
            body = await _body_of(response)
        finally:
            await response.aclose()
        self._hear(host_of(request.url), response.head.headers.get("date"))
        return Spoken(response.head.status, response.head.headers, body, seconds)

    def _hear(self, host: str, date: str | None) -> None:
        if date is None:
            return
        try:
            self.skew[host] = parsedate_to_datetime(date).timestamp() - self.wall()
        except (ValueError, OverflowError):
            return

    async def _paid(self, name: str, upstream: Upstream, instance: InstanceSpec, credential: Headers) -> Check:
        """One tiny request, all the way."""
        try:
            async with asyncio.timeout(LIVE_WITHIN_S):
                ask, encoded = _tiny(upstream)
                request = request_to(instance, encoded, upstream.credentials[instance.name], credential)
                began = self.clock()
                response = await upstream.transport.send(request, upstream.spec.timeouts)
                try:
                    body = await _body_of(response)
                finally:
                    await response.aclose()
                seconds = self.clock() - began
            error = _refusal(upstream, ask, encoded, response, body)
        except (CredentialFailed, TransportFailed, Unencodable) as failed:
            error = failed.error
        except TimeoutError:
            error = ProviderError(KINDS["timeout"], f"no answer within {LIVE_WITHIN_S:.0f} s")
        if error is not None:
            return failure(f"{name} live", without_secrets(error, credential))
        return Check("providers", f"{name} live", "ok", f"{ask.model} answered a request in {seconds:.1f} s")


def _question(upstream: Upstream, instance: InstanceSpec, credential: Headers) -> UpstreamRequest:
    """The free request: the list of models where there is one, and a credential for it; else the head of the root."""
    spec = upstream.spec
    head = UpstreamRequest("HEAD", origin_of(instance.endpoint) + "/", (), b"")
    if spec.type not in (*LISTS, "gemini") or instance.credentials.type in ("forward", "sigv4"):
        return head
    _, encoded = _tiny(upstream)
    parts = urlsplit(url_of(instance.endpoint, encoded.path))
    path = _list_path(spec.type, parts.path)
    if path is None:
        return head
    headers = [(key, value) for key, value in encoded.headers.items() if key not in ("content-type", "accept")]
    url = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
    return UpstreamRequest("GET", url, (*headers, ("accept", "application/json"), *_sent(credential)), b"")


def _list_path(kind: str, path: str) -> str | None:
    if kind == "gemini":
        before, models, _ = path.rpartition("/models/")
        return before + "/models" if models else None
    ending, instead = LISTS[kind]
    return path.removesuffix(ending) + instead if path.endswith(ending) else None


def _sent(credential: Headers) -> Headers:
    return tuple(pair for pair in credential if not pair[0].startswith(":"))


def _tiny(upstream: Upstream) -> tuple[Ask, Encoded]:
    """The tiny request as the dialect sends it."""
    request = decode_request(json.dumps(TINY).encode())
    model = model_of(upstream.spec, Target(upstream.spec.name, None), MODEL)
    counter = iter(range(1_000_000))
    ask = Ask(
        request,
        upstream.spec,
        model,
        upstream.spec.model(model),
        {},
        lambda: f"doctor{next(counter)}",
        upstream.options,
    )
    return ask, upstream.dialect.encode(ask)


def _refusal(
    upstream: Upstream, ask: Ask, encoded: Encoded, response: UpstreamResponse, body: bytes
) -> ProviderError | None:
    """Why the answer is none."""
    if not 200 <= response.head.status < 300:
        return upstream.dialect.error_of(ask, response.head, body)
    decoder = upstream.dialect.decoder(ask, encoded, response.head)
    parts = [*decoder.feed(body), *decoder.finish()]
    return next((part.error for part in parts if isinstance(part, Fault)), None)


async def _body_of(response: UpstreamResponse) -> bytes:
    body = bytearray()
    async for chunk in response.chunks():
        body += chunk
        if len(body) > MOST_BYTES:
            break
    return bytes(body)
