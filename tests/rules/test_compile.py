"""Documents to rule sets: section 3's order and forms, and every mistake in conditions with its code and place."""

from __future__ import annotations

from typing import Any

import pytest

from rules.compile import Offer
from rules.nodes import Reject, Route, RuleSet, Target
from tests.rules.compiling import builtin, compiled, ruleset

HEAD = "routing:\n  defaultProvider: a\n"


def bare(route: Route | None) -> Any:
    """A route without its places."""
    if route is None:
        return None
    if isinstance(route.to, Reject):
        return ("reject", route.to.status, route.to.message)
    return tuple((target.provider, target.model) for target in (route.to, *route.fallbacks))


def category(rules: RuleSet, name: str) -> Any:
    return next(bare(one.route) for one in rules.categories if one.name == name)


TARGETS: list[tuple[str, Any]] = [
    ("target: {provider: a, model: a1}", (("a", "a1"),)),
    ("target: {provider: a}", (("a", None),)),
    ('target: "a,a1"', (("a", "a1"),)),
    ('target: " a , a1 "', (("a", "a1"),)),
    ('target: "a,org/m,x"', (("a", "org/m,x"),)),
    ('target: {provider: a, fallbacks: ["b,b1", {provider: a, model: a2}]}', (("a", None), ("b", "b1"), ("a", "a2"))),
    ('target: "a,a1"\n      fallbacks: ["b,b1"]', (("a", "a1"), ("b", "b1"))),
    ("target: {reject: {status: 429, message: later}}", ("reject", 429, "later")),
    ("target: {reject: {}}", ("reject", 403, "this request is not allowed by the router's configuration")),
]


@pytest.mark.parametrize(("written", "wanted"), TARGETS)
def test_a_target_in_every_form(written: str, wanted: Any) -> None:
    """Each row: a target as written and the route it is."""
    rules = ruleset(HEAD + f"  customRules:\n    - condition: {{hasTools: true}}\n      {written}\n")
    assert bare(rules.rules[0].route) == wanted


def test_rules_keep_order_names_and_switches() -> None:
    """A rule without a name is known by its index; `enabled` and `onError` are kept."""
    rules = ruleset(
        HEAD + "  customRules:\n"
        '    - {condition: {hasTools: true}, target: "a,a1"}\n'
        '    - {name: two, condition: {hasTools: true}, target: "a,a1", enabled: false, onError: reject}\n'
    )
    assert [(rule.name, rule.index, rule.enabled, rule.on_error) for rule in rules.rules] == [
        ("customRules[0]", 0, True, "skip"),
        ("two", 1, False, "reject"),
    ]


def test_built_in_categories_stand_in_their_order() -> None:
    """Search, long context, background, thinking, default."""
    names = [str(entry.key.value) for entry in builtin()]
    assert names == ["search", "longcontext", "background", "thinking", "default"]
    assert [one.name for one in ruleset(HEAD).categories] == names


def test_added_categories_come_first_and_overridden_ones_keep_their_place() -> None:
    """Added ones in file order before the built-in ones."""
    rules = ruleset(HEAD + "  categories: {mine: {stream: true}, thinking: {hasTools: true}, other: {model: x}}\n")
    assert [(one.name, one.builtin) for one in rules.categories] == [
        ("mine", False),
        ("other", False),
        ("search", True),
        ("longcontext", True),
        ("background", True),
        ("thinking", False),
        ("default", True),
    ]


def test_a_category_goes_to_its_rule_then_to_the_mapping_then_to_the_last_resort() -> None:
    """`rules[category]`, else the first provider in file order that maps it, else `defaultProvider`."""
    offers = {
        "x": Offer(("x1",), None, frozenset({"thinking"})),
        "y": Offer(("y1",), None, frozenset({"thinking", "search", "background"})),
        "z": Offer(("z1",)),
    }
    rules = ruleset("routing:\n  defaultProvider: z\n  rules: {background: 'x,x1'}\n", offers)
    assert category(rules, "background") == (("x", "x1"),)
    assert category(rules, "thinking") == (("x", None),)
    assert category(rules, "search") == (("y", None),)
    assert category(rules, "default") == (("z", None),)


