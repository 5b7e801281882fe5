"""Routing tests: shorthand to requests, expectations, matrices; coverage, suites and mutants made of them."""

from __future__ import annotations

from typing import Any

import pytest

from rules.analysis.wording import said_of
from rules.cases import Case, Result, cases_in, request_of, run_case
from rules.evaluate import decide
from rules.facts import MISSING, Facts
from rules.requests.bodies import envelope_of
from rules.requests.shorthand import BadShorthand
from rules.testing.coverage import coverage_of, uncovered
from rules.testing.mutate import mutants_of, surviving, survivors_of
from rules.testing.suite import suite_of
from schemas.document import Mapping as MappingNode
from schemas.read import read
from tests.rules.analysis.worlds import PROVIDERS
from tests.rules.compiling import ruleset

CONFIG = """
routing:
  defaultProvider: a
  explicitModels: false
  customRules:
    - {name: pictures, condition: {hasImages: true}, target: "b,b1"}
    - {name: long, condition: {inputTokens: "> 1000", model: {contains: opus}}, target: "a,a1"}
"""


def cases(text: str, saved: Facts | None = None) -> list[Case]:
    document, wrong = read(f"tests:\n{text}".encode(), "ccr.yaml")
    assert document is not None, wrong
    assert isinstance(document.root, MappingNode)

    def saved_request(path: str) -> Facts:
        if saved is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        return saved

    return cases_in(document.root.get("tests"), saved_request)


def results(text: str, saved: Facts | None = None) -> list[Result]:
    rules = ruleset(CONFIG)
    return [run_case(case, rules, PROVIDERS) for case in cases(text, saved)]


SHORTHANDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"model": "claude-sonnet-4", "maxTokens": 1024, "messageCount": 1, "lastUserText": "hi", "toolCount": 0}),
    ({"model": "x[1m]"}, {"model": "x[1m]"}),
    ({"tools": 3}, {"toolCount": 3, "hasTools": True}),
    ({"tools": ["Bash", "Edit"]}, {"toolCount": 2, "toolNames": frozenset({"Bash", "Edit"})}),
    ({"hasTools": True}, {"hasTools": True}),
    ({"toolNames": ["Bash"], "serverTools": ["web_search_20250305"]}, {"toolNames": frozenset({"Bash"}), "toolCount": 1}),
    ({"inputTokens": "60k"}, {"inputTokens": 60_000}),
    ({"inputTokens": 5000, "hasDocuments": False}, {"inputTokens": 5000, "hasDocuments": False}),
    ({"messageLength": 500, "lastUserText": "abc", "systemText": ""}, {"messageLength": 500, "lastUserText": "abc"}),
    ({"messageLength": 3, "inputTokens": 700}, {"messageLength": 3, "inputTokens": 700}),
    ({"messageCount": 7, "hasToolResults": True}, {"messageCount": 7, "hasToolResults": True}),
    ({"stream": True, "path": "messages"}, {"stream": True}),
    ({"path": "count_tokens"}, {"path": "count_tokens", "stream": MISSING, "maxTokens": MISSING}),
    ({"thinking": "enabled", "thinkingBudget": 2048, "effort": "high"}, {"thinkingBudget": 2048, "effort": "high"}),
    ({"thinking": "adaptive"}, {"thinking": "adaptive", "thinkingBudget": MISSING}),
    ({"requestClass": "compaction", "subagent": True}, {"requestClass": "compaction", "subagent": True}),
    ({"agentType": "Explore", "sessionId": "s1", "clientKey": "ci", "clientIp": "10.0.0.1"}, {"agentType": "Explore", "sessionId": "s1", "clientKey": "ci", "clientIp": "10.0.0.1"}),
    ({"header.X-Team": "red", "betas": ["b1", "b2"]}, {"header.x-team": "red", "betas": frozenset({"b1", "b2"})}),
    ({"header.x-team": None}, {"header.x-team": MISSING}),
    ({"now": "2026-01-05T09:00:00Z"}, {"time": 1767603600.0}),
    ({"provider.a.health": "down", "provider.a.inflight": 3}, {"provider.a.health": "down", "provider.a.inflight": 3}),
    ({"budget.month.state": "half", "provider.a.health": "up"}, {"budget.month.state": "half", "provider.a.health": "up"}),
    ({"lastUserText": "x", "contentKeywords": ["Plan"]}, {"lastUserText": "x"}),
    ({"temperature": 0.5, "toolChoice": "any"}, {"temperature": 0.5, "toolChoice": "any"}),
    ({"systemText": "be brief", "hasImages": True}, {"systemText": "be brief", "hasImages": True}),
]  # fmt: skip


