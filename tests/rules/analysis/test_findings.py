"""Each finding with a configuration that has it, and one beside it that has not."""

from __future__ import annotations

from typing import Any

import pytest

from rules.analysis.analyse import Analysis, Subject, analyse
from rules.analysis.budget import Budget
from rules.analysis.offered import Model, Offered
from rules.compile import compile_rules
from rules.invariants import invariants_in
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping as MappingNode
from schemas.edits import edited
from schemas.read import read
from tests.rules.analysis.worlds import PROVIDERS
from tests.rules.compiling import OFFERS, builtin, ruleset

HEAD = "routing:\n  defaultProvider: a\n  explicitModels: false\n  customRules:\n"


def analysed(text: str, providers: dict[str, Offered] = PROVIDERS, **options: Any) -> Analysis:
    """What is found in a configuration."""
    document, wrong = read(text.encode(), "ccr.yaml")
    assert document is not None, wrong
    assert isinstance(document.root, MappingNode)
    rules, found = compile_rules(document.root, builtin(), OFFERS)
    assert rules is not None, found
    invariants, odd = invariants_in(document.root, OFFERS)
    assert odd == []
    subject = Subject(rules, providers, (), invariants, document.root, document.texts)
    return analyse(subject, **options)


def rules_text(*rules: tuple[str, str, str]) -> str:
    """Name, condition, target of each rule."""
    return HEAD + "".join(
        f"    - name: {name}\n      condition: {condition}\n      target: {target}\n"
        for name, condition, target in rules
    )


def codes(text: str) -> list[str]:
    return [one.code for one in analysed(text).findings]


def only(text: str, code: str) -> Diagnostic:
    (found,) = [one for one in analysed(text).findings if one.code == code]
    return found