def test_a_category_that_nothing_serves_has_no_route() -> None:
    """Without a last resort there is nowhere to go."""
    assert category(ruleset("routing: {}"), "default") is None


def test_offers_say_what_may_be_chosen() -> None:
    """A provider that lists no models offers all of them."""
    rules = ruleset(HEAD + "  explicitModels: false\n")
    assert rules.offers == {"a": frozenset({"a1", "a2"}), "b": frozenset({"b1"}), "open": None}
    assert rules.explicit_models is False


def test_the_target_knows_its_place() -> None:
    """Findings about a target can point to it."""
    rules = ruleset(HEAD + "  rules:\n    default: a,a1\n")
    target = rules.categories[-1].route
    assert target is not None
    assert isinstance(target.to, Target)
    assert target.to.span is not None
    assert (target.to.span.line, target.to.span.column, target.to.span.end_column) == (4, 14, 18)


# condition as written -> code, the part of it that is wrong, part of the message, help
WRONG: list[tuple[str, str, str, str, str | None]] = [
    ("{modle: a}", "CCR201", "modle", "there is no fact `modle`", "did you mean `model`?"),
    ("{hasTool: true}", "CCR201", "hasTool", "there is no fact", "did you mean `hasTools`?"),
    ("{headers.x-team: a}", "CCR201", "headers.x-team", "there is no fact", "did you mean `header.x-team`?"),
    ("{header: a}", "CCR201", "header", "there is no fact", "did you mean `header.<name>`?"),
    ("{xyzzy: a}", "CCR201", "xyzzy", "there is no fact", "a condition has facts and any, all, none, not, ref, expr, always"),
    ("{budget.month.state: ok}", "CCR401", "budget.month.state", "there is no budget `month`", None),
    ('{expr: "provider.aa.health == \'up\'"}', "CCR401", '"provider.aa.health == \'up\'"', "there is no provider `aa`", None),
    ("{provider.aa.health: up}", "CCR401", "provider.aa.health", "there is no provider `aa`", None),
    ("{ref: nme}", "CCR401", "nme", "there is no condition `nme`", "did you mean `name`?"),
    ("{model: 4}", "CCR202", "4", "`model` wants a text", 'quote it: `"4"`'),
    ("{modelContains: 4}", "CCR202", "4", "`contains` wants a text", 'quote it: `"4"`'),
    ("{hasTools: 1}", "CCR202", "1", "`hasTools` wants true or false", None),
    ('{hasTools: "true"}', "CCR202", '"true"', "`hasTools` wants true or false", None),
    ("{toolCount: true}", "CCR202", "true", "`toolCount` wants a number", None),
    ("{toolNames: Bash}", "CCR202", "Bash", "is a set and never equals one value", "write `{has: Bash}`"),
    ("{toolNames: [Bash]}", "CCR202", "[Bash]", "a list says what one value may be", "write `{hasAny: [...]}` or `{hasAll: [...]}`"),
    ("{model: {gt: 3}}", "CCR202", "gt", "`gt` does not fit `model`, which is a text", None),
    ("{toolCount: {contains: a}}", "CCR202", "contains", "does not fit `toolCount`, which is a number", None),
    ("{stream: {in: [true]}}", "CCR202", "in", "`in` does not fit `stream`", "there are eq, exists"),
    ("{model: {contians: a}}", "CCR202", "contians", "there is no operator `contians`", "did you mean `contains`?"),
    ("{model: {}}", "CCR202", "{}", "the matcher of `model` has no operator", None),
    ("{model: {ignoreCase: true}}", "CCR202", "{ignoreCase: true}", "has no operator", None),
    ("{toolCount: {gt: 3, ignoreCase: true}}", "CCR202", "ignoreCase", "`ignoreCase` does not fit `toolCount`", None),
    ("{model: {exists: 1}}", "CCR202", "1", "`exists` wants true or false", None),
    ("{model: {in: a}}", "CCR202", "a", "`in` wants a list", None),
    ("{toolNames: {has: 4}}", "CCR202", "4", "`has` wants a text", 'quote it: `"4"`'),
    ("{toolNames: {has: {prefix: a, suffix: b}}}", "CCR202", "{prefix: a, suffix: b}", "a member is one text or has one operator", None),
    ("{messageCount: {operator: gtt, value: 1}}", "CCR202", "gtt", "there is no operator `gtt`", "did you mean `gt`?"),
    ("{messageCount: {operator: gt}}", "CCR202", "{operator: gt}", "lacks `value`", None),
    ("{time: night}", "CCR202", "night", "`time` wants a mapping", None),
    ("{rollout: 10}", "CCR202", "10", "`rollout` wants a mapping", None),
    ("{time: {dayz: mon}}", "CCR202", "dayz", "`time` has no `dayz`", "did you mean `days`?"),
    ('{messageLength: "=> 5"}', "CCR203", "=>", "`=>` is no comparison", "write `>=`"),
    ('{messageLength: "> lots"}', "CCR203", "lots", "is neither a number nor a comparison", None),
    ('{messageLength: "> \u0661\u0662"}', "CCR203", "\u0661\u0662", "is neither a number nor a comparison", None),
    (f'{{messageLength: "> {"9" * 400}"}}', "CCR203", f"> {'9' * 400}", "is too large a number", None),
    (f'{{messageLength: "1..{"9" * 305}M"}}', "CCR203", f"1..{'9' * 305}M", "is too large a number", None),
    ('{messageLength: "> 10m"}', "CCR203", "10m", "`> 10m` is no number", "a million is written `M`"),
    ('{messageLength: "> 10,000"}', "CCR203", "10,000", "is no number", "write numbers without commas"),
    ('{messageLength: "60k..10k"}', "CCR203", "60k..10k", "the range from 60000 to 10000 is empty", "the end is excluded"),
    ("{messageLength: {between: [5, 5]}}", "CCR203", "[5, 5]", "is empty", None),
    ("{messageLength: {between: [5]}}", "CCR203", "[5]", "a range has two ends, this one 1", None),
    ('{messageLength: {between: "> 5"}}', "CCR203", '"> 5"', "`> 5` is no range", None),
    ('{messageLength: {gt: "> 5"}}', "CCR203", "5", "is neither a number nor a comparison", None),
    ("{clientIp: home}", "CCR203", "home", "`home` is no address", None),
    ("{clientIp: 10.0.0.0/8}", "CCR203", "10.0.0.0/8", "is no address", 'write `{cidr: "10.0.0.0/8"}`'),
    ("{clientIp: {cidr: 10.0.0.1/8}}", "CCR203", "10.0.0.1/8", "has bits behind its prefix", "did you mean `10.0.0.0/8`?"),
    ("{clientIp: {cidr: [all]}}", "CCR203", "all", "is no range of addresses", None),
    ("{time: {days: [monday, mo]}}", "CCR203", "mo", "`mo` is no day", None),
    ('{time: {between: "9-18"}}', "CCR203", '"9-18"', "`9` is no time of day", None),
    ('{time: {between: ["09:00", "1\u0668:00"]}}', "CCR203", '"1\u0668:00"', "is no time of day", None),
    ('{time: {between: ["09:00", "25:00"]}}', "CCR203", '"25:00"', "is no time of day", None),
    ("{time: {between: noon}}", "CCR203", "noon", "is no span of time", None),
    ("{time: {tz: Mars/Base}}", "CCR203", "Mars/Base", "is no time zone", "such as `Europe/Berlin`"),
    ("{rollout: {salt: s}}", "CCR203", "{salt: s}", "`rollout` lacks `percent`", None),
    ("{rollout: {percent: 5}}", "CCR203", "{percent: 5}", "`rollout` lacks `salt`", None),
    ("{rollout: {percent: 101, salt: s}}", "CCR203", "101", "is not between 0 and 100", None),
    ('{rollout: {percent: "1e-999999999", salt: s}}', "CCR203", '"1e-999999999"', "is no percentage", None),
    ("{rollout: {percent: 1/2, salt: s}}", "CCR203", "1/2", "is no percentage", None),
    ("{rollout: {percent: half, salt: s}}", "CCR203", "half", "is no percentage", None),
    ("{rollout: {percent: 5, salt: s, by: model}}", "CCR203", "model", "a rollout cannot go by `model`", None),
    ("{effort: hihg}", "CCR204", "hihg", "`effort` is never `hihg`", "did you mean `high`?"),
    ("{thinking: [enabled, on]}", "CCR204", "on", "`thinking` is never `on`", None),
    ("{toolCount: 1.5}", "CCR204", "1.5", "it is a whole number", None),
    ('{toolCount: "= 1.5"}', "CCR204", '"= 1.5"', "it is a whole number", None),
    ('{model: {regex: "a(b"}}', "CCR606", "(b", "`(` without `)`", None),
    ('{model: {regex: "x(?=b)"}}', "CCR607", "(?=", "a look-ahead, which cannot be matched in linear time", None),
    ('{model: {regex: "(a)\\\\1"}}', "CCR607", "\\\\1", "a back-reference", None),
    ('{expr: "modle == 1"}', "CCR603", "modle", "there is no fact `modle`", "did you mean `model`?"),
    ("{expr: 'model == \"a\" and toolCount'}", "CCR604", "toolCount", "is a number, not a condition", None),
    ("{any: [{model: a}, {modle: a}]}", "CCR201", "modle", "there is no fact", None),
    ("{not: {none: [{all: [{modle: a}]}]}}", "CCR201", "modle", "there is no fact", None),
]  # fmt: skip


