"""Expressions: what they lower to, what they mean, what is refused and where."""

from __future__ import annotations

import ast
import warnings
from typing import Any

import pytest

from rules.cost import may_fail
from rules.evaluate import holds
from rules.expressions.compute import FUNCTIONS, ExpressionFailed
from rules.expressions.expression import compile_expression
from rules.nodes import All, Compare, Constant, Not, Opaque, Predicate
from rules.nodes import Any as Either
from rules.nodes import Test as Leaf
from schemas.diagnostics import Diagnostic, Span
from tests.rules.compiling import Given


def place(start: int, end: int) -> Span:
    return Span("f", 1, start, 1, end)


def compile_source(source: str) -> tuple[Predicate | None, list[Diagnostic]]:
    return compile_expression(source, place)


def shape(node: Predicate) -> Any:
    """A predicate without its places."""
    match node:
        case Leaf(fact, operator, operand, _, ignore_case):
            inner = _operand(operand)
            return (fact, operator, inner, "any case") if ignore_case else (fact, operator, inner)
        case All(children):
            return ("all", *map(shape, children))
        case Either(children):
            return ("any", *map(shape, children))
        case Not(child):
            return ("not", shape(child))
        case Constant(value):
            return value
        case Compare(source):
            return ("compare", source)
        case Opaque(source):
            return ("opaque", source)
    raise AssertionError(node)


def _operand(operand: object) -> Any:
    if isinstance(operand, Leaf):
        return shape(operand)
    if isinstance(operand, tuple):
        return tuple(map(str, operand))
    return getattr(operand, "source", operand)


LOWERED: list[tuple[str, Any]] = [
    ("hasTools", ("hasTools", "eq", True)),
    ("not hasTools", ("not", ("hasTools", "eq", True))),
    ("stream == False", ("stream", "eq", False)),
    ('model == "a"', ("model", "eq", "a")),
    ('"a" == model', ("model", "eq", "a")),
    ('model != "a"', ("not", ("model", "eq", "a"))),
    ('model in ("a", "b")', ("model", "in", frozenset({"a", "b"}))),
    ('model not in ["a"]', ("not", ("model", "in", frozenset({"a"})))),
    ('"son" in model', ("model", "contains", "son")),
    ('"son" not in model', ("not", ("model", "contains", "son"))),
    ('contains(model, "son")', ("model", "contains", "son")),
    ('startswith(model, "so")', ("model", "prefix", "so")),
    ('endswith(model, "et")', ("model", "suffix", "et")),
    ('lower(model) == "a"', ("model", "eq", "a", "any case")),
    ('lower(model) in ("a", "b")', ("model", "in", frozenset({"a", "b"}), "any case")),
    ('"a" in lower(model)', ("model", "contains", "a", "any case")),
    ('startswith(lower(model), "a")', ("model", "prefix", "a", "any case")),
    ('glob(model, "*a*")', ("model", "glob", "*a*")),
    ('matches(model, "a+$")', ("model", "regex", "a+$")),
    ('"Bash" in toolNames', ("toolNames", "has", "Bash")),
    ('has(toolNames, "Bash")', ("toolNames", "has", "Bash")),
    ("len(toolNames) > 3", ("toolNames", "size", ("size", "gt", 3))),
    ("exists(sessionId)", ("sessionId", "exists", True)),
    ("exists(maxTokens)", ("maxTokens", "exists", True)),
    ('cidr(clientIp, "10.0.0.0/8")', ("clientIp", "cidr", ("10.0.0.0/8",))),
    ('clientIp == "::1"', ("clientIp", "address", "::1")),
    ('header("X-Team") == "b"', ("header.x-team", "eq", "b")),
    ('header["X-Team"] == "b"', ("header.x-team", "eq", "b")),
    ('provider.kiro.health == "up"', ("provider.kiro.health", "eq", "up")),
    ('budget.month.state == "half"', ("budget.month.state", "eq", "half")),
    ('budget("the-month") == "half"', ("budget.the-month.state", "eq", "half")),
    ('health("kiro-1") == "up"', ("provider.kiro-1.health", "eq", "up")),
    ('inflight("kiro-1") < 3', ("provider.kiro-1.inflight", "lt", 3)),
    ("toolCount > 3", ("toolCount", "gt", 3)),
    ("3 < toolCount", ("toolCount", "gt", 3)),
    ("toolCount == 3", ("toolCount", "eq", 3)),
    ("toolCount in (1, 2)", ("toolCount", "in", frozenset({1, 2}))),
    ("1 <= toolCount < 5", ("all", ("toolCount", "gte", 1), ("toolCount", "lt", 5))),
    ("toolCount * 2 + 1 > 8", ("toolCount", "gt", 3)),
    ("toolCount * 2 >= 7", ("toolCount", "gte", 4)),
    ("10 - toolCount > 7", ("toolCount", "lt", 3)),
    ("-toolCount <= -3", ("toolCount", "gte", 3)),
    ("toolCount * 2 == 7", False),
    ("toolCount + toolCount < 8", ("toolCount", "lt", 4)),
    ("temperature > 0.5", ("temperature", "gt", 0.5)),
    ("temperature + 0.1 > 0.5", ("compare", "temperature + 0.1 > 0.5")),
    ("toolCount > messageCount", ("compare", "toolCount > messageCount")),
    ("toolCount*toolCount > 9", ("compare", "toolCount * toolCount > 9")),
    ("len(toolNames) < messageCount + 1", ("compare", "len(toolNames) < messageCount + 1")),
    ("len(model) > 3", ("opaque", "len(model) > 3")),
    ("startswith(lastUserText, model)", ("opaque", "startswith(lastUserText, model)")),
    ('strip(model) in ("a", "b")', ("any", ("opaque", "strip(model) == 'a'"), ("opaque", "strip(model) == 'b'"))),
    ('number(header("x-n")) > 3', ("opaque", "number(header('x-n')) > 3")),
    ("1 < 2", True),
    ('"a" in "abc"', True),
    ("True", True),
    ("hasTools and\n  (stream or subagent)", ("all", ("hasTools", "eq", True), ("any", ("stream", "eq", True), ("subagent", "eq", True)))),
    ("  hasTools  ", ("hasTools", "eq", True)),
    ('model == "#1"', ("model", "eq", "#1")),
]  # fmt: skip


