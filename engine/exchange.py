"""One downstream request with all its attempts: plan, send, translate, relay. The only loop that awaits the network.

    plan.next -> Try: encode (once a target) -> lease -> send -> relay -> give back
              -> Sleep | GiveUp: the error, or the reply without content that came where an answer was hoped for

INVARIANT: not one byte goes downstream before the commit point, and nothing is tried after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from functools import partial

from engine.exchange_state import Exchange
from engine.forwarding import check_forwarded
from engine.gateway import Gateway, Upstream
from engine.http.answer_headers import headers_of_answer
from engine.http.asgi import Responder
from engine.log.steps import note_failure, note_mended, note_step
from engine.overflow import overflow_of
from engine.router import Router
from engine.scrub import ScrubbingDecoder
from providers.auth import Headers, scrubbed, without_secrets
from providers.credentials import CredentialFailed
from providers.dialects.seams import Ask, Encoded, Unencodable
from providers.errors import KINDS, ProviderError
from providers.instances import Abandoned, Failed, Outcome, Succeeded
from providers.plan import GiveUp, Plan, Sleep, Try
from providers.redirects import redirect_of
from providers.reply import Reply, Summary
from providers.retold import retold
from providers.signing import request_to
from providers.translate import silence, translated
from providers.upstream import HOP_HEADER, TransportFailed, UpstreamResponse
from providers.waiting import Ticket
from schemas.request import MessagesRequest

ERROR_BODY_BYTES = 1_048_576
ERROR_BODY_S = 10.0
_NO_WAIT = contextlib.nullcontext()
BYTES_PER_TOKEN = 4  # for the guess that `message_start` carries until the upstream has counted


class AttemptFailed(Exception):  # noqa: N818 - carries the ProviderError
    """The upstream refused, or its reply broke before the commit point."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error