def test_every_mistake_in_one_matcher_is_found() -> None:
    """One part that is wrong does not hide the parts beside it."""
    for condition, parts in (
        ('{time: {days: mo, between: "9-18", tz: Mars/Base, zone: x}}', ["mo", '"9-18"', "Mars/Base", "zone"]),
        ("{rollout: {percent: 101, by: model, salt: [s], seed: x}}", ["101", "model", "[s]", "seed"]),
    ):
        text = f"{HEAD}  customRules:\n    - condition: {condition}\n      target: a,a1\n"
        _, found = compiled(text)
        line = text.splitlines()[3]
        assert [
            line[one.span.column - 1 : one.span.end_column - 1]
            for one in sorted(found, key=lambda one: one.span.column)
        ] == parts


@pytest.mark.parametrize(("written", "code", "part", "message", "hint"), WRONG, ids=[row[0] for row in WRONG])
def test_a_mistake_in_a_condition_has_its_code_and_place(
    written: str, code: str, part: str, message: str, hint: str | None
) -> None:
    """Each row: a condition, and the one finding about it."""
    text = f"conditions: {{name: {{model: a}}}}\n{HEAD}  customRules:\n    - condition: {written}\n      target: a,a1\n"
    rules, found = compiled(text)
    assert rules is None
    assert [one.code for one in found] == [code]
    span = found[0].span
    line = text.splitlines()[span.line - 1]
    assert (span.line, line[span.column - 1 : span.end_column - 1]) == (5, part)
    assert message in found[0].message
    assert hint is None or found[0].help == hint


