"""What finds patterns and globs, made before the first request asks for it."""

from __future__ import annotations

from rules.cost import leaves_of
from rules.nodes import RuleSet, Test
from rules.patterns.compiled import Glob, Pattern


def make_ready(rules: RuleSet) -> None:
    """Makes it for every condition. Checks of a configuration leave it: they ask few of thousands."""
    conditions = [rule.condition for rule in rules.rules] + [category.condition for category in rules.categories]
    for condition in conditions:
        for leaf in leaves_of(condition):
            if isinstance(leaf, Test):
                _make(leaf.operand)


def _make(operand: object) -> None:
    match operand:
        case Pattern() | Glob():
            operand.make_ready()
        case Test():
            _make(operand.operand)
        case tuple():
            for one in operand:
                _make(one)