@pytest.mark.parametrize(("source", "wanted"), LOWERED, ids=[row[0] for row in LOWERED])
def test_an_expression_lowers_to_the_smallest_predicate(source: str, wanted: Any) -> None:
    """Each row: an expression and what it becomes."""
    predicate, found = compile_source(source)
    assert found == []
    assert predicate is not None
    assert shape(predicate) == wanted


REFUSED: list[tuple[str, str, tuple[int, int]]] = [
    ("", "CCR601", (0, 0)),
    ("(((1", "CCR601", (2, 3)),
    ("model = 'a'", "CCR601", (6, 7)),
    ("hasTools; stream", "CCR601", (8, 9)),
    ("inputTokens > 60k", "CCR601", (15, 16)),
    ("a \x00", "CCR601", (2, 3)),
    ("hasTools # why", "CCR602", (9, 14)),
    ("{**model}", "CCR602", (0, 9)),
    ("lambda a, *, b: 1", "CCR602", (0, 17)),
    ('model.startswith("a")', "CCR602", (0, 21)),
    ("(lambda: True)()", "CCR602", (0, 16)),
    ("hasTools if stream else stream", "CCR602", (0, 30)),
    ("[t for t in toolNames]", "CCR602", (0, 22)),
    ("toolNames[0]", "CCR602", (0, 12)),
    ('f"{model}"', "CCR602", (0, 10)),
    ("model is None", "CCR602", (0, 13)),
    ("sessionId == None", "CCR602", (13, 17)),
    ("toolCount / 2 > 1", "CCR602", (0, 13)),
    ("toolCount ** 9 > 1", "CCR602", (0, 14)),
    ("1e999 > toolCount", "CCR602", (0, 5)),
    (f"toolCount > {'9' * 400}", "CCR602", (12, 412)),
    ("(x := 3) > 2", "CCR602", (1, 7)),
    ("modle == 'a'", "CCR603", (0, 5)),
    ("open('x')", "CCR603", (0, 4)),
    ("__import__('os')", "CCR603", (0, 10)),
    ("model.__class__ == 'a'", "CCR602", (0, 15)),
    ("provider.kiro.load > 3", "CCR603", (0, 18)),
    ("toolCount", "CCR604", (0, 9)),
    ("model", "CCR604", (0, 5)),
    ("model == 3", "CCR604", (0, 10)),
    ("model > 'a'", "CCR604", (0, 11)),
    ("toolNames == 'a'", "CCR604", (0, 16)),
    ("toolNames == toolNames", "CCR604", (0, 22)),
    ("3 in toolNames", "CCR604", (0, 14)),
    ("model + 'a' == 'b'", "CCR604", (0, 5)),
    ("not toolCount", "CCR604", (4, 13)),
    ("(hasTools and stream) == True", "CCR604", (1, 20)),
    ("startswith(model)", "CCR604", (0, 17)),
    ("startswith(model, 3)", "CCR604", (18, 19)),
    ("matches(model, model)", "CCR604", (15, 20)),
    ("matches(lower(model), 'a')", "CCR604", (8, 20)),
    ("model in (model, 'a')", "CCR604", (10, 15)),
    ("('a', 'b') == model", "CCR604", (0, 10)),
    ("header(model) == 'a'", "CCR604", (7, 12)),
    ("len(hasTools) > 1", "CCR604", (4, 12)),
    ("time > 3", "CCR604", (0, 4)),
    ("contentKeywords == 'a'", "CCR604", (0, 15)),
    ("cidr(model, '10.0.0.0/8')", "CCR604", (5, 10)),
    ("cidr(clientIp, 'x')", "CCR203", (15, 18)),
    ("effort == 'hihg'", "CCR204", (10, 16)),
    ("effort in ('high', 'hihg')", "CCR204", (19, 25)),
    ('lower(model) == "A"', "CCR204", (16, 19)),
    ('"A" in lower(model)', "CCR204", (0, 3)),
    ('lower(model) in ("a", "B")', "CCR204", (22, 25)),
    ("'é' == model and modle == 'a'", "CCR603", (17, 22)),
    ("hasTools and " * 300 + "stream", "CCR605", (0, 3906)),
    ("not " * 100 + "stream", "CCR605", (0, 406)),
    ("matches(model, 'a(')", "CCR606", (17, 18)),
    ("matches(model, 'a(?=b)')", "CCR607", (17, 20)),
]


