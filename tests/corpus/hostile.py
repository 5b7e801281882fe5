"""Files made to take long: as many bytes as allowed of what gives most work, or most findings, for its length.

Each kind is a function of a size in bytes to a text no longer than that; its name ends as its file does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

from tests.corpus.hostile_yaml import YAML_KINDS
from tests.rules.analysis.test_scaling import HOSTILE

STARTED = "providers: {here: {type: static}}\nrouting:\n  defaultProvider: here\n"
RULES = STARTED + "  customRules:\n"
NO_RULES = "providers: {here: {type: static}}\n"
ROUTING_RULES = "routing:\n  defaultProvider: here\n  customRules:\n"
CATEGORIES = "routing:\n  defaultProvider: here\n  categories:\n"
PROVIDERS, PROVIDER = "providers:\n  here: {type: static}\n", "  p#: {type: static}"


def lines(head: str, line: str, size: int, foot: str = "") -> str:
    """The head and, as often as there is room, the line: `#` is its number, `~` the one before it, `##` a `#`."""
    parts, room = [head], size - len(head) - len(foot)
    for number in count(1):
        one = line.replace("##", "\0").replace("#", str(number)).replace("~", str(number - 1)).replace("\0", "#") + "\n"
        room -= len(one.encode())
        if room < 0:
            return "".join((*parts, foot))
        parts.append(one)
    raise AssertionError


def rules(condition: str, size: int, head: str = RULES) -> str:
    """Rules with a condition, each with its number in it."""
    return lines(head, "    - {name: r#, condition: {" + condition + "}, target: 'here,m#'}", size)


def after(head: str, line: str, size: int, next_head: str, next_line: str) -> str:
    """As many lines of one kind as half of the room is for, then as many of another."""
    return lines(head, line, size // 2) + lines(next_head, next_line, size // 2)


def listed(items: Callable[[int], object], size: int, around: Callable[[list[object]], object]) -> str:
    """JSON with as many items as there is room for."""
    found: list[object] = []
    room = size - len(json.dumps(around([])))
    for number in count(1):
        item = items(number)
        room -= len(json.dumps(item)) + 2
        if room < 0:
            return json.dumps(around(found))
        found.append(item)
    raise AssertionError


def hostile_rules(kind: str, size: int) -> str:
    """Rules of a kind that proofs find hard."""
    return listed(
        lambda number: {"name": f"r{number}", "condition": HOSTILE[kind](number), "target": "here,m"},
        size,
        lambda found: {
            "providers": {"here": {"type": "static"}},
            "routing": {"defaultProvider": "here", "customRules": found},
        },
    )


def _doubling(size: int) -> str:
    """Aliases of aliases."""
    return lines("a0: &a0 [x, x, x, x]\n", "a#: &a# [" + ", ".join(["*a~"] * 8) + "]", min(size, 20_000))


def _every_section(size: int) -> str:
    """A share of the bytes for each."""
    share = size // 8
    return "".join((
        lines("providers:\n  here: {type: static}\n", "  p#: {type: openai, endpoint: 'http://127.0.0.1:#/v1', authentication: {type: none}, settings: {models: [m#]}}", share),
        lines("conditions:\n", "  c#: {any: [{model: {contains: w#}}, {toolCount: '> #'}]}", share),
        lines("filters:\n", "  - {action: block, condition: {systemText: {contains: s#}}}", share),
        lines("invariants:\n", "  - {name: i#, when: {model: m#}, never: {provider: p#}}", share),
        lines("tests:\n", "  - {name: t#, request: {model: m#, messages: []}, expect: {provider: here}}", share),
        lines("budgets:\n", "  b#: {tokens: #0000, per: day}", share),
        lines("routing:\n  defaultProvider: here\n  customRules:\n", "    - {name: r#, condition: {all: [{ref: c#}, {header.x-#: v}]}, target: 'p#,m#'}", share),
        lines("  categories:\n", "    k#: {lastUserText: {prefix: k#}}", share),
    ))  # fmt: skip


KINDS: dict[str, Callable[[int], str]] = {
    "unknown keys.yaml": lambda size: lines(STARTED, "unknown#: #", size),
    "unknown keys.json": lambda size: listed(
        lambda number: number,
        size // 4,
        lambda found: {f"unknown{number}": number for number in found} | {"routing": {"defaultProvider": "here"}},
    ),
    "unknown keys of rules.yaml": lambda size: lines(RULES, "    - {condition: {model: m}, target: 'here,m', nam#: x}", size),
    "wrong kinds.yaml": lambda size: lines(RULES, "    - {name: [#], condition: 7, target: {provider: [x]}}", size),
    "wrong kinds.json": lambda size: listed(
        lambda number: [number],
        size,
        lambda found: {"providers": {"here": {"type": "static"}}, "routing": {"defaultProvider": "here", "customRules": found}},
    ),
    "words of a wrong kind in a line.yaml": lambda size: RULES + "    [" + lines("", "#, ", size - 200).replace("\n", "") + "]\n",
    "unknown providers.yaml": lambda size: lines(RULES, "    - {name: r#, condition: {model: m#}, target: 'ther#,m'}", size),
    "unknown conditions.yaml": lambda size: rules("ref: cond#", size),
    "unknown facts.yaml": lambda size: rules("modl#: x", size),
    "unknown types.yaml": lambda size: lines("providers:\n", "  p#: {type: opnai#}", size, "routing: {defaultProvider: p1}\n"),
    "doubled names.yaml": lambda size: lines(RULES, "    - {name: same, condition: {model: m#}, target: 'here,m'}", size),
    "doubled keys.yaml": lambda size: lines(STARTED, "debug: {}", size),
    "doubled keys.json": lambda size: "{" + lines("", '"a": 1,', size - 10).replace("\n", "") + '"a": 2}',
    "doubled conditions.yaml": lambda size: rules("model: same", size),
    "numbers out of range.yaml": lambda size: rules("toolCount: '>> #'", size),
    "unquoted comparisons.yaml": lambda size: lines(RULES, "    - condition:\n        toolCount: > #\n      target: here,m", size),
    "patterns that cannot be read.yaml": lambda size: rules("model: {regex: 'a#(['}", size),
    "long patterns.yaml": lambda size: rules("model: {regex: '" + "(ab|[c-e]){1,9}" * 12 + "#'}", size),
    "long globs.yaml": lambda size: rules("model: {glob: '" + "*a?" * 60 + "#'}", size),
    "long lists of words.yaml": lambda size: rules("contentKeywords: [" + ", ".join(f"w{n}" for n in range(60)) + ", x#]", size),
    "expressions that fail.yaml": lambda size: rules("expr: 'toolCount >< #'", size),
    "expressions of unknown names.yaml": lambda size: rules("expr: 'a# == b# and c# > d#'", size),
    "long expressions.yaml": lambda size: rules("expr: '" + " or ".join(f"toolCount == {n} and messageCount > {n}" for n in range(25)) + " or toolCount == #'", size),
    "long expressions of several facts.yaml": lambda size: rules("expr: '" + " and ".join(f"toolCount * {n} > messageCount + maxTokens" for n in range(1, 20)) + " and toolCount > #'", size),
    "many providers.yaml": lambda size: lines("providers:\n", "  p#: {type: openai, endpoint: 'http://127.0.0.1:#/v1', authentication: {type: none}}", size, "routing: {defaultProvider: p1}\n"),
    "many providers with secrets.yaml": lambda size: lines("providers:\n", "  p#: {type: openai, endpoint: https://a#.example.com/v1, authentication: {credentials: {apiKey: sk-0123456789abcdef#}}}", size, "routing: {defaultProvider: p1}\n"),
    "many instances.yaml": lambda size: lines("routing: {defaultProvider: p}\nproviders:\n  p:\n    type: openai\n    authentication: {type: none}\n    instances:\n", "      - {endpoint: 'http://127.0.0.1:#/v1'}", size),
    "many models.yaml": lambda size: "providers: {here: {type: static, settings: {models: [" + lines("", "m#, ", size - 200).replace("\n", "") + "]}}}\nrouting: {defaultProvider: here}\n",
    "many tests.yaml": lambda size: lines(STARTED + "tests:\n", "  - {name: t#, request: {model: m#, messages: []}, expect: {provider: there}}", size),
    "many invariants.yaml": lambda size: lines(STARTED + "invariants:\n", "  - {name: i#, when: {model: m#}, never: {provider: here}}", size),
    "many filters.yaml": lambda size: lines(STARTED + "filters:\n", "  - {action: block, condition: {model: m#}}", size),
    "many named conditions.yaml": lambda size: lines(STARTED + "conditions:\n", "  c#: {any: [{model: m#}, {toolCount: #}]}", size),
    "conditions of conditions.yaml": lambda size: lines(STARTED + "conditions:\n  c0: {model: m}\n", "  c#: {any: [{ref: c~}, {toolCount: #}]}", size),
    "many categories.yaml": lambda size: lines(STARTED + "  categories:\n", "    k#: {model: m#}", size),
    "many headers.yaml": lambda size: rules("header.x-#: v#", size),
    "missing variables.yaml": lambda size: rules("model: '${NONE#}'", size),
    "missing files.yaml": lambda size: rules("model: '${file:/nowhere/#}'", size),
    "missing includes.yaml": lambda size: "include: [" + lines("", "f#.yaml, ", size - 200).replace("\n", "") + "]\n" + STARTED,
    "suppressions of nothing.yaml": lambda size: lines(STARTED, "## ccr: ignore CCR302 -- number #", size),
    "codes of one comment.yaml": lambda size: STARTED + "# ccr: ignore " + "CCR302 " * (size // 7 - 20) + "\n",
    "words of one comment.yaml": lambda size: STARTED + "# ccr: ignore " + "CCX302 " * (size // 7 - 20) + "\n",
    "references in one text.yaml": lambda size: STARTED + "debug: '" + "${A}" * (size // 4 - 20) + "'\n",
    "halves of references.yaml": lambda size: STARTED + "debug: '" + "${" * (size // 2 - 40) + "'\n",
    "rules and a tab.yaml": lambda size: rules("model: m#", size - 10) + "\tx\n",
    "rules with line ends of their own.yaml": lambda size: rules("model: m#", size * 9 // 10).replace("\n", "\r\n"),
    "a list that fails at its end.yaml": lambda size: STARTED + "debug: " + "[" * 45 + "1," * (size // 20) + "&a x" + "]" * 45 + "\n",
    "controls.yaml": lambda size: lines(STARTED, "## \x01 #", size),
    "deep lists.yaml": lambda size: "a: " + "[" * (size // 2) + "]" * (size // 2 - 10),
    "deep mappings.json": lambda size: '{"a":' * (size // 8) + "1" + "}" * (size // 8),
    "anchors.yaml": lambda size: lines(STARTED, "x#: &a# {y: *a#}", size),
    "aliases of aliases.yaml": _doubling,
    "aliases of a rule.yaml": lambda size: lines(RULES + "    - &a {condition: {model: m}, target: 'here,m'}\n", "    - *a", size),
    "one long text.yaml": lambda size: STARTED + "debug: '" + "x" * (size - 100) + "'\n",
    "one long line of commas.json": lambda size: '{"a": [' + "," * (size - 10) + "]}",
    "missing commas.json": lambda size: "[" + "1 " * (size // 2 - 2) + "]",
    "single quotes.json": lambda size: '{"a": [' + "'x', " * (size // 5 - 4) + "'x']}",
    "wrong escapes.json": lambda size: '{"a": "' + "\\q" * (size // 2 - 10) + '"}',
    "numbers that are none.json": lambda size: "[" + "012, " * (size // 5 - 2) + "1]",
    "unknown providers of many.yaml": lambda size: after(PROVIDERS, PROVIDER, size, ROUTING_RULES, "    - {condition: {model: m#}, target: 'q#,m'}"),
    "unknown conditions of many.yaml": lambda size: after(NO_RULES + "conditions:\n", "  condition#: {model: x}", size, ROUTING_RULES, "    - {condition: {ref: condition#x}, target: 'here,m'}"),
    "unknown models of many.yaml": lambda size: "providers: {here: {type: static, settings: {models: [" + lines("", "m#, ", size // 2 - 200).replace("\n", "") + "]}}}\n" + lines(ROUTING_RULES, "    - {condition: {model: m#}, target: 'here,n#'}", size // 2),
    "models of other providers.yaml": lambda size: after(PROVIDERS, "  p#: {type: static, settings: {models: [n#]}}", size, ROUTING_RULES, "    - {condition: {model: m#}, target: 'p#,n~'}"),
    "models of many providers.yaml": lambda size: after(PROVIDERS, "  p#: {type: static, settings: {models: [n#]}}", size, ROUTING_RULES, "    - {condition: {model: m#}, target: 'p#,n#'}"),
    "providers in both places.yaml": lambda size: after("providers:\n", PROVIDER, size, "routing:\n  defaultProvider: p1\n  providers:\n", "    p#: {type: static}"),
    "facts of many providers.yaml": lambda size: after(PROVIDERS, PROVIDER, size, ROUTING_RULES, "    - {condition: {provider.p#.health: down}, target: 'here,m'}"),
    "facts of many budgets.yaml": lambda size: after(NO_RULES + "budgets:\n", "  b#: {tokens: 1000, per: day}", size, ROUTING_RULES, "    - {condition: {budget.b#.state: spent}, target: 'here,m'}"),
    "categories of many providers.yaml": lambda size: after(PROVIDERS, "  p#: {type: static, settings: {categoryMappings: {k#: true, k~: true}}}", size, CATEGORIES, "    k#: {model: m#}"),
    "mappings of unknown categories.yaml": lambda size: after(PROVIDERS, "  p#: {type: static, settings: {categoryMappings: {q#: true}}}", size, CATEGORIES, "    k#: {model: m#}"),
    "targets of unknown categories.yaml": lambda size: after(STARTED + "  rules:\n", "    q#: 'here,m#'", size, "  categories:\n", "    k#: {model: m#}"),
    "router keys with budgets.yaml": lambda size: after(STARTED + "budgets:\n", "  b#: {tokens: 1000, per: day}", size, "server:\n  apiKeys:\n", "    - {name: k#, key: '${KEY#}', budget: b#}"),
    "router keys with categories.yaml": lambda size: after(STARTED + "  categories:\n", "    k#: {model: m#}", size, "server:\n  apiKeys:\n", "    - {name: k#, key: '${KEY#}', allow: {categories: [k#]}}"),
    "conditions on router keys.yaml": lambda size: after("server:\n  apiKeys:\n", "    - {name: k#, key: '${KEY#}'}", size, RULES, "    - {condition: {clientKey: q#}, target: 'here,m'}"),
    "conditions on router keys in any case.yaml": lambda size: after("server:\n  apiKeys:\n", "    - {name: k#, key: '${KEY#}'}", size, RULES, "    - {condition: {clientKey: {eq: K#, ignoreCase: true}}, target: 'here,m'}"),
    "limits with money.yaml": lambda size: after(STARTED + "usage:\n  prices:\n", "    'here,m#': {input: 1, output: 2}", size, "server:\n  limits:\n", "    - {name: l#, per: router, money: '1/day'}"),
    "budgets of unknown rules.yaml": lambda size: after("budgets:\n", "  b#: {tokens: 1000, per: day, of: {rule: [q#]}}", size, RULES, "    - {name: r#, condition: {model: m#}, target: 'here,m'}"),
    "budgets without prices.yaml": lambda size: after("budgets:\n", "  b#: {money: 1000, per: day}", size, RULES, "    - {name: r#, condition: {model: m#}, target: 'here,m#'}"),
    "patterns of prices.yaml": lambda size: after("budgets: {b: {money: 1000, per: day}}\nusage:\n  prices:\n", "    'here,*x#*': {input: 1, output: 2}", size, RULES, "    - {name: r#, condition: {model: m#}, target: 'here,m#'}"),
    "instances of one host.yaml": lambda size: lines("routing: {defaultProvider: p}\nproviders:\n  p:\n    type: openai\n    authentication: {type: none}\n    instances:\n", "      - {endpoint: 'http://127.0.0.1/v1'}", size),
    "models that are guesses.yaml": lambda size: lines("routing: {defaultProvider: p}\nproviders:\n  p:\n    type: codewhisperer\n    authentication: {tokenPath: /nowhere}\n    settings:\n      models:\n", "        - m#", size),
    "networks.yaml": lambda size: lines(RULES + "    - name: r\n      target: 'here,m'\n      condition:\n        clientIp:\n          cidr:\n", "            - 2001:db8:#::/48", size),
    "zones that are none.yaml": lambda size: rules("time: {days: mon-fri, tz: Europe/X#}", size),
    "shares.yaml": lambda size: rules("rollout: {percent: 10, salt: s#}", size),
    "tags.yaml": lambda size: after("filters:\n", "  - {name: f#, action: tag, condition: {model: m#}}", size, RULES, "    - {condition: {tags: {has: f#}}, target: 'here,m'}"),
    "filters with patterns.yaml": lambda size: lines(STARTED + "filters:\n", "  - {name: f#, action: redact, patterns: [{regex: 'abc#[0-9]{3,9}'}]}", size),
    "refusals.yaml": lambda size: lines(RULES, "    - {condition: {model: m#}, target: {reject: {status: 403, message: no#}}}", size),
    "repeated fallbacks.yaml": lambda size: lines(RULES + "    - name: r\n      condition: {model: m}\n      target: 'here,m'\n      fallbacks:\n", "        - 'here,m'", size),
    "wrong endpoints.yaml": lambda size: lines("routing: {defaultProvider: p1}\nproviders:\n", "  p#: {type: openai, endpoint: 'ftp://a.example.com/#'}", size),
    "public endpoints.yaml": lambda size: lines("routing: {defaultProvider: p1}\nproviders:\n", "  p#: {type: openai, endpoint: 'http://a#.example.com/'}", size),
    "one of many.yaml": lambda size: lines(RULES + "    - name: r\n      target: 'here,m'\n      condition:\n        any:\n", "          - {model: m#, toolCount: '> #'}", size),
    "one of many globs.yaml": lambda size: lines(RULES + "    - name: r\n      target: 'here,m'\n      condition:\n        model:\n          glob:\n", "            - m#*", size),
    "every section.yaml": _every_section,
    **YAML_KINDS,
    **{f"rules: {kind}.json": lambda size, kind=kind: hostile_rules(kind, size) for kind in HOSTILE},  # type: ignore[misc]
}  # fmt: skip
"""Name with its ending -> the text of a file of at most so many bytes."""
