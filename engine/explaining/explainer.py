"""Where the server proves what its explanations say: in one thread, apart from the exchanges."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from engine.replies import Refused, refusal
from rules.nodes import RuleSet

if TYPE_CHECKING:
    from engine.explaining.question import Question
    from rules.analysis.counterfactual import Prepared

MAX_WAITING = 16
"""Explanations that may be waited for at a time."""


class Begun(Struct, frozen=True):
    """An explanation as far as it was made with the router's state of one moment; `why` and `everything` as in `Wish`."""

    question: Question
    explanation: dict[str, Any]
    why: tuple[str, ...] = ()
    everything: bool = False


class Explainer(Struct):
    """One thread, and the configuration it is ready for.

    A proof takes milliseconds, the first one for a thousand rules about a second: too long for the loop. What proves is
    loaded with the first question, so that no start waits for it.
    """

    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "explain"))
    waiting: int = 0
    _ready: tuple[RuleSet, Prepared] | None = None

    def proved(self, begun: Begun) -> bytes:
        """The explanation as JSON; for the thread. Raises `Refused`."""
        from engine.analysis.stage import offered
        from engine.explaining.why_not import NoSuchRule, Wish, ready_for, with_reasons

        question = begun.question
        if self._ready is None or self._ready[0] is not question.rules:
            self._ready = (question.rules, ready_for(question.rules, offered(question.surroundings.providers)))
        wish = Wish(begun.why, begun.everything)
        try:
            explanation = with_reasons(question, begun.explanation, self._ready[1], wish)
        except NoSuchRule as problem:
            raise Refused(refusal(400, f"why: {problem}")) from None
        return msgspec.json.encode(explanation)
