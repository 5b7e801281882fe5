"""Rules that no request gets to, or this one does not, because a filter blocks it before."""

from __future__ import annotations

import pytest

from engine.analysis.stage import offered
from engine.explaining.explanation import explain
from engine.explaining.question import question_of
from engine.explaining.surroundings import Surroundings
from engine.explaining.text import explanation_text
from engine.explaining.why_not import Wish, ready_for, with_reasons
from engine.read_envelope import read_asked
from providers.registry import registry_of
from tests.engine.explaining.test_explain import SCHEMA, built

CONFIG = """
providers: {main: {type: static, settings: {models: [large, small], text: hi}}}
filters:
  - {name: closed, action: block, FILTER}
routing:
  defaultProvider: main
  customRules:
    - {name: many, condition: {toolCount: "> 9"}, target: "main,large"}
    - {name: some, condition: {toolCount: "> 3"}, target: "main,small"}
"""
REQUEST = b'{"request": {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}}'


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("condition: {hasTools: true}", "some: not possible, filter closed takes every request it accepts"),
        ("condition: {toolCount: 4..10}", "some: not possible, filter closed and many together take every request it accepts"),
        ("condition: {toolCount: 4..10}, patterns: [private-key]", "some: more tools: 4 instead of 0"),
        ("condition: {toolCount: 5..10}", "some: more tools: 4 instead of 0"),
        ("condition: {always: true}", "some: not possible, filter closed takes every request it accepts"),
        ("condition: {hasTools: false}", "some: not proven: filter `closed` blocks the request before a rule is asked"),
    ],
)  # fmt: skip
def test_what_filters_block_altogether_is_proved(condition: str, said: str) -> None:
    """A rule is impossible where filters that block, with the rules before it, take all it accepts; they are named."""
    one = built(CONFIG.replace("FILTER", condition).encode())
    surroundings = Surroundings(one.providers, registry_of(one.providers))
    question = question_of(one, read_asked(REQUEST), surroundings)
    ready = ready_for(one.rules, offered(one.providers))
    explanation = with_reasons(question, explain(question), ready, Wish(why=("some",)))
    SCHEMA.validate(explanation)
    assert f"to reach   {said}\n" in explanation_text(explanation)
