"""What filters do to requests before rules see them, as far as conditions alone decide it; the rest only replays.

A filter without patterns blocks, or gives its tag, exactly where its condition holds or breaks. Not modelled are what
patterns find and what cutting it out changes: there "no request does" is said of more requests than come through, and
"some request does" only of one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rules.analysis.boxes import Boxes, Sides
from rules.analysis.budget import Spent
from rules.analysis.members import Members
from rules.analysis.space import EVERYTHING, NOTHING, Box, TooMany, both, meet
from rules.cost import facts_of
from rules.facts import Facts
from rules.fast import decider_of
from rules.filters import decision_of, filtered, tag_of
from rules.nodes import Constant, Decision, Filter, Predicate, Rule, RuleSet, Test
from rules.operators import holds_for

_KEPT = frozenset(
    {"model", "stream", "path", "maxTokens", "temperature", "toolCount", "hasTools", "messageCount", "hasImages"}
    | {"hasDocuments", "hasToolResults", "clientKey", "clientIp", "time"}
)
"""Facts that no cut in a text changes, as those of headers and providers."""


def blocking(rules: RuleSet) -> list[Rule]:
    """The filters that block by their condition alone, each as a rule that refuses."""
    return [
        Rule(one.name, number, _condition(one), decision_of(one).route, one.span)
        for number, one in _plain(rules)
        if one.action == "block" and not one.patterns
    ]


def tagging(rules: RuleSet) -> list[Filter]:
    """The filters whose tag depends on their condition, if not on that alone."""
    return [one for _, one in _plain(rules) if one.action == "tag"]


def conditions_before(rules: RuleSet) -> list[Predicate]:
    """The conditions of all these filters."""
    return [rule.condition for rule in blocking(rules)] + [_condition(one) for one in tagging(rules)]


def given_tags(rules: RuleSet) -> frozenset[str]:
    """Tags that no request need say of itself: whether it gets them, conditions alone decide."""
    plain = {id(one) for one in tagging(rules) if not one.patterns}
    others = {tag_of(one) for one in rules.filters if one.action == "tag" and id(one) not in plain}
    return frozenset(tag_of(one) for one in rules.filters if id(one) in plain) - others


def blocks_by_conditions(rules: RuleSet) -> bool:
    """Whether that is all that its filters do, if it has any: then nothing of them is left out."""
    return len(blocking(rules)) == len(rules.filters)


def tag_boxes(rules: RuleSet, boxes: Boxes) -> list[Box]:
    """Boxes in which there is no request: with a tag that no filter gives there, or without one that some filter does."""
    axis = boxes.atoms.axes.get("tags")
    if not isinstance(axis, Members):
        return []
    plain = {id(one) for one in tagging(rules)}
    return [box for one, variable in axis.asked.values() for box in _tag_boxes(rules, boxes, plain, one, variable)]


def _tag_boxes(rules: RuleSet, boxes: Boxes, plain: set[int], asked: str | Test, variable: int) -> Iterator[Box]:
    givers = [one for one in rules.filters if one.action == "tag" and _gives(one, asked)]
    missing = EVERYTHING
    for one in givers:
        if id(one) not in plain:
            missing = NOTHING
            continue
        sides: Sides = boxes.sides_of(_condition(one))
        if not one.patterns:
            for box in (*sides.holds, *sides.breaks):
                untagged = both(box, {variable: 0b01})
                if untagged is not None:
                    yield untagged
        try:
            boxes.budget.ask()
            missing = meet(missing, sides.fails_to_hold, boxes.budget)
        except (TooMany, Spent):
            # what these boxes would exclude stays possible
            missing = NOTHING
    for box in missing:
        tagged = both(box, {variable: 0b10})
        if tagged is not None:
            yield tagged


def _gives(one: Filter, asked: str | Test) -> bool:
    return tag_of(one) == asked if isinstance(asked, str) else holds_for(asked, tag_of(one))


def _plain(rules: RuleSet) -> Iterator[tuple[int, Filter]]:
    """The filters that see all that they ask for as rules see it: no tags of others, nothing that is cut out later."""
    last_cut = max((number for number, one in enumerate(rules.filters) if one.action == "redact"), default=-1)
    for number, one in enumerate(rules.filters):
        facts = facts_of(_condition(one))
        kept = number > last_cut or all(fact in _KEPT or fact.startswith(("header.", "provider.")) for fact in facts)
        if kept and "tags" not in facts:
            yield number, one


def _condition(one: Filter) -> Predicate:
    return one.condition if one.condition is not None else Constant(True, one.span)


def server_of(rules: RuleSet) -> Callable[[Facts], Decision]:
    """What the server decides about a request, its filters first. Raises `UnknownFact`."""
    decide = decider_of(rules)
    if not rules.filters:
        return decide

    def decided(facts: Facts) -> Decision:
        behind = filtered(rules.filters, facts.envelope)
        if behind.blocked is not None:
            return decision_of(behind.blocked)
        return decide(facts if behind.envelope is facts.envelope else Facts(behind.envelope))

    return decided
