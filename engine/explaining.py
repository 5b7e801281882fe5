"""The explanation that the server gives: the same object as `ccr explain`, with this router's own state."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from engine.explain import Question, explain
from engine.front import Visit
from engine.intake import ProviderStates
from engine.read_envelope import BadEnvelope, read_envelope
from engine.replies import Refused, refusal
from engine.router import Router
from engine.surroundings import Surroundings
from schemas.request import BadRequest


def explanation_of(router: Router, visit: Visit) -> bytes:
    """The explanation of the request in the body, as JSON. The time and the providers' state are filled in where the
    body does not say them; headers, address and key are those the body says, not those of the call.
    """
    try:
        envelope = read_envelope(visit.body)
    except (BadEnvelope, BadRequest) as problem:
        raise Refused(refusal(400, str(problem))) from None
    gateway, now = visit.gateway, router.clock()
    if envelope.now is None:
        envelope = replace(envelope, now=router.wall())
    if envelope.provider_state is None:
        envelope = replace(envelope, provider_state=ProviderStates(gateway.registry, now))
    if envelope.budget_state is None and router.budgets is not None:
        envelope = replace(envelope, budget_state=router.budgets.at(router.wall()))
    surroundings = Surroundings(gateway.built.providers, gateway.registry, now)
    return msgspec.json.encode(explain(Question(gateway.built.rules, gateway.revision, envelope, surroundings)))