def test_all_mistakes_are_found_in_one_run() -> None:
    """Rules, categories and named conditions, used or not, are all read."""
    _, found = compiled(
        "conditions: {unused: {modle: a}}\n" + HEAD + "  categories: {mine: {effort: hihg}}\n"
        "  customRules:\n"
        "    - {condition: {model: {contians: a, gt: 3}, toolNames: x}, target: 'a,a1'}\n"
        "    - {condition: {expr: 'modle == 1 and model == 1'}, target: 'a,a1'}\n"
    )
    assert sorted(one.code for one in found) == [
        "CCR201", "CCR202", "CCR202", "CCR202", "CCR204", "CCR603", "CCR604",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "condition",
    [
        "{model: {in: [a, 1, 2]}}",
        "{model: [a, 1, 2]}",
        "{thinking: [enabled, on, off]}",
        "{clientIp: {cidr: [all, 10.0.0.0/8, some]}}",
        "{toolNames: {hasAny: [{contains: 1}, a, 2]}}",
        "{time: {days: [mo, monday, tu]}}",
    ],
)
def test_every_mistake_in_a_list_is_found(condition: str) -> None:
    """Not only its first."""
    _, found = compiled(HEAD + f"  customRules:\n    - {{condition: {condition}, target: 'a,a1'}}\n")
    assert len(found) == 2