@pytest.mark.parametrize(("source", "code", "span"), REFUSED, ids=[row[0][:40] for row in REFUSED])
def test_what_is_no_condition_is_refused_with_its_place(source: str, code: str, span: tuple[int, int]) -> None:
    """Each row: an expression, the code, and which part of it is wrong."""
    predicate, found = compile_source(source)
    assert predicate is None
    assert [(one.code, (one.span.column, one.span.end_column)) for one in found] == [(code, span)]


def test_independent_mistakes_are_found_together() -> None:
    """One run lists every wrong part."""
    _, found = compile_source("modle == 'a' and model == 3 and (toolcount > 1 or stream)")
    assert [(one.code, one.help) for one in found] == [
        ("CCR603", "did you mean `model`?"),
        ("CCR604", None),
        ("CCR603", "did you mean `toolCount`?"),
    ]


HINTS: list[tuple[str, str]] = [
    ("model == claude", "a text is quoted: `'claude'`"),
    ("a && b", "write `and`"),
    ("hasTools || stream", "write `or`"),
    ("!hasTools", "write `not`"),
    ("model = 'a'", "compare with `==`"),
    ("toolCount > 10k", "write the number out: 10k is 10000"),
    ("model.startsWith('a')", "write `startswith(model, ...)`"),
    ("startWith(model, 'a')", "did you mean `startswith`?"),
    ("toolNames == 'a'", "use `in`, `has` or `len`"),
    ("stream == true", "write `True`"),
    ("effort != null", "`exists(...)` says whether a fact is there"),
    ("modelContains == 'gpt'", "write `contains(lower(model), ...)`"),
    ("lower(model) == 'GPT-4'", "write `gpt-4`"),
    ("header.x-team-id == 'a'", "write `header['x-team-id']`"),
    ("provider.kiro-main.health == 'up'", "write `health('kiro-main')`"),
    ("provider.kiro-main.inflight + 1 > 3", "write `inflight('kiro-main')`"),
    ("budget.team-a.state == 'ok'", "write `budget('team-a')`"),
]