class GivenUp(Exception):  # noqa: N818 - carries what the client is told
    """Every attempt failed, and nothing was sent to the client."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error


async def exchange(router: Router, gateway: Gateway, one: Exchange, responder: Responder, rng: random.Random) -> None:
    """Answers the client, or raises `GivenUp` with nothing sent. Cancelled: stops the upstream and gives all back."""
    targets = one.targets or gateway.planned(one.decision.route, one.request.model)
    plan = Plan(targets, gateway.registry.retries, started=one.started_at, session=one.session)
    try:
        while True:
            match plan.next(router.clock(), rng):
                case GiveUp(error):
                    if one.silent is None:
                        raise GivenUp(error)
                    await _pass_silence(router, one, plan, one.silent, responder)
                    return
                case Sleep(seconds, ticket):
                    note_step(router, one, "waiting", seconds=round(seconds, 3), inLine=ticket is not None)
                    await _pause(seconds, ticket)
                case Try() as attempt:
                    router.counters.attempts += 1
                    router.counters.failovers += bool(one.failures) and _is_elsewhere(one.failures[-1][0], attempt)
                    failure = await _attempt(router, gateway, one, plan, attempt, responder, rng)
                    if failure is None:
                        return
                    one.failures.append((attempt, failure))
                    if failure.kind.name == "silent" and one.summary is not None:
                        one.silent = attempt, one.summary
                    plan.failed(attempt, failure, router.clock(), rng)
                    note_failure(router, one, attempt, failure)
    finally:
        plan.leave()


def _is_elsewhere(failed: Try, then: Try) -> bool:
    return (failed.target_index, failed.pick.instance.id) != (then.target_index, then.pick.instance.id)


async def _pause(seconds: float, ticket: Ticket | None) -> None:
    """Waits; a call of the ticket ends it early."""
    called = asyncio.Event()
    if ticket is not None:
        ticket.wake = called.set
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await called.wait()


async def _attempt(
    router: Router, gateway: Gateway, one: Exchange, plan: Plan, attempt: Try, responder: Responder, rng: random.Random
) -> ProviderError | None:
    """One try. None: the client was answered (perhaps with a stream that broke after the commit point)."""
    pool = attempt.target.pool
    upstream = gateway.upstreams[pool.name]
    outcome: Outcome = Abandoned()
    credential: Headers = ()
    lease = attempt.take(router.clock())
    try:
        _prepare(gateway, one, attempt, router)
        credential = await upstream.credentials[attempt.pick.instance.name].headers(
            refresh=attempt.refresh, client=one.headers
        )
        check_forwarded(attempt.pick.instance.spec, credential, one.client_key)
        asked_at = router.clock()
        response = await _accepted(router, one, upstream, attempt, credential)
        ended = False
        try:
            ask, encoded = one.prepared[attempt.target_index]
            reply = _reply_of(upstream, ask, encoded, response, one, credential)
            began_at = await _relay(router, one, plan, attempt, reply, response, responder)
            ended = reply.fault is None
            outcome = Succeeded(began_at - asked_at) if reply.fault is None else Failed(reply.fault)
        finally:
            await response.aclose(ended=ended)
    except (AttemptFailed, TransportFailed, Unencodable, CredentialFailed) as failed:
        error = without_secrets(failed.error, credential)
        outcome = Failed(error)
        return error
    finally:
        pool.give_back(lease, outcome, router.clock(), rng)
    return None


async def _accepted(
    router: Router, one: Exchange, upstream: Upstream, attempt: Try, credential: Headers
) -> UpstreamResponse:
    """The answer to the prepared request, if it is a 2xx. Raises `AttemptFailed` with the refusal.

    A request that its refusal shows how to mend goes out once more, to the same instance.
    """
    while True:
        ask, encoded = one.prepared[attempt.target_index]
        source = upstream.credentials[attempt.pick.instance.name]
        request = request_to(attempt.pick.instance.spec, encoded, source, credential, one.headers.get(HOP_HEADER))
        note_step(
            router,
            one,
            "sending",
            instance=attempt.pick.instance.id,
            model=attempt.target.model,
            number=attempt.number,
            bytes=len(request.body),
        )
        response = await upstream.transport.send(request, attempt.timeouts)
        if 200 <= response.head.status < 300:
            if upstream.through is not None:
                one.passed_on = upstream.through.passed_on(response.head)
            return response
        try:
            body = await _error_body(response)
        finally:
            await response.aclose()
        error = redirect_of(ask.provider.name, response.head) or upstream.dialect.error_of(ask, response.head, body)
        error = retold(error, request.url)
        mended = upstream.mending.mended(ask, encoded, error) if upstream.mending is not None else None
        if mended is None:
            raise AttemptFailed(error)
        one.prepared[attempt.target_index] = ask, mended.encoded
        note_mended(router, one, attempt, mended, error)


def _prepare(gateway: Gateway, one: Exchange, attempt: Try, router: Router) -> None:
    """Sees to it that the request for the attempt's target is in `prepared`, without an instance. Raises `Unencodable`."""
    if attempt.target_index in one.prepared:
        return
    target = attempt.target
    if one.path == "messages" and (overflow := overflow_of(one.request, target.context_window)) is not None:
        raise Unencodable(overflow)
    upstream = gateway.upstreams[target.pool.name]
    spec = gateway.model_spec(target.pool.name, target.model)
    ask = Ask(
        one.request,
        upstream.spec,
        target.model,
        spec,
        one.headers,
        router.new_id,
        upstream.options,
        one.query,
        one.path,
    )
    one.prepared[attempt.target_index] = ask, upstream.dialect.encode(ask)


def _reply_of(
    upstream: Upstream, ask: Ask, encoded: Encoded, response: UpstreamResponse, one: Exchange, credential: Headers
) -> Reply:
    """The reply in the form the client asked for, under the client's own model name."""
    if upstream.through is not None and one.request.origin == "messages":
        passing = upstream.through.reply(ask, encoded, response.head, lambda text: scrubbed(text, credential))
        if passing is not None:
            return passing
    decoder = upstream.dialect.decoder(ask, encoded, response.head)
    return translated(
        ScrubbingDecoder(decoder, credential) if credential else decoder,
        stream=one.request.stream,
        model=one.request.model,
        message_id=_message_id(one),
        new_id=ask.new_id,
        tool_names=encoded.tool_names,
        input_estimate=len(one.request.raw) // BYTES_PER_TOKEN,
        declared_tools=frozenset(tool.name for tool in one.request.tools or ()),
        used_ids=lambda: _ids_of_calls(one.request),
        extract_printed_calls=upstream.spec.settings.get("extractPrintedCalls") is True,
        form=one.form,
    )


def _ids_of_calls(request: MessagesRequest) -> Iterator[object]:
    """The ids of all calls so far."""
    for message in request.messages:
        if isinstance(message.content, list):
            yield from (block.id for block in message.content if block.type == "tool_use")


