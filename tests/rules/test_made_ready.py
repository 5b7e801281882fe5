"""A router that serves has made what finds patterns: no request waits for it."""

from __future__ import annotations

from rules import nodes
from rules.cost import leaves_of
from rules.patterns.compiled import Glob, Pattern
from tests.engine.test_exchange import ONE
from tests.fakes.gateway import in_process

RULES = """
  customRules:
    - {condition: {model: {regex: "^gpt-[0-9]+(a|b)*$"}}, target: {provider: up, model: m1}}
    - {condition: {model: {glob: "claude-*-4-?"}}, target: {provider: up, model: m1}}
    - {condition: {not: {toolNames: {has: {regex: "^mcp__"}}}}, target: {provider: up, model: m1}}
    - {condition: {expr: "matches(model, '^o[0-9]') or toolCount + 1 > 3"}, target: {provider: up, model: m1}}
"""


def _made(operand: object) -> list[bool]:
    if isinstance(operand, nodes.Test):
        return _made(operand.operand)
    if isinstance(operand, tuple):
        return [made for one in operand for made in _made(one)]
    return [not {"search", "fits"}.isdisjoint(vars(operand))] if isinstance(operand, (Pattern, Glob)) else []


def test_what_finds_patterns_is_made_before_the_first_request() -> None:
    """Of all conditions, members of lists and expressions among them."""
    rules = in_process(ONE + RULES, {"up": []}).router.gateway.built.rules
    leaves = [leaf for rule in rules.rules for leaf in leaves_of(rule.condition) if isinstance(leaf, nodes.Test)]
    made = [one for leaf in leaves for one in _made(leaf.operand)]
    assert made == [True] * 4