@pytest.mark.parametrize(("shorthand", "facts"), SHORTHANDS)
def test_a_shorthand_is_a_request_that_has_these_facts(shorthand: dict[str, Any], facts: dict[str, Any]) -> None:
    """Read by production extraction."""
    made = Facts(envelope_of(request_of(shorthand).shape))
    assert {fact: made.get(fact) for fact in facts} == facts


WRONG = [
    ({"toolCount": 0, "hasTools": True, "model": "x"}, "`toolCount` and `hasTools` cannot be had together"),
    ({"path": "count_tokens", "stream": True}, "`path` and `stream` cannot be had together"),
    ({"inputTokens": 10, "messageLength": 1000}, "`inputTokens` and `messageLength` cannot be had together"),
    ({"inputTokens": 1}, "`inputTokens` is never `1`"),
    ({"tools": 3, "toolCount": 2}, "`tools` and `toolCount` cannot be had together"),
    ({"toolNames": ["a"], "tools": ["b"]}, "`toolNames` and `tools` cannot be had together"),
    ({"header.x": "a", "header.X": "b"}, "`header.x` and `header.X` cannot be had together"),
    ({"mdoel": "x"}, "a request has no `mdoel`, did you mean `model`?"),
    ({"thinking": "on"}, "`thinking` is never `on`, it is one of none, enabled, adaptive, disabled"),
    ({"toolCount": "many"}, "`toolCount`: `many` is neither a number nor a comparison"),
    ({"stream": "yes"}, "`stream` is true or false"),
    ({"model": None}, "`model` is never missing"),
    ({"now": "soon"}, "`now` is a time such as 2026-01-05T09:00:00Z, not `soon`"),
]


@pytest.mark.parametrize(("shorthand", "said"), WRONG)
def test_an_impossible_shorthand_says_what_clashes(shorthand: dict[str, Any], said: str) -> None:
    """The smallest part that is impossible already."""
    with pytest.raises(BadShorthand) as problem:
        request_of(shorthand)
    assert str(problem.value) == said


def test_a_passing_and_a_failing_case() -> None:
    """Why the expected rule did not take it is said."""
    passed, failed, todo = results(
        "  - {name: one, request: {hasImages: true}, expect: {rule: pictures, provider: b, model: b1, reject: false}}\n"
        "  - {name: two, request: {model: opus}, expect: {rule: long}}\n"
        "  - {todo: later}\n"
    )
    assert (passed.status, failed.status, todo.status) == ("passed", "failed", "todo")
    assert failed.diagnostic is not None
    assert failed.diagnostic.message == "test `two` fails: expected rule `long`, got `default`"
    assert failed.diagnostic.help == "`long`: inputTokens is 8, wanted: > 1000"


MONTH, HOURS = "budget.month.state: spent", "time: {between: '09:00-17:00'}"
SUPPOSED_ROWS = [
    (MONTH, "thrift", "got `default` when `budget.month.state` is `ok`", "`thrift`: budget.month.state is ok, wanted: is spent", "budget.month.state"),
    (MONTH, "default", "got `thrift` when `budget.month.state` is `spent`", "`default` would take it, too", "budget.month.state"),
    (HOURS, "thrift", "got `default` when `time` is `2026-01-05T08:59Z`", "`thrift`: time is 2026-01-05T08:59Z, wanted: is in 09:00-17:00", "now"),
    (HOURS, "default", "got `thrift` when `time` is `2026-01-05T09:00Z`", "`default` would take it, too", "now"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "expected", "said", "hint", "given"), SUPPOSED_ROWS)
def test_a_test_that_leaves_a_fact_open_fails_by_its_value(
    condition: str, expected: str, said: str, hint: str, given: str
) -> None:
    """It must hold for every value of what it does not give: the one that fails it is said, and what to give."""
    rules = ruleset(
        "budgets: {month: {tokens: 9, per: month}}\nrouting:\n  defaultProvider: a\n  customRules:\n"
        f'    - {{name: thrift, condition: {{{condition}}}, target: "b,b1"}}\n'
    )
    (case,) = cases(f"  - {{name: open, expect: {{rule: {expected}}}}}\n")
    found = run_case(case, rules, PROVIDERS).diagnostic
    assert found is not None
    assert found.message == f"test `open` fails: expected rule `{expected}`, {said}"
    assert found.help is not None
    assert found.help.startswith(hint)
    assert found.help.endswith(f"; without `{given}` in its request it must hold for every value")