@pytest.mark.parametrize(("source", "hint"), HINTS)
def test_usual_slips_get_a_hint(source: str, hint: str) -> None:
    """Each row: a slip and what is said to do."""
    _, found = compile_source(source)
    assert found[0].help == hint


MEANT: list[tuple[str, dict[str, Any], bool]] = [
    ("temperature * 3 + 1 > 2.5 - maxTokens", {"temperature": 0.25, "maxTokens": 1}, True),
    ("toolCount > messageCount", {"toolCount": 3, "messageCount": 2}, True),
    ("toolCount > messageCount", {"toolCount": 3}, False),
    ("not toolCount > messageCount", {"toolCount": 3}, True),
    ("temperature + 0.5 >= 1", {"temperature": 0.5}, True),
    ("startswith(lastUserText, model)", {"lastUserText": "abc", "model": "ab"}, True),
    ("len(model) == 3", {"model": "abc"}, True),
    ("len(model) == 3", {}, False),
    ('strip(model) == "a"', {"model": " a "}, True),
    ('strip(lower(model)) == "a"', {"model": " A "}, True),
    ("has(toolNames, model)", {"toolNames": frozenset({"a"}), "model": "a"}, True),
    ("model in toolNames", {"toolNames": frozenset({"a"}), "model": "b"}, False),
    ('number(header("x-n")) > 3', {"header.x-n": "4.5"}, True),
    ('number(header("x-n")) > 3', {"header.x-n": "-4"}, False),
    ('number(header("x-n")) > 3', {}, False),
    ("model == sessionId", {"model": "a", "sessionId": "a"}, True),
    ("stream == hasTools", {"stream": False, "hasTools": False}, True),
]


@pytest.mark.parametrize(("source", "values", "result"), MEANT)
def test_what_is_not_lowered_is_computed(source: str, values: dict[str, Any], result: bool) -> None:
    """Each row: an expression, facts (others are missing and make a comparison false), and whether it holds."""
    predicate, _ = compile_source(source)
    assert predicate is not None
    assert holds(predicate, Given(values)) is result


def test_computing_leaves_the_filters_of_warnings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the whole process's, and setting them takes longer than computing."""
    monkeypatch.delattr(warnings, "catch_warnings")
    predicate = Compare("toolCount > 1", ("toolCount",), place(0, 1), ast.parse("fact0 > 1", mode="eval").body)
    assert holds(predicate, Given({"toolCount": 2}))


@pytest.mark.parametrize("text", ["high", "", "nan", "inf", "1e999", "9" * 5000])
def test_a_text_that_is_no_number_fails_the_expression(text: str) -> None:
    """The one thing that can fail at request time, and says so."""
    predicate, _ = compile_source('number(header("x-n")) > 3')
    assert predicate is not None
    assert may_fail(predicate)
    with pytest.raises(ExpressionFailed, match="is not a number"):
        holds(predicate, Given({"header.x-n": text}))


def test_nothing_but_our_functions_can_be_called() -> None:
    """The table of functions is closed and holds nothing of the standard library's own."""
    assert set(FUNCTIONS) == {"contains", "startswith", "endswith", "lower", "strip", "len", "number", "has"}
