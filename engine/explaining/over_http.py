"""The explanation that the server gives: the same object as `ccr explain`, with this router's own state."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from engine.explaining.explainer import Begun
from engine.explaining.explanation import explain
from engine.explaining.question import Question, question_of
from engine.explaining.surroundings import Surroundings
from engine.http.front import Visit
from engine.intake import ProviderStates
from engine.read_envelope import BadEnvelope, read_asked
from engine.replies import Refused, refusal
from engine.router import Router
from schemas.request import BadRequest

_QUERY = {"why": "a rule, category or target", "all": "1", "full": "1"}
_PASSED_OVER = ("beta",)
"""Clients put it behind every path."""

_MOST = 100


class Opened(Struct, frozen=True):
    """What is asked of the router at one moment.

    `question` reads the body and filters it, raising `Refused`: it needs nothing more of the router, so that a thread
    may do it.
    """

    question: Callable[[], Question]
    why: tuple[str, ...]
    everything: bool


def opened(router: Router, visit: Visit) -> Opened:
    """What the body and the query ask. Raises `Refused`.

    The time and the state of providers and budgets are filled in where the body does not say them, as they are now;
    headers, address and key are those the body says, not those of the call.
    """
    pairs = _query_of(visit)
    flags = {name for name, _ in pairs}
    gateway, body, now, wall = visit.gateway, visit.body, router.clock(), router.wall()
    surroundings = Surroundings(gateway.built.providers, gateway.registry, now)
    states = {name: dict(state) for name, state in ProviderStates(gateway.registry, now).items()}
    budgets = dict(router.budgets.at(wall)) if router.budgets is not None else None

    def question() -> Question:
        try:
            asked = read_asked(body)
        except (BadEnvelope, BadRequest) as problem:
            raise Refused(refusal(400, str(problem))) from None
        envelope = asked.envelope
        known = replace(
            envelope,
            now=wall if envelope.now is None else envelope.now,
            provider_state=states if envelope.provider_state is None else envelope.provider_state,
            budget_state=budgets if envelope.budget_state is None else envelope.budget_state,
        )
        return question_of(gateway.built, replace(asked, envelope=known), surroundings, "full" in flags)

    return Opened(question, tuple(value for name, value in pairs if name == "why"), "all" in flags)


def begun(asked: Opened, question: Question) -> Begun:
    """The explanation of the question, but for what must be proved; of the pools as they are."""
    return Begun(question, explain(question), asked.why, asked.everything)


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