def test_a_matrix_is_the_product_with_the_last_key_fastest() -> None:
    """One expectation for all, or one for each combination."""
    made = cases("  - {name: m, matrix: {hasImages: [true, false], toolCount: [0, 2]}, expect: {provider: a}}\n")
    assert [one.name for one in made] == [
        "m (hasImages=true, toolCount=0)", "m (hasImages=true, toolCount=2)",
        "m (hasImages=false, toolCount=0)", "m (hasImages=false, toolCount=2)",
    ]  # fmt: skip
    each = results(
        "  - {matrix: {inputTokens: [1000, 1001]}, request: {model: opus}, expect: [{rule: default}, {rule: long}]}\n"
    )
    assert [one.status for one in each] == ["passed", "passed"]
    (short,) = results("  - {name: s, matrix: {toolCount: [1, 2]}, expect: [{rule: default}]}\n")
    assert short.diagnostic is not None
    assert short.diagnostic.message.endswith("`expect` has 1 item for 2 combinations")


def test_a_saved_request_is_read_and_a_missing_one_is_said() -> None:
    """By the path as written."""
    (missing,) = results("  - {name: f, request: {file: gone.json}, expect: {rule: default}}\n")
    assert missing.diagnostic is not None
    assert missing.diagnostic.message == (
        "test `f` cannot be run: `gone.json` cannot be read: no such file or directory"
    )
    (found,) = results(
        "  - {request: {file: x.json}, expect: {rule: pictures}}\n", request_of({"hasImages": True}).facts
    )
    assert found.status == "passed"


MISWRITTEN = [
    ("{name: t, request: {mdoel: x}, expect: {rule: x}}", "mdoel", "a request has no `mdoel`, did you mean `model`?"),
    ("{name: t, request: {model: x, effort: huge}, expect: {rule: x}}", "huge", "`effort` is never `huge`, it is one of low, medium, high, xhigh, max"),
    ("{name: t, request: {tools: 3, toolCount: 0}, expect: {rule: x}}", "0", "`tools` and `toolCount` cannot be had together"),
    ("{name: t, matrix: {toolCount: [1, lots]}, expect: {rule: default}}", "lots", "`toolCount`: `lots` is neither a number nor a comparison"),
    ("{name: t, matrix: {model: []}, expect: {rule: x}}", "[]", "`model` has no value in `matrix`"),
    ("{name: t, request: {model: x}, matrix: {model: [y]}, expect: {rule: x}}", "model", "`model` is in `request` and in `matrix`"),
    ("{name: t, request: {file: x.json, stream: true}, expect: {rule: x}}", "stream", "`stream` cannot stand beside `file`"),
    ("{name: t, request: {file: x.json}, expect: {rule: x}}", "x.json", "`x.json` cannot be read: no such file or directory"),
    ("{name: t, request: {toolCount: 100000000}, expect: {rule: x}}", "100000000", "`toolCount` is never `100000000`"),
    ("{name: t, request: {messageLength: 1e300}, expect: {rule: x}}", "1e300", "`messageLength` is never `1e+300`"),
    ("{name: t, request: {now: 1e30}, expect: {rule: x}}", "1e30", "`now` is a time such as 2026-01-05T09:00:00Z, not `1e+30`"),
    ("{name: t, matrix: {" + ", ".join(f"f{number}: [1, 2]" for number in range(10)) + "}, expect: {rule: x}}", "f0", "`matrix` has 1024 combinations, more than 1000"),
    ("{name: t, request: {model: x}, expect: {}}", "{}", "it expects nothing"),
    ("{name: t, request: {model: x}}", "t", "it expects nothing"),
    ("{name: t, matrix: {toolCount: [0, 1]}, expect: [{rule: default}, {}]}", "{}", "it expects nothing"),
    ("{name: t, matrix: {toolCount: [0, 1]}, expect: [{rule: x}]}", "[{rule: x}]", "`expect` has 1 item for 2 combinations"),
]  # fmt: skip


@pytest.mark.parametrize(("test", "place", "said"), MISWRITTEN)
def test_a_miswritten_test_is_reported_where_it_is_wrong(test: str, place: str, said: str) -> None:
    """At the key that there is not, at the value that cannot be; nothing of a test is passed over."""
    (found,) = [one.diagnostic for one in results(f"  - {test}\n") if one.diagnostic is not None]
    assert found.message.endswith(f" cannot be run: {said}")
    line = f"  - {test}"
    assert line[found.span.column - 1 : found.span.end_column - 1] == place


def test_a_suite_reaches_every_rule_and_boundary_and_passes() -> None:
    """What the solver suggests; coverage says so, and no mutant that it cannot tell is left out."""
    rules = ruleset(CONFIG)
    suite = suite_of(rules, PROVIDERS).tests
    assert {"pictures is reached", "long: inputTokens 1000", "long is reached"} <= {one.name for one in suite}
    made = [Case(one.name, rules.rules[0].span, one.expect, request_of(one.request).facts) for one in suite]
    assert {run_case(case, rules, PROVIDERS).status for case in made} == {"passed"}
    coverage = coverage_of(rules, PROVIDERS, made)
    assert (coverage.rules, coverage.rules_hit) == (2, 2)
    assert list(uncovered(coverage)) == []
    none = coverage_of(rules, PROVIDERS, [])
    assert none.percent == 0
    assert [one.data["rule"] for one in uncovered(none)] == ["pictures", "long"]


