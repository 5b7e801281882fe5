"""The one evaluator: a rule set and the facts of a request give a decision.

The plain walk here says what everything means; `rules/fast.py` gives the same answers sooner and is compared with it.
"""

from __future__ import annotations

from typing import Protocol, assert_never

from rules.expressions.compute import ExpressionFailed, compute
from rules.facts import UNKNOWN, FactSource, Seen
from rules.nodes import (
    All,
    Any,
    Category,
    Compare,
    Constant,
    Decision,
    Not,
    Opaque,
    Predicate,
    Reference,
    Reject,
    Route,
    Rule,
    RuleSet,
    Skipped,
    Target,
    Test,
)
from rules.operators import holds_between, holds_for

Leaf = Test | Compare | Opaque | Constant


class Trace(Protocol):
    """Who listens to an evaluation; `explain` does. The evaluator builds nothing for it while nobody listens."""

    def begin(self, name: str) -> None:
        """The rule, `explicit` or the category of that name is tried."""
        ...

    def leaf(self, node: Leaf, result: bool | None) -> None:
        """A predicate was evaluated; None: it failed."""
        ...

    def end(self, name: str, result: bool | None) -> None:
        """The outcome of the one begun; None: it failed."""
        ...


class UnknownFact(Exception):  # noqa: N818 - says what is unknown
    """A predicate needs a fact that nobody gave (the time, the state of a provider); blame: the asker of `explain`."""

    def __init__(self, fact: str) -> None:
        super().__init__(f"`{fact}` is not given")
        self.fact = fact


def decide(rules: RuleSet, facts: FactSource, trace: Trace | None = None) -> Decision:
    """The first rule that holds, else the client's explicit choice, else the first category that holds.

    A rule whose condition fails is skipped (or refuses the request, as its `on_error` says) and listed in the decision.
    Raises `UnknownFact` where the decision needs a fact that is not given.
    """
    skipped: list[Skipped] = []
    for rule in rules.rules:
        if not rule.enabled:
            continue
        reason = try_condition(rule.name, rule.condition, facts, trace)
        if reason is True:
            return Decision(rule.route, rule.name, None, tuple(skipped))
        if isinstance(reason, str):
            skipped.append(Skipped(rule.name, reason))
            if rule.on_error == "reject":
                return Decision(refusal_of(rule, reason), rule.name, None, tuple(skipped))
    target = explicit_target(rules, facts)
    if trace is not None:
        trace.begin(EXPLICIT)
        trace.end(EXPLICIT, target is not None)
    if target is not None:
        return Decision(Route(target), EXPLICIT, None, tuple(skipped))
    for category in rules.categories:
        reason = try_condition(category.name, category.condition, facts, trace)
        if reason is True:
            return Decision(route_of(category), category.name, category.name, tuple(skipped))
        if isinstance(reason, str):
            skipped.append(Skipped(category.name, reason))
    raise AssertionError("the last category always holds")


EXPLICIT = "explicit"
"""The name under which the client's own choice decides."""


def holds(node: Predicate, facts: FactSource, trace: Trace | None = None) -> bool:
    """Whether a condition holds. Raises `ExpressionFailed` where one of its expressions fails, or `UnknownFact`."""
    match node:
        case Test():
            result = _test(node, facts)
        case All(children):
            return all(holds(child, facts, trace) for child in children)
        case Any(children):
            return any(holds(child, facts, trace) for child in children)
        case Not(child):
            return not holds(child, facts, trace)
        case Reference(_, child):
            return holds(child, facts, trace)
        case Constant(value):
            result = value
        case Compare() | Opaque():
            result = _compute(node, facts, trace)
        case _:
            assert_never(node)
    if trace is not None:
        trace.leaf(node, result)
    return result


def explicit_target(rules: RuleSet, facts: FactSource) -> Target | None:
    """The target the client chose itself, if that is switched on and such a provider offers such a model."""
    if not rules.explicit_models:
        return None
    for choice in facts.choices():
        provider, _, model = (part.strip() for part in choice.partition(","))
        if provider in rules.offers and model:
            models = rules.offers[provider]
            if models is None or model in models:
                return Target(provider, model)
    return None


def route_of(category: Category) -> Route:
    """Where a category leads; a refusal where nothing configured serves it."""
    if category.route is not None:
        return category.route
    return Route(Reject(503, f"no provider is configured for category `{category.name}`"))


def refusal_of(rule: Rule, reason: str) -> Route:
    """The answer to a request whose rule failed and says `onError: reject`."""
    return Route(Reject(500, f"rule `{rule.name}` failed: {reason}", rule.span))


def try_condition(name: str, condition: Predicate, facts: FactSource, trace: Trace | None) -> bool | str:
    """Whether a condition holds, or the reason why it failed."""
    if trace is not None:
        trace.begin(name)
    result: bool | str
    try:
        result = holds(condition, facts, trace)
    except UnknownFact:
        raise
    except ExpressionFailed as failure:
        result = str(failure)
    except Exception as failure:  # noqa: BLE001 - whatever fails in a rule, the request must not suffer
        result = f"{type(failure).__name__}: {failure}"
    if trace is not None:
        trace.end(name, None if isinstance(result, str) else result)
    return result


def _test(test: Test, facts: FactSource) -> bool:
    if test.fact == "inputTokens":
        for low, high in facts.token_bounds():
            settled = holds_between(test, low, high)
            if settled is not None:
                return settled
    return holds_for(test, known(test.fact, facts.get(test.fact)))


def known(fact: str, seen: Seen) -> Seen:
    """What was seen; raises `UnknownFact` where nobody gave it."""
    if seen is UNKNOWN:
        raise UnknownFact(fact)
    return seen


def _compute(node: Compare | Opaque, facts: FactSource, trace: Trace | None) -> bool:
    try:
        return compute(node, {fact: known(fact, facts.get(fact)) for fact in node.facts})
    except ExpressionFailed:
        if trace is not None:
            trace.leaf(node, None)
        raise