async def _relay(
    router: Router,
    one: Exchange,
    plan: Plan,
    attempt: Try,
    reply: Reply,
    response: UpstreamResponse,
    responder: Responder,
) -> float:
    """Upstream bytes through `reply` to the client. Returns when the answer began (a whole one: when it was there).

    Raises `AttemptFailed` for a reply that broke before its commit point; after it the stream ends in `event: error`.
    """
    began_at: float | None = None
    try:
        try:
            left_s = attempt.timeouts.first_byte_s - response.waited_s
            async with asyncio.timeout(left_s) if not response.is_whole else _NO_WAIT as patience:
                async for chunk in response.chunks():
                    data = reply.feed(chunk)
                    if began_at is None and reply.started:
                        began_at = router.clock()
                        if patience is not None:
                            patience.reschedule(None)
                    if data:
                        if responder.started:
                            await responder.write(data, router.clock())
                        else:
                            await _pass_on(router, one, plan, attempt, reply, responder, data)
                            response.tap(partial(_at_once, router, reply, responder))
                    if reply.stopped:
                        break
            tail = reply.finish()
        except TransportFailed as failed:
            tail = reply.fail(failed.error)
        except TimeoutError:  # bytes came, such as comments that keep a connection alive, but nothing of an answer
            tail = reply.fail(ProviderError(KINDS["timeout"], f"{attempt.pick.instance.id} began no answer in time"))
        if reply.fault is not None and not responder.started:
            raise AttemptFailed(reply.fault)
        if began_at is None:
            began_at = router.clock()
        await _pass_on(router, one, plan, attempt, reply, responder, tail, last=True)
    finally:
        router.pinger.leave(responder)
        one.summary = reply.summary()
        one.fault = reply.fault
    return began_at


def _at_once(router: Router, reply: Reply, responder: Responder, chunk: bytes) -> bytes | None:
    """A `Tap`: passes what arrives on to a client that keeps up, which costs a fifth less than to wake the exchange for it."""
    if not responder.is_free():
        return chunk
    data = reply.feed(chunk)
    if data:
        responder.pass_on(data, router.clock())
    return b"" if reply.stopped else None


async def _pass_on(
    router: Router,
    one: Exchange,
    plan: Plan,
    attempt: Try,
    reply: Reply,
    responder: Responder,
    data: bytes,
    last: bool = False,
) -> None:
    now = router.clock()
    if not responder.started:
        plan.committed()
        attempt.target.pool.answering(attempt.pick)
        one.answered_by = attempt
        one.first_byte_at = now
        note_step(router, one, "answering", instance=attempt.pick.instance.id)
        length = len(data) if last else None
        await responder.start(200, reply.content_type, headers_of_answer(one, attempt), length)
        if not last:
            router.pinger.join(responder)
    await responder.write(data, now, more=not last)


async def _pass_silence(
    router: Router, one: Exchange, plan: Plan, silent: tuple[Try, Summary], responder: Responder
) -> None:
    """Answers with a reply without content, which no other instance has bettered: it counts as that attempt's answer."""
    attempt, summary = silent
    plan.committed()
    one.failures = [failure for failure in one.failures if failure[0] is not attempt]
    one.answered_by, one.summary, one.fault = attempt, summary, None
    now = one.first_byte_at = router.clock()
    note_step(router, one, "answering", instance=attempt.pick.instance.id)
    content_type, data = silence(
        one.form,
        stream=one.request.stream,
        model=one.request.model,
        message_id=_message_id(one),
        usage=summary.usage,
    )
    await responder.start(200, content_type, headers_of_answer(one, attempt), len(data))
    await responder.write(data, now, more=False)


def _message_id(one: Exchange) -> str:
    return "msg_" + one.request_id.removeprefix("req_")


async def _error_body(response: UpstreamResponse) -> bytes:
    """The body of an error answer, cut at `ERROR_BODY_BYTES` and after `ERROR_BODY_S`; what came before a cut is kept."""
    body = bytearray()
    with contextlib.suppress(TransportFailed, TimeoutError):
        async with asyncio.timeout(ERROR_BODY_S):
            async for chunk in response.chunks():
                body += chunk
                if len(body) >= ERROR_BODY_BYTES:
                    break
    return bytes(body[:ERROR_BODY_BYTES])
