"""Configurations, requests and facts made for tests of the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from rules.builtin import FILE, categories_text
from rules.compile import Offer, compile_rules
from rules.facts import MISSING, Facts, Seen
from rules.nodes import Predicate, RuleSet
from schemas.decode_request import decode_request
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping as MappingNode
from schemas.read import read
from schemas.request import Envelope

OFFERS = {"a": Offer(("a1", "a2"), "a2"), "b": Offer(("b1",)), "open": Offer()}
BASE: dict[str, Any] = {"model": "claude-sonnet-4", "max_tokens": 1024, "messages": [{"role": "user", "content": "hi"}]}


@cache
def builtin() -> MappingNode:
    """The built-in categories."""
    document, found = read(categories_text(), FILE)
    assert document is not None
    assert not found
    assert isinstance(document.root, MappingNode)
    return document.root


def compiled(
    text: str, offers: Mapping[str, Offer] = OFFERS, file: str = "ccr.yaml"
) -> tuple[RuleSet | None, list[Diagnostic]]:
    """What `compile_rules` makes of a configuration in YAML."""
    document, found = read(text.encode(), file)
    assert document is not None, found
    assert not found, found
    assert isinstance(document.root, MappingNode)
    return compile_rules(document.root, builtin(), offers)


def ruleset(text: str, offers: Mapping[str, Offer] = OFFERS) -> RuleSet:
    """The rule set of a configuration without mistakes."""
    rules, found = compiled(text, offers)
    assert rules is not None, [(one.code, one.message) for one in found]
    return rules


def condition(text: str, conditions: str = "{}") -> Predicate:
    """The predicate of a condition in YAML's flow form."""
    rules = ruleset(
        f"conditions: {conditions}\n"
        f"routing:\n  defaultProvider: a\n  customRules:\n    - condition: {text}\n      target: a,a1\n"
    )
    return rules.rules[0].condition


def envelope(body: Mapping[str, Any] | None = None, **around: Any) -> Envelope:
    """An envelope of the base request with other members on top; None takes a member away."""
    whole = {name: value for name, value in {**BASE, **(body or {})}.items() if value is not None}
    headers = around.pop("headers", None)
    path = around.get("path", "messages")
    request = decode_request(json.dumps(whole).encode(), path)
    lower = None if headers is None else {name.lower(): value for name, value in headers.items()}
    return Envelope(request, headers=lower, **around)


def facts(body: Mapping[str, Any] | None = None, **around: Any) -> Facts:
    """The facts of such an envelope."""
    return Facts(envelope(body, **around))


@dataclass
class Given:
    """Facts with given values, all others missing; `asked` lists what was asked for."""

    values: Mapping[str, Seen]
    chosen: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    def get(self, fact: str) -> Seen:
        self.asked.append(fact)
        return self.values.get(fact, MISSING)

    def token_bounds(self) -> Iterable[tuple[int, int]]:
        return ()

    def choices(self) -> tuple[str, ...]:
        return self.chosen
