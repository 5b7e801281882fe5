"""What the posted paths answer: a message, a completion, a token count, an explanation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

import msgspec
from msgspec.structs import replace

from engine.access.allowance import admitted, check_budgets
from engine.admitting import within_limits
from engine.exchange import GivenUp, exchange
from engine.exchange_state import Exchange, Moment
from engine.explaining.explainer import MAX_WAITING
from engine.http.answer_headers import header_of_target, headers_of_decision, headers_of_failure
from engine.http.filters_header import filters_header
from engine.http.front import Visit
from engine.intake import ProviderStates, envelope_of
from engine.log.record import record_exchange
from engine.log.steps import note_step
from engine.replies import Refused, refusal, refusal_of
from engine.router import Router
from providers.client_form import ClientForm
from providers.dialects.seams import Lost
from providers.errors import Blame
from providers.messages.form import MESSAGES_FORM
from providers.plan import PlannedTarget
from rules.explicit import without_tag
from rules.facts import Facts
from rules.filters import Filtered, decision_of, filtered
from rules.nodes import Decision, Filter, Found, Reject
from schemas.decode_request import decode_request
from schemas.request import BadRequest, Envelope, MessagesRequest, Path
from schemas.threads import THREAD_REFUSAL, THREAD_REFUSAL_DETAILS, asks_for_thread

LARGE_BYTES = 131_072
"""A body of that size takes filters some ten milliseconds."""


async def answer_messages(router: Router, visit: Visit) -> None:
    """`POST /v1/messages`."""
    request = _decoded(router, visit, "messages")
    if asks_for_thread(request):
        raise Refused(refusal(400, THREAD_REFUSAL, THREAD_REFUSAL_DETAILS))
    await _answered(router, visit, request)


async def answer_chat(router: Router, visit: Visit) -> None:
    """`POST /v1/chat/completions`: the same rules and the same way to the targets, for clients of that API."""
    from providers.chat.form import ChatForm  # loaded for those who ask: most routers serve one API
    from providers.chat.reading import BadChat
    from providers.chat.request import chat_request, without_vendor_headers

    try:
        asked = chat_request(visit.body)
    except BadRequest as problem:
        place, code = (problem.param, problem.code) if isinstance(problem, BadChat) else (None, None)
        raise Refused(replace(refusal(400, str(problem)), param=place, code=code)) from None
    visit.headers = without_vendor_headers(visit.headers)
    visit.query = ""
    form = ChatForm(int(router.wall()), include_usage=asked.include_usage, as_functions=asked.as_functions)
    await _answered(router, visit, asked.request, form, asked.lost)


async def _answered(
    router: Router,
    visit: Visit,
    request: MessagesRequest,
    form: ClientForm = MESSAGES_FORM,
    lost: tuple[Lost, ...] = (),
) -> None:
    sent, read = visit.body, request
    facts, found, decision = await _decided(router, visit, request, "messages")
    request = facts.envelope.request
    session = facts.get("sessionId")
    one = Exchange(
        visit.request_id,
        without_tag(request) if facts.choices() else request,
        visit.headers,
        decision,
        session if isinstance(session, str) else None,
        visit.started_at,
        visit.query,
        form=form,
        lost_before=lost,
        debug=visit.gateway.settings.debug,
        client_key=visit.client_key,
        client_ip=visit.client_ip,
        findings=found,
    )
    if one.debug.saving is not None:
        chat = sent if request.origin == "chat" and request is read else None
        one.moment = _moment(router, visit, request, chat)
    _note_decided(router, visit, one)
    async with _limits(router, visit, one, facts):
        if isinstance(decision.route.to, Reject):
            _refuse_decided(router, one, decision.route.to)
        await _exchanged(router, visit, one)


def _moment(router: Router, visit: Visit, request: MessagesRequest, chat: bytes | None) -> Moment:
    """What is saved of this moment; from here on the answer is copied."""
    wall = router.wall()
    state: dict[str, object] = {}
    for name, values in ProviderStates(visit.gateway.registry, router.clock()).items():
        state |= {f"provider.{name}.{kind}": value for kind, value in values.items()}
    if router.budgets is not None:
        state |= {f"budget.{name}.state": value for name, value in router.budgets.at(wall).items()}
    visit.responder.copy = bytearray()
    gateway = visit.gateway
    return Moment(request.raw, wall, state, gateway.revision, visit.responder.copy, chat, gateway.built.rules.filters)


def _note_decided(router: Router, visit: Visit, one: Exchange) -> None:
    request, decision = one.request, one.decision
    note_step(
        router,
        one,
        "decided",
        model=request.model,
        stream=request.stream,
        bytes=len(visit.body),
        messages=len(request.messages),
        tools=len(request.tools or ()),
        session=one.session,
        rule=decision.rule,
        category=decision.category,
    )


def _limits(router: Router, visit: Visit, one: Exchange, facts: Facts) -> AbstractAsyncContextManager[None]:
    """What holds while the exchange runs: the targets that its key may use, and the limits, if there are any."""
    if not isinstance(one.decision.route.to, Reject):
        if visit.key is not None:
            one.targets = _admitted(router, visit, one)
        elif visit.gateway.limiter is not None:
            one.targets = visit.gateway.planned(one.decision.route, one.request.model)
    limiter = visit.gateway.limiter
    return nullcontext() if limiter is None else within_limits(router, visit, limiter, one, facts)


def _admitted(router: Router, visit: Visit, one: Exchange) -> Sequence[PlannedTarget]:
    assert visit.key is not None
    try:
        check_budgets(visit.key, router.budgets, router.wall())
        return admitted(visit.key, one.decision, visit.gateway.planned(one.decision.route, one.request.model))
    except Refused as refused:
        record_exchange(router, one, refused.reply.status, "rejected")
        raise


def _refuse_decided(router: Router, one: Exchange, reject: Reject) -> None:
    record_exchange(router, one, reject.status, "rejected")
    raise Refused(refusal(reject.status, reject.message), headers_of_decision(one.decision))


async def _exchanged(router: Router, visit: Visit, one: Exchange) -> None:
    responder = visit.responder
    try:
        await exchange(router, visit.gateway, one, responder, router.rng)
    except GivenUp as given_up:
        reply = refusal_of(given_up.error)
        record_exchange(router, one, reply.status, "failed", given_up.error)
        raise Refused(reply, headers_of_failure(one)) from None
    except asyncio.CancelledError:
        record_exchange(router, one, responder.status, "client gone" if visit.gone else "broken")
        raise
    record_exchange(router, one, responder.status, "broken" if one.fault else "answered")


async def answer_count(router: Router, visit: Visit) -> None:
    """`POST /v1/messages/count_tokens`: the upstream's count where it speaks the client's format, else our own estimate.

    The estimate, whose method is `rules/measure.py`, also stands in where the upstream cannot count just now.
    """
    request = _decoded(router, visit, "count_tokens")
    facts, _, decision = await _decided(router, visit, request, "count_tokens")
    request = facts.envelope.request
    if isinstance(decision.route.to, Reject):
        raise Refused(refusal(decision.route.to.status, decision.route.to.message), headers_of_decision(decision))
    targets = visit.gateway.planned(decision.route, request.model)
    if visit.key is not None:
        targets = admitted(visit.key, decision, targets)
    one = _counting(visit, request, decision, targets)
    limiter = visit.gateway.limiter
    async with nullcontext() if limiter is None else within_limits(router, visit, limiter, one, facts):
        if visit.gateway.counts(targets[0]) and await _counted_upstream(router, visit, one):
            return
        body = msgspec.json.encode({"input_tokens": facts.get("inputTokens")})
        headers = [*headers_of_decision(decision), header_of_target(targets[0]), ("x-ccr-tokens", "estimated")]
        await visit.responder.whole(200, body, headers=headers)


def _counting(visit: Visit, request: MessagesRequest, decision: Decision, targets: Sequence[PlannedTarget]) -> Exchange:
    """The exchange with the upstreams that count."""
    return Exchange(
        visit.request_id,
        without_tag(request) if decision.rule == "explicit" else request,
        visit.headers,
        decision,
        None,
        visit.started_at,
        visit.query,
        "count_tokens",
        [target for target in targets if visit.gateway.counts(target)],
        debug=visit.gateway.settings.debug,
        client_key=visit.client_key,
        client_ip=visit.client_ip,
    )


async def _counted_upstream(router: Router, visit: Visit, one: Exchange) -> bool:
    """Whether an upstream counted. Raises `Refused` where it says that the request is wrong."""
    try:
        await exchange(router, visit.gateway, one, visit.responder, router.rng)
    except GivenUp as given_up:
        if given_up.error.kind.blame is not Blame.CLIENT:
            return False
        raise Refused(refusal_of(given_up.error), headers_of_failure(one)) from None
    return True


async def answer_explain(router: Router, visit: Visit) -> None:
    """`POST /v1/ccr/explain`: what would happen to the request in the body, by the rules and the state of this moment."""
    from engine.explaining.over_http import begun, opened  # loaded for those who ask

    explainer = router.explainer
    if explainer.waiting >= MAX_WAITING:
        raise Refused(refusal(503, "too many explanations are asked for at a time; ask again in a moment"))
    explainer.waiting += 1
    try:
        asked = opened(router, visit)
        large = len(visit.body) >= LARGE_BYTES  # filters must keep nobody else waiting
        explained = begun(asked, await asyncio.to_thread(asked.question) if large else asked.question())
        body = await asyncio.get_running_loop().run_in_executor(explainer.thread, explainer.proved, explained)
    finally:
        explainer.waiting -= 1
    await visit.responder.whole(200, body)


def _decoded(router: Router, visit: Visit, path: Path) -> MessagesRequest:
    try:
        return decode_request(visit.body, path, router.known_tools)
    except BadRequest as problem:
        raise Refused(refusal(400, str(problem))) from None


async def _decided(
    router: Router, visit: Visit, request: MessagesRequest, path: Path
) -> tuple[Facts, tuple[Found, ...], Decision]:
    """The facts of the request as the filters leave it, what these found, and the decision."""
    envelope = _envelope(router, visit, request, path)
    filters = visit.gateway.built.rules.filters
    if not filters:
        facts = Facts(envelope)
        return facts, (), visit.gateway.decide(facts)
    behind = await _behind_filters(filters, envelope)
    if behind.found:
        visit.body = behind.envelope.request.raw
        visit.responder.base.append(filters_header(behind.found))
    facts = Facts(behind.envelope)
    decision = visit.gateway.decide(facts) if behind.blocked is None else decision_of(behind.blocked)
    return facts, behind.found, decision


async def _behind_filters(filters: Sequence[Filter], envelope: Envelope) -> Filtered:
    """The request behind the filters; a large one is searched in a thread, so that nobody else waits for it."""
    if len(envelope.request.raw) < LARGE_BYTES:
        return filtered(filters, envelope)
    states = envelope.provider_state
    still = None if states is None else {name: dict(state) for name, state in states.items()}
    behind = await asyncio.to_thread(filtered, filters, replace(envelope, provider_state=still))
    return replace(behind, envelope=replace(behind.envelope, provider_state=states))


def _envelope(router: Router, visit: Visit, request: MessagesRequest, path: Path) -> Envelope:
    registry = visit.gateway.registry
    now, wall = router.clock(), router.wall()
    budgets = router.budgets.at(wall) if router.budgets is not None else None
    return envelope_of(request, path, visit.headers, visit.client_ip, registry, now, wall, visit.client_key, budgets)
