"""The fast evaluator is the plain walk, and lowered expressions are what simpleeval makes of them."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from simpleeval import EvalWithCompoundTypes

from rules.evaluate import decide, holds
from rules.expressions.expression import compile_expression
from rules.facts import MISSING, Seen
from rules.fast import decider_of
from schemas.diagnostics import Span
from tests.rules.compiling import Given, compiled

words = st.sampled_from(["a", "ab", "B", "claude", "haiku-1"])
numbers = st.integers(0, 6)
flags = st.booleans()
comparisons = st.one_of(
    numbers,
    st.tuples(st.sampled_from([">", ">=", "<", "<=", "==", "!="]), numbers).map(lambda two: f"{two[0]} {two[1]}"),
    st.tuples(numbers, st.integers(1, 4)).map(lambda two: f"{two[0]}..{two[0] + two[1]}"),
    st.lists(numbers, min_size=1, max_size=3),
    st.fixed_dictionaries({"gt": numbers, "lte": numbers}),
    st.fixed_dictionaries({"exists": flags}),
)
texts = st.one_of(
    words,
    st.lists(words, min_size=1, max_size=3),
    st.tuples(st.sampled_from(["contains", "prefix", "suffix", "glob", "regex", "eq"]), words, flags).map(
        lambda three: {three[0]: three[1], "ignoreCase": three[2]}
    ),
    st.fixed_dictionaries({"exists": flags}),
)
sets = st.one_of(
    st.fixed_dictionaries({"has": words}),
    st.tuples(st.sampled_from(["hasAny", "hasAll", "hasNone"]), st.lists(words, max_size=2)).map(
        lambda two: dict([two])
    ),
    st.fixed_dictionaries({"size": comparisons.filter(lambda one: not isinstance(one, dict) or "exists" not in one)}),
    st.fixed_dictionaries({"has": st.fixed_dictionaries({"prefix": words})}),
)
MATCHERS = {
    "model": texts,
    "header.x-team": texts,
    "lastUserText": texts,
    "stream": flags,
    "hasTools": flags,
    "toolCount": comparisons,
    "messageCount": comparisons,
    "inputTokens": comparisons,
    "temperature": comparisons,
    "toolNames": sets,
    "contentKeywords": st.lists(words.map(str.lower), min_size=1, max_size=2),
}
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "model": words,
    "header.x-team": st.one_of(words, st.just(MISSING)),
    "header.x-n": st.sampled_from(["1", "5", "many", MISSING]),
    "lastUserText": st.one_of(words, st.just(MISSING)),
    "stream": st.one_of(flags, st.just(MISSING)),
    "hasTools": flags,
    "toolCount": numbers,
    "messageCount": numbers,
    "inputTokens": numbers,
    "temperature": st.one_of(st.just(MISSING), st.sampled_from([0.5, 1.0, 3.0])),
    "toolNames": st.frozensets(words, max_size=3),
    "contentKeywords": words,
    "sessionId": st.one_of(words, st.just(MISSING)),
    "time": st.integers(0, 7 * 86_400).map(float),
}
leaves = st.one_of(
    *(st.tuples(st.just(fact), matcher).map(lambda two: dict([two])) for fact, matcher in MATCHERS.items()),
    st.just({"always": True}),
    st.just({"always": False}),
    st.just({"rollout": {"percent": 50, "salt": "s"}}),
    st.just({"time": {"days": "mon-wed", "between": "22:00-06:00"}}),
    st.just({"ref": "shared"}),
    st.sampled_from(["toolCount > messageCount", "number(header('x-n')) > 3", "len(model) > 2 and stream"]).map(
        lambda source: {"expr": source}
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["any", "all", "none"]), st.lists(inner, max_size=3)).map(lambda two: dict([two])),
        inner.map(lambda one: {"not": one}),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda many: {name: one for each in many for name, one in each.items()}
        ),
    ),
    max_leaves=6,
)
rules = st.lists(
    st.tuples(
        conditions, flags.map(lambda often: "skip" if often else "reject"), st.sampled_from([True, True, True, False])
    ),
    max_size=8,
)
facts = st.fixed_dictionaries(dict(VALUES))


@given(
    rules, conditions, conditions, st.lists(facts, min_size=1, max_size=5), st.sampled_from([(), ("b,b1",), ("x,y",)])
)
def test_the_fast_evaluator_is_the_plain_walk(
    written: list[tuple[Any, str, bool]],
    shared: Any,
    category: Any,
    many: list[dict[str, Seen]],
    chosen: tuple[str, ...],
) -> None:
    """The same decision, and the same rules skipped for the same reasons, for any rules and facts."""
    document = {
        "conditions": {"shared": {"model": "ab"} if "shared" in json.dumps(shared) else shared},
        "routing": {
            "defaultProvider": "a",
            "categories": {"mine": category},
            "customRules": [
                {"condition": one, "target": f"open,m{index}", "onError": on_error, "enabled": enabled}
                for index, (one, on_error, enabled) in enumerate(written)
            ],
        },
    }
    ruleset, found = compiled(json.dumps(document), file="ccr.json")
    assert ruleset is not None, found
    fast = decider_of(ruleset)
    for values in [*many, *many]:  # again on the steps that the first ones left behind
        given_facts = Given(values, chosen)
        assert fast(given_facts) == decide(ruleset, given_facts)


NAMES = {"toolCount": numbers, "messageCount": numbers, "maxTokens": numbers}
terms = st.recursive(
    st.one_of(st.sampled_from(list(NAMES)), st.integers(0, 5).map(str)),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda three: f"({' '.join(three)})"),
    max_leaves=4,
)
atoms = st.one_of(
    st.tuples(terms, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), terms).map(" ".join),
    st.tuples(terms, st.sampled_from(["<", "<="]), terms, st.sampled_from(["<", "=="]), terms).map(" ".join),
    st.tuples(terms, st.lists(st.integers(0, 5), min_size=1, max_size=3)).map(lambda two: f"{two[0]} in {two[1]}"),
    st.sampled_from(["stream", "hasTools", "stream == hasTools"]),
    st.tuples(st.sampled_from(["==", "!="]), words).map(lambda two: f"model {two[0]} '{two[1]}'"),
    words.map(lambda word: f"'{word}' in model"),
    words.map(lambda word: f"lower(model) == '{word}'"),
    words.map(lambda word: f"startswith(lower(model), '{word}')"),
    st.lists(words, min_size=1, max_size=2).map(lambda some: f"model not in {some}"),
    words.map(lambda word: f"'{word}' in toolNames"),
    numbers.map(lambda number: f"len(toolNames) > {number}"),
    words.map(lambda word: f"startswith(lastUserText, model) or model == '{word}'"),
)
sources = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"not ({one})"),
    ),
    max_leaves=4,
)
present = st.fixed_dictionaries(
    {
        **NAMES,
        "model": words,
        "lastUserText": words,
        "stream": flags,
        "hasTools": flags,
        "toolNames": st.frozensets(words),
    }
)


@given(sources, st.lists(present, min_size=1, max_size=4))
def test_a_lowered_expression_is_what_simpleeval_computes(source: str, many: list[dict[str, Any]]) -> None:
    """The whole expression, computed as written, gives what its predicates give."""
    predicate, found = compile_expression(source, lambda start, end: Span("f", 1, start, 1, end))
    assert predicate is not None, found
    functions = {
        "lower": str.casefold,
        "startswith": str.startswith,
        "len": len,
    }
    for values in many:
        oracle = EvalWithCompoundTypes(names=values, functions=functions)
        tree = ast.parse(source).body[0]
        assert holds(predicate, Given(values)) is bool(oracle.eval(source, previously_parsed=tree)), source