def test_coverage_counts_what_tests_run_behind_the_filters_and_at_every_time() -> None:
    """A rule for a tag is reached by what a filter tags, and a test that leaves the time open reaches both sides."""
    rules = ruleset(
        "filters:\n  - {name: pii, action: tag, patterns: [{regex: hunter}]}\n"
        "routing:\n  defaultProvider: a\n  explicitModels: false\n  customRules:\n"
        '    - {name: private, condition: {tags: {has: pii}}, target: "b,b1"}\n'
        '    - {name: night, condition: {time: {between: "22:00-06:00"}}, target: "a,a1"}\n'
    )
    made = cases(
        "  - {name: one, request: {lastUserText: hunter2}, expect: {rule: private}}\n"
        "  - {name: two, request: {model: m}, expect: {provider: a}}\n"
    )

    assert coverage_of(rules, PROVIDERS, made).percent == 100


MUTATED = [
    ("{toolCount: 10..20}", {"toolCount is in 11..20, the end excluded", "toolCount is in 10..21, the end excluded"}),
    ("{toolCount: '> 5'}", {"toolCount >= 5"}),
    ("{maxTokens: 5}", {"maxTokens is 6"}),
    ("{model: {glob: 'claude-*'}}", {"model matches *claude-*"}),
    ("{model: {prefix: claude}}", {"model starts with claud"}),
    ("{model: [a, b]}", {"model is one of b"}),
    ("{toolNames: {hasAny: [A, B]}}", {"toolNames has any of B"}),
    ("{toolNames: {size: '> 2'}}", {"toolNames has a size that >= 2"}),
    ("{contentKeywords: [x, y]}", {"contentKeywords is one of y"}),
    ("{stream: true}", {"stream is false"}),
    ("{clientIp: {cidr: 10.0.0.0/8}}", {"clientIp is in 10.0.0.0/7"}),
    (
        "{clientIp: {cidr: [10.0.0.0/8, 11.0.0.0/9]}}",
        {"clientIp is in 11.0.0.0/9", "clientIp is in 10.0.0.0/7, 11.0.0.0/9"},
    ),
    ("{model: {regex: '^o[0-9]$'}}", {"model matches /o[0-9]$/", "model matches /^o[0-9]/"}),
    ("{model: {regex: 'o[0-9]'}}", {"model matches /^(o[0-9])/"}),
    (
        "{time: {days: [mon, sun], between: '09:00-18:00'}}",
        {
            "time is in mon, 09:00-18:00 (UTC)",
            "time is in mon sun, 08:30-18:00 (UTC)",
            "time is in mon sun, 09:00-18:30 (UTC)",
        },
    ),
    (
        "{time: {days: mon, between: '22:00-06:00'}}",
        {"time is in mon, 21:30-06:00 (UTC)", "time is in mon, 22:00-06:30 (UTC)"},
    ),
    ("{rollout: {percent: 30, by: sessionId, salt: q}}", {"sessionId is in the first 31 % (salt q)"}),
]


@pytest.mark.parametrize(("condition", "changed"), MUTATED)
def test_a_predicate_is_changed_a_little(condition: str, changed: set[str]) -> None:
    """Each row: a condition, and what it becomes besides being negated."""
    rules = ruleset(f"routing: {{defaultProvider: a, customRules: [{{condition: {condition}, target: 'b,b1'}}]}}\n")
    changes = (
        "a bound shifted",
        "a pattern widened",
        "a pattern narrowed",
        "a network widened",
        "a value dropped",
        "a value flipped",
    )
    made = {said_of(one.rules.rules[0].condition) for one in mutants_of(rules) if one.says in changes}

    assert made == changed


def test_a_test_that_fails_anyway_notices_no_mutant() -> None:
    """Else one mistake in one test would hide all that the others do not notice."""
    rules = ruleset(CONFIG)
    failing = cases("  - {name: wrong, request: {model: m}, expect: {provider: b}}\n")

    assert len(survivors_of(rules, PROVIDERS, failing)) == len(survivors_of(rules, PROVIDERS, []))


def test_mutants_that_survive_come_with_the_request_that_kills_them() -> None:
    """Mutants that decide as before are recognised."""
    rules = ruleset(CONFIG)
    survivors = survivors_of(rules, PROVIDERS, [])
    assert 0 < len(survivors) <= len(list(mutants_of(rules)))
    for survivor in survivors:
        assert survivor.witness is not None
        facts = Facts(envelope_of(survivor.witness.shape))
        assert decide(rules, facts).route != decide(survivor.mutant.rules, facts).route
    assert {one.code for one in surviving(rules, PROVIDERS, [])} == {"CCR704"}