HAS: list[tuple[str, str, list[tuple[str, str, str]]]] = [
    ("CCR301", "x", [("x", "{toolCount: '> 5', hasTools: false}", "b,b1")]),
    ("CCR301", "x", [("x", "{path: count_tokens, maxTokens: '> 1'}", "b,b1")]),
    ("CCR301", "x", [("x", "{thinking: adaptive, thinkingBudget: '> 1'}", "b,b1")]),
    ("CCR301", "x", [("x", "{model: {prefix: gpt, suffix: x, regex: '^[a-f]'}}", "b,b1")]),
    ("CCR301", "x", [("x", "{requestClass: main, subagent: true}", "b,b1")]),
    ("CCR301", "x", [("x", "{inputTokens: '< 100', messageLength: '> 10k'}", "b,b1")]),
    ("CCR301", "x", [("x", "{lastUserText: {contains: 'six or'}, messageLength: '< 6'}", "b,b1")]),
    ("CCR301", "x", [("x", "{model: [], stream: true}", "b,b1")]),
    ("CCR308", "x", [("x", "{contentKeywords: ['', plan], stream: true}", "b,b1")]),
    ("CCR302", "y", [("x", "{model: {contains: opus}}", "a,a1"), ("y", "{model: claude-opus-4, stream: true}", "b,b1")]),
    ("CCR302", "z", [("x", "{stream: true}", "a,a1"), ("y", "{stream: false}", "a,a1"), ("z", "{maxTokens: '> 5'}", "b,b1")]),
    ("CCR302", "z", [("x", "{maxTokens: '> 5'}", "a,a1"), ("y", "{maxTokens: '<= 5'}", "b,b1"), ("z", "{stream: true}", "a,a1")]),
    ("CCR303", "x", [("x", "{model: opus}", "b,b1"), ("y", "{model: [opus, gpt]}", "b,b1")]),
    ("CCR304", "y", [("x", "{hasImages: true}", "a,a1"), ("y", "{model: opus, hasImages: false}", "b,b1")]),
    ("CCR307", "y", [("x", "{model: opus, stream: true}", "a,a1"), ("y", "{all: [{stream: true}, {model: opus}]}", "b,b1")]),
    ("CCR308", "x", [("x", "{any: [{toolCount: '< 0'}, {model: opus}]}", "b,b1")]),
    ("CCR308", "x", [("x", "{model: opus, not: {inputTokens: '< 1'}}", "b,b1")]),
    ("CCR309", "x", [("x", "{toolCount: '>= 0'}", "b,b1"), ("y", "{model: opus}", "a,a1")]),
    ("CCR312", "y", [("x", "{messageCount: '> 60', model: o}", "a,a1"), ("y", "{messageCount: '< 60', model: o}", "b,b1")]),
    ("CCR312", "y", [("x", "{maxTokens: '10..60', stream: true}", "a,a1"), ("y", "{maxTokens: '> 60'}", "b,b1")]),
    ("CCR313", "x", [("x", "{model: {regex: '.*'}}", "b,b1")]),
    ("CCR313", "x", [("x", "{model: {regex: 'a$b'}}", "b,b1")]),
    ("CCR313", "x", [("x", "{model: {regex: ^claude-}}", "b,b1")]),
    ("CCR313", "x", [("x", "{model: {glob: claude}}", "b,b1")]),
    ("CCR501", "x", [("x", "{rollout: {percent: 0, salt: s}}", "b,b1")]),
    ("CCR501", "x", [("x", "{rollout: {percent: 100, salt: s}}", "b,b1")]),
    ("CCR501", "y", [("x", "{model: o, rollout: {percent: 9, salt: s}}", "b,b1"), ("y", "{model: p, rollout: {percent: 9, salt: s}}", "a,a1")]),
    ("CCR502", "x", [("x", "{time: {between: '09:00-09:00'}}", "b,b1")]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "rule", "rules"), HAS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_finding_is_made(code: str, rule: str, rules: list[tuple[str, str, str]]) -> None:
    """The one finding of this code names the rule."""
    found = only(rules_text(*rules), code)
    assert found.data["rule"] == rule


HAS_NOT: list[list[tuple[str, str, str]]] = [
    [("x", "{lastUserText: {contains: 'six or'}, messageLength: '< 7'}", "b,b1")],
    [("x", "{systemText: {contains: \"\\n\\n\"}, messageLength: '< 1'}", "b,b1")],
    [("x", "{stream: true}", "a,a1"), ("y", "{stream: false}", "b,b1"), ("z", "{hasImages: true}", "b,b1")],
    [("x", "{messageCount: '> 60'}", "a,a1"), ("y", "{messageCount: '<= 60', model: o}", "b,b1")],
    [("x", "{messageCount: '> 60'}", "b,b1"), ("y", "{messageCount: 60}", "a,a1"), ("z", "{messageCount: '< 60', model: o}", "b,b1")],
    [("x", "{model: {regex: '^(opus|sonnet)'}}", "b,b1")],
    [("x", "{thinking: enabled, thinkingBudget: '> 5'}", "b,b1")],
    [("x", "{rollout: {percent: 10, salt: s}}", "b,b1"), ("y", "{rollout: {percent: 30, salt: s}}", "a,a1")],
    [("x", "{expr: 'toolCount > messageCount'}", "b,b1"), ("y", "{toolCount: 2, messageCount: 1}", "a,a1"), ("z", "{toolCount: 1, messageCount: 2}", "a,a1")][:1],
    [("x", "{expr: \"number(header('x-n')) > 3\"}", "b,b1"), ("y", "{header.x-n: '7', stream: true}", "a,a1")][:1],
]  # fmt: skip


@pytest.mark.parametrize("rules", HAS_NOT)
def test_no_finding_is_made(rules: list[tuple[str, str, str]]) -> None:
    """Rules that all do something; a bound that only says what is left is worth a note."""
    assert set(codes(rules_text(*rules))) <= {"CCR304"}


@pytest.mark.parametrize(
    ("condition", "code", "said"),
    [
        ("{model: [], stream: true}", "CCR301", "`model is one of nothing` never holds"),
        ("{any: [], stream: true}", "CCR301", "`one of no conditions` never holds"),
        ("{toolNames: {hasAny: []}, stream: true}", "CCR301", "`toolNames has any of nothing` never holds"),
        ("{all: [], stream: true}", "CCR308", "`all of no conditions` always holds"),
        ("{model: {contains: ''}, stream: true}", "CCR308", '`model contains ""` always holds'),
        ("{model: {eq: ''}, all: [{model: x}]}", "CCR301", '`model is ""` and `model is x` exclude each other'),
    ],
)
def test_what_is_empty_is_said_in_words(condition: str, code: str, said: str) -> None:
    """No message names nothing."""
    assert only(rules_text(("x", condition, "b,b1")), code).message.endswith(said)


@pytest.mark.parametrize(
    ("condition", "suffix", "hint"),
    [
        ("{model: 'opus[1m]', stream: true}", "[1m]", "write `opus`"),
        ("{model: ['opus[2m]', haiku]}", "[2m]", "write `opus`"),
        ("{model: {glob: '*[1m]'}}", "[1m]", "ask for the model itself"),
        ("{expr: \"model == 'opus[1m]' and stream\"}", "[1m]", "write `opus`"),
    ],
)
def test_a_window_suffix_is_said_to_be_cut_off(condition: str, suffix: str, hint: str) -> None:
    """Rules see models without it, so that what asks for it never holds."""
    found = only(rules_text(("x", condition, "b,b1")), "CCR308")
    assert found.message == f"no client's model ends with `{suffix}` here: it is cut off before"
    assert found.help == hint


def test_a_shadowed_rule_names_all_that_shadow_it_and_shows_a_request() -> None:
    """Blockers are minimal, each with a label; the request goes to one of them."""
    text = rules_text(
        ("other", "{hasImages: true}", "b,b1"),
        ("streamed", "{model: {contains: sonnet}, stream: true}", "a,a1"),
        ("batch", "{model: {contains: sonnet}, stream: false}", "a,a2"),
        ("long", "{model: {contains: sonnet}, inputTokens: '> 60k', path: messages}", "b,b1"),
    )
    found = only(text, "CCR302")
    assert found.message == "rule `long` can never be reached"
    assert found.data["blockers"] == ["streamed", "batch"]
    assert [label.text for label in found.labels] == [
        "takes requests with model contains sonnet and stream is true",
        "and with model contains sonnet and stream is false",
    ]
    assert found.help == "move `long` above line 8"
    witness = found.data["witness"]
    assert isinstance(witness, dict)
    assert witness["decision"]["rule"] in ("streamed", "batch")
    assert found.severity == "error"


def test_moving_a_rule_up_makes_it_reached() -> None:
    """The unsafe fix of a shadowed rule."""
    text = rules_text(("wide", "{model: {contains: opus}}", "a,a1"), ("narrow", "{model: claude-opus-4}", "b,b1"))
    fix = only(text, "CCR302").fix
    assert fix is not None
    assert not fix.safe
    moved = edited({"ccr.yaml": text}, fix.edits)["ccr.yaml"]
    assert codes(moved) == []
    assert moved.index("narrow") < moved.index("wide")


def test_safe_fixes_remove_what_changes_nothing() -> None:
    """After them nothing is found, and the rest of the text is as it was."""
    text = rules_text(
        ("x", "{hasImages: true}", "a,a1"),
        ("y", "{model: opus, hasImages: false}", "b,b1"),
        ("z", "{model: gpt}", "b,b1"),
        ("u", "{model: {prefix: gpt}}", "b,b1"),
    )
    fixes = [one.fix for one in analysed(text).findings]
    assert all(fix is not None and fix.safe for fix in fixes)
    mended = edited({"ccr.yaml": text}, [edit for fix in fixes if fix for edit in fix.edits])["ccr.yaml"]
    assert mended == rules_text(
        ("x", "{hasImages: true}", "a,a1"), ("y", "{model: opus}", "b,b1"), ("u", "{model: {prefix: gpt}}", "b,b1")
    )


def test_a_target_that_cannot_serve_its_requests_is_shown_one() -> None:
    """Only where another target could; one finding for each target."""
    able = {
        "a": Offered((Model("a1", 100_000, frozenset({"tools"})), Model("a2")), "a2"),
        "b": Offered((Model("b1", 200_000, frozenset({"tools", "images"})),)),
        "open": Offered(),
    }
    text = rules_text(("x", "{model: opus}", "a,a1"), ("y", "{model: gpt}", "b,b1"))
    (found,) = analysed(text, able).findings
    assert found.code == "CCR403"
    assert (
        found.message
        == "rule `x` sends `a,a1` requests that it cannot serve: with images and of more than 100000 tokens"
    )
    none_better = {**able, "b": Offered((Model("b1", 100_000, frozenset({"tools"})),))}
    assert analysed(text, none_better).findings == ()


def test_a_fallback_that_cannot_serve_what_its_rule_admits_is_told() -> None:
    """At its own place; what is too long for a target is no finding where a fallback takes more, which the server goes on to."""
    able = {
        "a": Offered((Model("a1", 100_000, frozenset({"tools"})),)),
        "b": Offered((Model("b1", 200_000, frozenset({"tools", "images"})),)),
        "open": Offered(),
    }

    def told(target: str, fallback: str) -> list[str]:
        text = rules_text(
            ("x", "{model: opus}", f"{target}\n      fallbacks: ['{fallback}']"), ("y", "{always: true}", "b,b1")
        )
        found = [one for one in analysed(text, able).findings if one.code == "CCR403"]
        assert {one.span.line for one in found} <= {8 if fallback == "a,a1" else 7}
        return [one.message for one in found]

    needs = "requests that it cannot serve: with images"
    assert told("b,b1", "a,a1") == [f"rule `x` may send its fallback `a,a1` {needs} and of more than 100000 tokens"]
    assert told("a,a1", "b,b1") == [f"rule `x` sends `a,a1` {needs}"]


@pytest.mark.parametrize("fact", ["toolCount", "messageCount", "messageLength", "inputTokens"])
def test_no_request_is_made_that_is_larger_than_any(fact: str) -> None:
    """A rule behind another one for numbers that no machine could hold is judged all the same."""
    found = analysed(
        rules_text(("x", f"{{{fact}: '> 10'}}", "a,a1"), ("y", f"{{{fact}: '> 5000M', stream: true}}", "b,b1"))
    )
    assert [one.code for one in found.findings if one.data.get("rule") == "y"] == ["CCR302"]


@pytest.mark.parametrize("condition", ["{messageCount: [1, '> 5']}", "{messageCount: '< 2'}", "{toolCount: [0, 7]}"])
def test_a_witness_is_made_near_what_is_usual(condition: str) -> None:
    """A long request in few messages is soon made, one in no message is not; every question about these is answered."""
    assert analysed(rules_text(("x", condition, "b,b1"))).unproven == 0


def test_a_spent_budget_is_no_finding() -> None:
    """Questions given up are counted."""
    text = rules_text(("x", "{model: {contains: opus}}", "a,a1"), ("y", "{model: claude-opus-4}", "b,b1"))
    analysis = analysed(text, budget=Budget(total=1, for_each=0))
    assert analysis.findings == ()
    assert analysis.unproven > 0


def test_overlaps_are_only_said_when_asked() -> None:
    """One finding for a rule, with all it overlaps."""
    text = rules_text(
        ("x", "{stream: true}", "a,a1"), ("y", "{hasImages: true}", "a,a1"), ("z", "{model: opus}", "b,b1")
    )
    assert codes(text) == []
    found = analysed(text, with_overlaps=True).findings
    assert [(one.code, one.data["overlaps"]) for one in found] == [("CCR305", ["x", "y"])]


INVARIANTS = [
    ("{when: {model: opus}, never: {provider: b}}", "refuted"),
    ("{when: {model: gpt}, never: {provider: b}}", "proved"),
    ("{then: {provider: [a, b]}}", "proved"),
    ("{when: {header.x: private}, then: {reject: true}}", "refuted"),
    ("{when: {stream: true, path: count_tokens}, then: {reject: true}}", "proved"),
    ("{never: {model: b1}}", "refuted"),
    ("{never: {model: gpt-3.5-turbo}}", "proved"),
]


@pytest.mark.parametrize(("invariant", "status"), INVARIANTS)
def test_an_invariant_is_decided_for_all_requests(invariant: str, status: str) -> None:
    """Proved, or refuted with a request."""
    text = rules_text(("x", "{model: opus}", "b,b1")) + f"invariants: [{invariant}]\n"
    (verdict,) = analysed(text).invariants
    assert verdict.status == status
    assert (verdict.witness is not None) == (status == "refuted")


def test_an_invariant_speaks_of_fallbacks_and_explicit_choices() -> None:
    """Every place a request may go."""
    text = (
        rules_text(("x", "{model: opus}", "a,a1\n      fallbacks: ['b,b1']")) + "invariants: [{never: {provider: b}}]\n"
    )
    assert analysed(text).invariants[0].status == "refuted"
    chosen = text.replace("\n      fallbacks: ['b,b1']", "").replace("explicitModels: false", "explicitModels: true")
    assert analysed(chosen).invariants[0].status == "refuted"
    witness = analysed(chosen).invariants[0].witness
    assert witness is not None
    assert witness.decision.rule == "explicit"


VACUOUS = [
    ("{never: {provider: bb}}", "CCR401", "error", "provider `bb`", "known: `a`, `b`, `open`"),
    ("{then: {provider: [a, b, opne]}}", "CCR401", "error", "provider `opne`", "did you mean `open`?"),
    ("{then: {model: [a1, a2, b1, b3]}}", "CCR401", "error", "model `b3`", "known: `a1`, `a2`, `b1`"),
    ("{never: {model: gpt-3.5-turbo}}", "CCR401", "info", "model `gpt-3.5-turbo`", "known: `a1`, `a2`, `b1`"),
    ("{never: {provider: {glob: 'cloud-*'}}}", "CCR401", "info", "a provider such as", "known: `a`, `b`, `open`"),
    (
        "{when: {toolCount: '> 5', hasTools: false}, never: {provider: b}}",
        "CCR301",
        "error",
        "exclude each other",
        None,
    ),
    ("{when: {stream: false, tags: {has: secret}}, never: {provider: b}}", "CCR301", "error", "never holds", None),
]


@pytest.mark.parametrize(("invariant", "code", "severity", "said", "hint"), VACUOUS)
def test_an_invariant_that_holds_of_nothing_is_told(
    invariant: str, code: str, severity: str, said: str, hint: str | None
) -> None:
    """A name that does not exist, a condition that no request meets: proved, and of no use."""
    text = rules_text(("x", "{model: opus}", "b,b1")) + f"invariants: [{invariant}]\n"
    (found,) = [one for one in analysed(text).findings if one.data.get("invariant") and one.code != "CCR702"]
    assert (found.code, found.severity.value) == (code, severity)
    assert said in found.message
    assert hint is None or found.help == hint


NOT_VACUOUS = [
    "{never: {provider: a, model: b1}}",
    "{then: {provider: {in: [A, B], ignoreCase: true}}}",
    "{never: {provider: {prefix: b}, model: a2}}",
    "{when: {model: opus}, then: {model: {glob: '*1'}}}",
]


@pytest.mark.parametrize("invariant", NOT_VACUOUS)
def test_an_invariant_of_names_that_exist_is_no_finding(invariant: str) -> None:
    """Also where the case does not count, and where a model is offered that nothing leads to."""
    text = rules_text(("x", "{model: opus}", "b,b1")) + f"invariants: [{invariant}]\n"
    assert codes(text) == []


def test_a_model_of_the_clients_own_may_have_any_name() -> None:
    """Where a client may choose a model that no provider lists, none is unknown."""
    text = rules_text(("x", "{model: opus}", "b,b1")) + "invariants: [{never: {model: gpt-3.5-turbo}}]\n"
    assert codes(text.replace("b,b1", "{provider: open}")) == []
    assert codes(text.replace("explicitModels: false", "explicitModels: true")) == ["CCR702"]


def test_an_invariant_that_relies_on_a_rule_that_can_fail_is_refuted() -> None:
    """A request with which the rule's expression fails."""
    text = rules_text(
        ("x", "{header.x-n: {exists: true}, expr: \"number(header('x-n')) > -1 or stream\"}", "a,a1"),
        ("y", "{header.x-n: {exists: true}}", "b,b1"),
    )
    verdict = analysed(text + "invariants: [{never: {provider: b}}]\n").invariants[0]
    assert verdict.status == "refuted"


def many(kind: str, count: int, item: str) -> str:
    """A list of conditions, `#` in each replaced by its number."""
    return f"{{{kind}: [{', '.join(item.replace('#', str(number)) for number in range(count))}]}}"


HOSTILE = [
    many("any", 12, "{all: [{any: [{toolCount: #}, {stream: true}]}, {any: [{messageCount: #}, {hasImages: true}]}]}"),
    many("all", 12, "{any: [{header.h#: a}, {header.g#: b}, {header.f#: c}]}"),
    many("none", 20, "{header.h#: a, header.g#: b}"),
    many("all", 40, "{lastUserText: {contains: word#}}"),
    many("any", 12, "{model: {regex: '(a|b)*a(a|b){#}'}}"),
    many("contentKeywords", 200, "k#"),
    f"{{toolNames: {many('hasAll', 60, 't#')}}}",
    many("any", 300, "{model: m#}"),
    many("any", 300, "{header.h#: a}"),
    many("none", 300, "{model: m#, toolCount: '> #'}"),
    f"{{model: {many('glob', 2_000, 'm#*')}}}",
]


@pytest.mark.parametrize("condition", HOSTILE)
def test_hostile_conditions_end(condition: str) -> None:
    """What would need exponentially many boxes or states is decided, or said to be not proven, within the budget."""
    text = rules_text(("x", condition, "b,b1"), ("y", f"{{not: {condition}}}", "a,a1"), ("z", "{model: q}", "b,b1"))
    analysis = analysed(text)
    assert analysis.steps < 200_000
    assert {one.code for one in analysis.findings} <= {"CCR302", "CCR303", "CCR304", "CCR308"}


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ("model: m#", 1_000),
        ("header.h#: a", 80),
        ("model: m#, toolCount: '> #'", 80),
        ("expr: 'toolCount > messageCount * #'", 80),
    ],
)
def test_one_of_very_many_is_one_of_them(part: str, count: int) -> None:
    """However many conditions a rule has of which one is enough: who meets one of them is taken by it."""
    one_of_them = part.replace("#", str(count - 2))
    other = part.replace("#", str(count + 2)).replace(">", "<")
    text = rules_text(
        ("x", many("any", count, f"{{{part}}}"), "b,b1"),
        ("y", f"{{{one_of_them}, stream: true}}", "a,a1"),
        ("z", f"{{{other}, stream: true}}", "a,a1"),
    )
    assert [one.data["rule"] for one in analysed(text).findings if one.code == "CCR302"] == ["y"]


def test_ruleset_helper_compiles_what_the_tests_write() -> None:
    """The heading of these tests is a configuration."""
    assert ruleset(rules_text(("x", "{model: opus}", "b,b1"))).rules[0].name == "x"
