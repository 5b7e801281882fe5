"""The explanation that the server gives: the same object as `ccr explain`, with this router's own state."""

from __future__ import annotations

from urllib.parse import parse_qsl

from msgspec.structs import replace

from engine.explain import explain, question_of
from engine.explainer import Begun
from engine.front import Visit
from engine.intake import ProviderStates
from engine.read_envelope import Asked, BadEnvelope, read_asked
from engine.replies import Refused, refusal
from engine.router import Router
from engine.surroundings import Surroundings
from schemas.request import BadRequest

_QUERY = {"why": "a rule, category or target", "all": "1", "full": "1"}
_PASSED_OVER = ("beta",)
"""Clients put it behind every path."""

_MOST = 100


def begin(router: Router, visit: Visit) -> Begun:
    """The explanation of the request in the body, but for what must be proved. Raises `Refused`.

    The time and the providers' state are filled in where the body does not say them; headers, address and key are those
    the body says, not those of the call.
    """
    pairs = _query_of(visit)
    flags = {name for name, _ in pairs}
    try:
        asked = read_asked(visit.body)
    except (BadEnvelope, BadRequest) as problem:
        raise Refused(refusal(400, str(problem))) from None
    gateway, now = visit.gateway, router.clock()
    surroundings = Surroundings(gateway.built.providers, gateway.registry, now)
    question = question_of(gateway.built, _filled_in(asked, router, visit, now), surroundings, "full" in flags)
    return Begun(question, explain(question), tuple(value for name, value in pairs if name == "why"), "all" in flags)


def _filled_in(asked: Asked, router: Router, visit: Visit, now: float) -> Asked:
    envelope = asked.envelope
    if envelope.now is None:
        envelope = replace(envelope, now=router.wall())
    if envelope.provider_state is None:
        # as it is now: what is proved is proved in another thread
        states = ProviderStates(visit.gateway.registry, now)
        envelope = replace(envelope, provider_state={name: dict(state) for name, state in states.items()})
    if envelope.budget_state is None and router.budgets is not None:
        envelope = replace(envelope, budget_state=router.budgets.at(router.wall()))
    return Asked(envelope, asked.api, asked.lost)


def _query_of(visit: Visit) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(visit.query, keep_blank_values=True, max_num_fields=_MOST)
    except ValueError:
        raise Refused(refusal(400, f"the query has more than {_MOST} parts")) from None
    for name, value in pairs:
        if name in _PASSED_OVER:
            continue
        if name not in _QUERY or (name != "why" and value != _QUERY[name]):
            said = ", ".join(f"`{word}={meaning}`" for word, meaning in _QUERY.items())
            raise Refused(refusal(400, f"the query may say {said}"))
    return pairs