CIRCLES: list[tuple[str, str]] = [
    ("{a: {ref: a}}", "`a` -> `a`"),
    ("{a: {not: {ref: b}}, b: {any: [{ref: c}]}, c: {ref: a}}", "`a` -> `b` -> `c` -> `a`"),
]


@pytest.mark.parametrize(("conditions", "path"), CIRCLES)
def test_conditions_in_a_circle_are_one_finding(conditions: str, path: str) -> None:
    """The way round is shown, once."""
    rules, found = compiled(f"conditions: {conditions}\n{HEAD}")
    assert rules is None
    assert [one.code for one in found] == ["CCR205"]
    assert path in found[0].message


def test_fallbacks_in_both_places_are_an_error_that_shows_both() -> None:
    """In the target and beside it."""
    _, found = compiled(
        HEAD + "  customRules:\n    - condition: {hasTools: true}\n"
        "      target: {provider: a, fallbacks: ['b,b1']}\n      fallbacks: ['b,b1']\n"
    )
    assert [(one.code, one.span.line, one.labels[0].span.line) for one in found] == [("CCR107", 6, 5)]


NAMES: list[tuple[str, str]] = [
    ("search", "a category"),
    ("explicit", "the client's explicit choice"),
    ("mine", "a category"),
]


@pytest.mark.parametrize(("name", "owner"), NAMES)
def test_a_rule_has_no_name_of_a_category_nor_of_the_choice(name: str, owner: str) -> None:
    """Names say who decided, so each belongs to one."""
    _, found = compiled(
        HEAD + "  categories: {mine: {stream: true}}\n"
        f"  customRules:\n    - {{name: {name}, condition: {{hasTools: true}}, target: 'a,a1'}}\n"
    )
    assert [one.code for one in found] == ["CCR108"]
    assert owner in found[0].message


def test_two_rules_of_one_name_are_an_error_that_shows_both() -> None:
    """The second is the finding, the first its label."""
    rule = "    - {name: x, condition: {hasTools: true}, target: 'a,a1'}\n"
    _, found = compiled(HEAD + "  customRules:\n" + rule * 2)
    assert [(one.code, one.span.line, one.labels[0].span.line) for one in found] == [("CCR108", 5, 4)]


@pytest.mark.parametrize(
    "mistake", ["condition: {hasTools: true}", "condition: {hasTools: true}, target: a", "target: 'a,a1'"]
)
def test_two_rules_of_one_name_are_found_beside_other_mistakes(mistake: str) -> None:
    """Whatever else is wrong with one of them, or the second finding would wait for the first to be mended."""
    right = "    - {name: x, condition: {hasTools: true}, target: 'a,a1'}\n"
    _, found = compiled(f"{HEAD}  customRules:\n    - {{name: x, {mistake}}}\n{right}")
    assert "CCR108" in [one.code for one in found]


@pytest.mark.parametrize(
    "condition", ["{any: 3}", "{not: [1]}", "{ref: 3}", "{expr: 3}", "{always: maybe}", "[1]", "3"]
)
def test_what_is_no_condition_at_all_is_left_to_the_schema(condition: str) -> None:
    """No rule set, no second finding, and no exception."""
    rules, found = compiled(HEAD + f"  customRules:\n    - {{condition: {condition}, target: 'a,a1'}}\n")
    assert rules is None
    assert found == []


@pytest.mark.parametrize(
    "text", ["{}", "routing: 3", "routing: {customRules: 3}", "conditions: 3", "routing: {categories: [1]}"]
)
def test_odd_documents_never_raise(text: str) -> None:
    """Sections of the wrong kind are read as absent."""
    compiled(text)


def test_the_threshold_is_one_setting_for_every_condition() -> None:
    """`longContextThreshold` stands for the setting wherever a number may stand."""
    rules = ruleset(
        HEAD + "  longContextThreshold: 500\n  categories: {half: {messageLength: {lt: longContextThreshold}}}\n"
    )
    operands = {one.name: getattr(one.condition, "operand", None) for one in rules.categories}
    assert (operands["longcontext"], operands["half"]) == (500, 500)
