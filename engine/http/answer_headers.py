"""Our headers of an answer: the rule, the target, the path there, and what was lost. Pure."""

from __future__ import annotations

from engine.exchange_state import Exchange
from engine.http.lossy import lossy_header
from engine.http.path import path_header
from engine.http.quoting import quoted
from providers.plan import PlannedTarget, Try
from rules.nodes import Decision

_PLAIN = " /,:;()[]{}@=+*'!?&#$|<>~^`"  # what may stand in a header value as it is; `%` and all else is encoded


def headers_of_decision(decision: Decision) -> list[tuple[str, str]]:
    """`x-ccr-rule`, percent-encoded UTF-8."""
    return [("x-ccr-rule", quoted(decision.rule, _PLAIN))]


def header_of_target(target: PlannedTarget) -> tuple[str, str]:
    """`x-ccr-target`, as `provider,model`, percent-encoded UTF-8."""
    return "x-ccr-target", quoted(f"{target.pool.name},{target.model}", _PLAIN)


def headers_of_answer(one: Exchange, attempt: Try) -> list[tuple[str, str]]:
    """`x-ccr-rule`, `x-ccr-target` of the instance that answered, the path there, and how many attempts if more than one."""
    headers = [*headers_of_decision(one.decision), header_of_target(attempt.target), path_header(one.failures, attempt)]
    if one.failures:
        headers.append(("x-ccr-attempts", str(len(one.failures) + 1)))
    return [*headers, *lossy_header(one.lost_for(attempt)), *one.passed_on]


def headers_of_failure(one: Exchange) -> list[tuple[str, str]]:
    """The same for an exchange that nobody answered: the target is the last one tried."""
    headers = headers_of_decision(one.decision)
    if one.failures:
        last, _ = one.failures[-1]
        headers += [header_of_target(last.target), path_header(one.failures, None)]
        headers.append(("x-ccr-attempts", str(len(one.failures))))
    return headers
