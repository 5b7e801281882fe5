"""The predicate tree a configuration compiles to, and the rules and decisions around it: values only.

`rules/compile.py` builds it from a document, `rules/evaluate.py` walks it, `rules/analysis/` reasons about it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from schemas.diagnostics import Span

# Values that facts have and operands are written in.
Value: TypeAlias = str | int | float | bool | frozenset[str]


class Test(Struct, frozen=True):
    """One predicate: `operator` of `rules/operators.py` on one fact.

    `fact` is the full name (`model`, `header.x-data-class`, `provider.kiro.health`). `operand` is already in the
    operator's form (a compiled pattern keeps its source in `operand`). A missing fact makes it false.
    """

    fact: str
    operator: str
    operand: object
    span: Span
    ignore_case: bool = False


class All(Struct, frozen=True):
    """True when every child is; an empty one is true."""

    children: tuple[Predicate, ...]
    span: Span


class Any(Struct, frozen=True):
    """True when some child is; an empty one is false."""

    children: tuple[Predicate, ...]
    span: Span


class Not(Struct, frozen=True):
    """Plain negation, also of a test on a missing fact."""

    child: Predicate
    span: Span


class Constant(Struct, frozen=True):
    """Always `value`."""

    value: bool
    span: Span


class Reference(Struct, frozen=True):
    """A named condition in place; `child` is its compiled tree (shared, so it is evaluated once)."""

    name: str
    child: Predicate
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """Two arithmetic expressions over number facts compared, which no single fact decides (`toolCount > messageCount`).

    `tree` is what is computed: the checked syntax with `fact0`, `fact1`, ... for `facts`. Never fails.
    """

    source: str
    facts: tuple[str, ...]
    span: Span
    tree: ast.expr | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Opaque:
    """What could not be lowered: evaluated by the locked-down simpleeval. `facts` are the names it reads.

    `tree` is as in `Compare`. `may_fail` says whether computing it can fail (it reads a number out of a text).
    """

    source: str
    facts: tuple[str, ...]
    span: Span
    tree: ast.expr | None = field(default=None, compare=False, repr=False)
    may_fail: bool = True


Predicate: TypeAlias = Test | All | Any | Not | Constant | Reference | Compare | Opaque


class Target(Struct, frozen=True):
    """Where a request goes. `model` None means the client's own model name."""

    provider: str
    model: str | None
    span: Span | None = None


class Reject(Struct, frozen=True):
    """A refusal: an Anthropic error body with this HTTP status, and nothing sent."""

    status: int
    message: str
    span: Span | None = None


class Route(Struct, frozen=True):
    """What a rule or category leads to: a target with its ordered fallbacks, or a refusal."""

    to: Target | Reject
    fallbacks: tuple[Target, ...] = ()


class Rule(Struct, frozen=True):
    """A custom rule; `name` is the written one or `customRules[i]`; `index` its place in `customRules`, from 0."""

    name: str
    index: int
    condition: Predicate
    route: Route
    span: Span
    enabled: bool = True
    on_error: Literal["skip", "reject"] = "skip"


class Category(Struct, frozen=True):
    """A category condition. `route` is None only where nothing configured serves it (a finding of `test-config`)."""

    name: str
    condition: Predicate
    route: Route | None
    span: Span
    builtin: bool = True


class Spotter(Protocol):
    """A pattern of a filter."""

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth to look closer; False only where it is nowhere in the text."""
        ...

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it is, from left to right."""
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """What is done to requests before they are routed. `condition` None: to all. `patterns`: to those in which one is."""

    name: str
    action: Literal["block", "redact", "tag"]
    span: Span
    condition: Predicate | None = None
    patterns: tuple[Spotter, ...] = field(default=(), compare=False, repr=False)
    message: str | None = None
    tag: str | None = None


class Found(Struct, frozen=True):
    """A filter applied; `count` is how often its patterns were found (0: it has none). Never what was found."""

    filter: str
    action: str
    count: int


class RuleSet(Struct, frozen=True):
    """All that decides, in order: rules, then the explicit choice, then categories in precedence order (`default` last).

    `offers` is provider -> its models (what an explicit `provider,model` may name); None for a provider that lists none
    (then it offers every model). `explicit_models` is the switch `routing.explicitModels`. `filters` come before all.
    """

    rules: tuple[Rule, ...]
    categories: tuple[Category, ...]
    offers: Mapping[str, frozenset[str] | None]
    explicit_models: bool = True
    filters: tuple[Filter, ...] = ()


class Skipped(Struct, frozen=True):
    """A rule passed over because its condition failed to evaluate, and why."""

    rule: str
    reason: str


class Decision(Struct, frozen=True):
    """The answer of the evaluator.

    `rule` is the deciding name (a rule's, `explicit`, or the category's own), `category` None unless a category decided.
    """

    route: Route
    rule: str
    category: str | None
    skipped: tuple[Skipped, ...] = ()
