"""Writes the corpus: good configurations, and the same with one semantic mistake each.

`python -m tests.corpus.generate` writes `good/` and `mistakes/` anew. What is written is data: tests read the files.
A mistake is kept if it changes some decision (compared request by request over a sample), so that none is harmless; a test
compares again.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from engine.analysis.stage import offered
from engine.build import build
from engine.built import Built
from rules.analysis.offered import key_of_route
from rules.facts import Facts
from rules.fast import decider_of
from rules.requests.bodies import compose
from rules.requests.shorthand import BadShorthand, wanted_of_mapping
from rules.requests.wanted import Impossible
from rules.testing.suite import suite_of
from tests.rules.analysis.worlds import bodies
from tests.rules.compiling import envelope

HERE = Path(__file__).parent
KEPT = 260
Config = dict[str, Any]

PROVIDERS: Config = {
    "local": {
        "type": "openai", "endpoint": "http://127.0.0.1:11434/v1", "authentication": {"type": "none"},
        "settings": {"models": ["qwen3", "qwen3-coder"]},
    },
    "cloud": {
        "type": "openai", "endpoint": "http://127.0.0.1:8080/v1", "authentication": {"type": "none"},
        "settings": {"models": ["gpt-4.1", "gpt-4.1-mini", "o3"]},
    },
    "house": {
        "type": "openai", "endpoint": "http://127.0.0.1:9090/v1", "authentication": {"type": "none"},
        "settings": {"models": ["house-large", "house-small"]},
    },
}  # fmt: skip

SINGLE: dict[str, Config] = {
    "model-by-name": {"model": "claude-opus-4"},
    "model-one-of-several": {"model": ["claude-opus-4", "claude-opus-4-1"]},
    "model-contains-in-any-case": {"modelContains": "opus"},
    "model-prefix": {"model": {"prefix": "gpt-"}},
    "model-suffix": {"model": {"suffix": "-mini"}},
    "model-glob": {"model": {"glob": "claude-*-opus-*"}},
    "model-regex": {"model": {"regex": "^claude-(opus|sonnet)-[45]"}},
    "streamed-only": {"stream": True, "hasImages": True},
    "not-streamed": {"stream": False},
    "token-counts": {"path": "count_tokens"},
    "many-tools": {"toolCount": "> 40"},
    "no-tools-at-all": {"hasTools": False, "maxTokens": "<= 512"},
    "a-tool-by-name": {"toolNames": {"has": "mcp__github__search"}},
    "tools-of-a-server": {"toolNames": {"has": {"prefix": "mcp__jira__"}}},
    "a-set-of-tools": {"toolNames": {"hasAll": ["Bash", "Edit"]}},
    "web-search-as-a-tool": {"serverTools": {"has": {"prefix": "web_fetch"}}},
    "images": {"hasImages": True},
    "documents": {"hasDocuments": True},
    "long-texts": {"messageLength": "> 100k"},
    "many-messages": {"messageCount": {"operator": "gt", "value": 80}},
    "long-context-of-its-own": {"inputTokens": "> 200k"},
    "short-and-cheap": {"inputTokens": "< 500", "maxTokens": "< 200"},
    "a-range-of-tokens": {"inputTokens": "10k..60k"},
    "keywords-in-any-case": {"contentKeywords": ["ultrathink", "think harder"]},
    "what-the-user-said-last": {"lastUserText": {"regex": "^/(review|check) "}},
    "what-the-system-says": {"systemText": {"contains": "project falcon", "ignoreCase": True}},
    "a-team-by-header": {"header.x-team": "research"},
    "teams-by-header": {"header.x-team": ["research", "design"]},
    "without-a-header": {"header.x-trace": {"exists": False}, "hasDocuments": True},
    "an-address-range": {"clientIp": {"cidr": "10.20.0.0/16"}},
    "a-key": {"clientKey": "ci"},
    "a-share-of-sessions": {"rollout": {"percent": 10, "salt": "spring"}},
    "office-hours": {"time": {"days": "mon-fri", "between": "09:00-18:00", "tz": "Europe/Berlin"}},
    "nights": {"time": {"between": "22:00-06:00"}},
    "provider-is-down": {"provider.house.health": "down"},
    "provider-is-busy": {"provider.house.inflight": "> 20"},
    "thinking-hard": {"thinking": "enabled", "thinkingBudget": "> 20000"},
    "effort": {"effort": ["xhigh", "max"]},
    "subagents": {"subagent": True, "agentType": "Explore"},
    "compaction": {"requestClass": "compaction"},
    "a-beta": {"betas": {"has": {"prefix": "context-1m"}}},
    "expression": {"expr": "toolCount > 10 and not stream"},
    "expression-over-two-facts": {"expr": "toolCount > 2 * messageCount"},
    "either-of-two": {"any": [{"hasImages": True}, {"hasDocuments": True}]},
    "neither-of-two": {"none": [{"hasTools": True}, {"stream": True}]},
    "negation": {"not": {"model": {"contains": "claude"}}},
}
"""Name -> a condition of which a single rule is made."""


def single(condition: Config) -> Config:
    """One rule, everything else to another provider."""
    return {
        "providers": PROVIDERS,
        "routing": {
            "defaultProvider": "cloud",
            "customRules": [{"name": "special", "condition": condition, "target": "house,house-large"}],
            "rules": {"background": "local,qwen3"},
        },
    }


def team(random: Random, most: int) -> Config:
    """A team's policy: refusals first, then what is private, then what needs more, then what is cheap."""
    rules: list[Config] = [
        {"name": "retired", "condition": {"model": {"prefix": "claude-2"}}, "target": {"reject": {"status": 403, "message": "this model is retired"}}},
        {"name": "private", "condition": {"any": [{"header.x-data-class": "private"}, {"systemText": {"contains": "secret project"}}]}, "target": "house,house-large"},
    ]  # fmt: skip
    optional: list[Config] = [
        {"name": "pictures", "condition": {"hasImages": True}, "target": "cloud,gpt-4.1"},
        {"name": "many tools", "condition": {"toolCount": f"> {random.choice([20, 40, 64])}"}, "target": "cloud,o3"},
        {"name": "very long", "condition": {"inputTokens": f"> {random.choice([120, 150, 180])}k"}, "target": "cloud,gpt-4.1"},
        {"name": "hard thinking", "condition": {"thinking": "enabled", "thinkingBudget": "> 30000"}, "target": "cloud,o3"},
        {"name": "opus streamed", "condition": {"model": {"contains": "opus"}, "stream": True}, "target": "house,house-large"},
        {"name": "opus in batches", "condition": {"model": {"contains": "opus"}, "stream": False}, "target": "local,qwen3-coder"},
        {"name": "explorers", "condition": {"subagent": True, "agentType": "Explore"}, "target": "local,qwen3"},
        {"name": "night jobs", "condition": {"header.x-job": "nightly", "time": {"between": "22:00-06:00"}}, "target": "house,house-small"},
        {"name": "trial", "condition": {"header.x-team": "research", "rollout": {"percent": random.choice([5, 20, 50]), "salt": "trial"}}, "target": "cloud,o3"},
        {"name": "short questions", "condition": {"messageCount": 1, "hasTools": False, "maxTokens": "<= 256"}, "target": "local,qwen3"},
        {"name": "reviews", "condition": {"lastUserText": {"prefix": "/review"}}, "target": "cloud,o3"},
        {"name": "jira", "condition": {"toolNames": {"has": {"prefix": "mcp__jira__"}}}, "target": "house,house-small"},
        {"name": "the office", "condition": {"clientIp": {"cidr": "10.1.0.0/16"}, "header.x-team": "design"}, "target": "house,house-large"},
        {"name": "overload", "condition": {"provider.house.health": "down", "requestClass": "main"}, "target": "cloud,gpt-4.1"},
        {"name": "counts", "condition": {"path": "count_tokens", "model": {"contains": "sonnet"}}, "target": "local,qwen3"},
    ]  # fmt: skip
    chosen = sorted(random.sample(range(len(optional)), most))
    rules += [optional[number] for number in chosen]
    return {
        "providers": PROVIDERS,
        "routing": {
            "defaultProvider": "cloud",
            "explicitModels": random.random() < 0.5,
            "customRules": rules,
            "rules": {"default": "cloud,gpt-4.1-mini", "background": "local,qwen3", "longcontext": "cloud,o3"},
        },
        "invariants": [
            {"name": "private requests stay in the house", "when": {"header.x-data-class": "private", "not": {"model": {"prefix": "claude-2"}}}, "then": {"provider": "house"}},
            {"name": "nothing reaches a model that is not listed", "then": {"model": {"regex": "^(qwen3|gpt-4\\.1|o3|house-)"}}},
        ],
    }  # fmt: skip


def structured(random: Random, count: int) -> Config:
    """Many teams, each with a few rules of its own: none in another's way, none needless."""
    targets = [f"{provider},{model}" for provider, one in PROVIDERS.items() for model in one["settings"]["models"]]
    rules: list[Config] = []
    number = 0
    while len(rules) < count:
        mine = {"header.x-team": f"team-{number}"}
        number += 1
        first, second, third = random.sample(targets, 3)
        bound = random.choice([5, 10, 20, 40])
        kinds: list[list[tuple[Config, str]]] = [
            [({"stream": True}, first), ({"stream": False, "inputTokens": f"> {bound}k"}, second), ({}, third)],
            [({"model": {"contains": "opus"}}, first), ({"toolCount": f"> {bound}"}, second), ({}, third)],
            [({"inputTokens": f">= {bound}k"}, first), ({"thinking": "enabled"}, second), ({}, third)],
            [({"hasImages": True}, first), ({"model": {"prefix": "gpt-"}, "stream": True}, second), ({"maxTokens": f"< {bound}00"}, third)],
        ]  # fmt: skip
        for place, (condition, target) in enumerate(random.choice(kinds)):
            rules.append({"name": f"team {number} rule {place}", "condition": {**mine, **condition}, "target": target})
    rules = rules[:count]
    return {
        "providers": PROVIDERS,
        "routing": {"rules": {"default": {"reject": {"status": 403, "message": "no team"}}}, "customRules": rules},
    }


def good() -> Iterator[tuple[str, Config]]:
    """Every good configuration with its name."""
    for name, condition in SINGLE.items():
        yield name, single(condition)
    for number in range(12):
        yield f"team-{number:02}", tested(team(Random(number), 5 + number % 8))
    yield "original-readme-mended", original()
    yield "teams-100-rules", structured(Random(100), 100)
    yield "teams-1000-rules", structured(Random(1000), 1000)


def original() -> Config:
    """The example of the original product's README, with what was left in it for its reader to mend."""
    config: Config = json.loads((HERE.parent / "schemas" / "seed" / "main.json").read_text())
    routing = config["routing"]
    rules, providers = routing["rules"], routing["providers"]
    first, second, third = (
        providers[name] for name in ("codewhisperer-primary", "openai-compatible", "gemini-provider")
    )
    rules["search"] = {"provider": "gemini-provider", "model": "gemini-2.5-flash"}
    rules["default"]["fallbacks"] = ["openai-compatible,gpt-4"]
    first["authentication"]["credentials"]["tokenPath"] = "~/.aws/sso/cache/kiro-auth-token.json"
    first["settings"]["profileArn"] = "arn:aws:codewhisperer:us-east-1:123456789012:profile/AB12CD34EF56"
    second["authentication"]["credentials"]["apiKey"] = "${OPENAI_API_KEY}"
    third["authentication"]["credentials"]["apiKey"] = "${GEMINI_API_KEY}"
    third["endpoint"] = "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"
    able = ["tools", "images", "documents", "thinking", "webSearch"]
    third["settings"]["models"][0] = {"name": "gemini-2.5-flash", "capabilities": able}
    for provider in (first, second):
        provider["settings"]["categoryMappings"]["search"] = False
    return config


def tested(config: Config) -> Config:
    """With the tests that the solver suggests."""
    built = built_of(config)
    suite = suite_of(built.rules, offered(built.providers))
    tests = [{"name": one.name, "request": dict(one.request), "expect": dict(one.expect)} for one in suite.tests]
    return {**config, "tests": tests}


def built_of(config: Config) -> Built:
    """The configuration, which must be fit to start."""
    checked = build(json.dumps(config).encode(), "c.json", read_file=_no_file, env={}, secrets="keep")
    assert checked.built is not None, [(one.code, one.message) for one in checked.diagnostics]
    return checked.built


def _no_file(name: str) -> bytes:
    raise FileNotFoundError(name)


def mistakes() -> Iterator[tuple[str, Config, Config]]:
    """Name, the configuration with a mistake, and the one without."""
    for number in range(12):
        original = tested(team(Random(number), 5 + number % 8))
        for name, changed in _slips(original):
            yield f"team-{number:02}-{name}", changed, original


def _slips(config: Config) -> Iterator[tuple[str, Config]]:
    """What hurried hands do to rules."""
    rules = config["routing"]["customRules"]
    for place, rule in enumerate(rules):
        said = rule["name"].replace(" ", "-")

        def edited(place: int = place) -> tuple[Config, list[Config], Config]:
            changed = copy.deepcopy(config)
            listed = changed["routing"]["customRules"]
            return changed, listed, listed[place]

        changed, listed, one = edited()
        del listed[place]
        yield f"{said}-lost", changed
        changed, listed, one = edited()
        one["target"] = "local,qwen3" if one["target"] != "local,qwen3" else "cloud,gpt-4.1"
        yield f"{said}-to-the-wrong-target", changed
        changed, listed, one = edited()
        listed.insert(0, {"name": "catch all", "condition": {"model": {"exists": True}}, "target": "local,qwen3-coder"})
        if place == 0:
            yield "a-rule-for-everything-first", changed
        changed, listed, one = edited()
        one["condition"] = {"not": one["condition"]}
        yield f"{said}-negated", changed
        changed, listed, one = edited()
        listed.insert(0, {"name": "copy", "condition": copy.deepcopy(one["condition"]), "target": "local,qwen3-coder"})
        yield f"{said}-copied-and-changed", changed
        changed, listed, one = edited()
        one["condition"] = {"all": [one["condition"], {"hasTools": False, "toolCount": "> 3"}]}
        yield f"{said}-contradicting-itself", changed
        for key, value in rule["condition"].items():
            if isinstance(value, str) and value.startswith("> "):
                changed, listed, one = edited()
                one["condition"][key] = "< " + value[2:]
                yield f"{said}-the-wrong-way-round", changed
                changed, listed, one = edited()
                one["condition"][key] = ">= " + value[2:]
                yield f"{said}-off-by-one", changed
            if isinstance(value, dict) and "between" in value:
                changed, listed, one = edited()
                one["condition"][key] = {**value, "between": "22:00-22:00"}
                yield f"{said}-an-empty-window", changed
            if isinstance(value, dict) and "percent" in value:
                changed, listed, one = edited()
                one["condition"][key] = {**value, "percent": 0}
                yield f"{said}-at-zero-percent", changed
            if isinstance(value, dict) and "contains" in value and len(rule["condition"]) == 1:
                changed, listed, one = edited()
                one["condition"][key] = {"regex": ".*"}
                yield f"{said}-a-pattern-for-everything", changed


def changes_something(one: Config, other: Config, sample: list[Facts]) -> bool:
    """Whether two configurations send some request of a sample to different places."""
    built, changed = built_of(one), built_of(other)
    first, second = decider_of(built.rules), decider_of(changed.rules)
    providers = offered(built.providers)
    return any(
        key_of_route(first(facts).route, providers) != key_of_route(second(facts).route, providers) for facts in sample
    )


def sample_of(config: Config, count: int) -> list[Facts]:
    """Random requests, and those of the configuration's own tests."""
    made = [
        Facts(envelope(body, **{**around, "provider_state": _STATE}))
        for body, around in islice(bodies(Random(7)), count)
    ]
    for test in config.get("tests", ()):
        try:
            one = compose(wanted_of_mapping(test["request"]))
        except BadShorthand:
            continue
        if not isinstance(one, Impossible):
            made.append(one.facts)
    return made


_STATE = {name: {"health": "up", "inflight": 0} for name in PROVIDERS}


def main() -> None:
    """Writes both folders."""
    for folder in ("good", "mistakes"):
        (HERE / folder).mkdir(exist_ok=True)
        for old in (HERE / folder).iterdir():
            old.unlink()
    for name, config in good():
        (HERE / "good" / f"{name}.json").write_text(json.dumps(config) + "\n")
    kept = 0
    made = list(mistakes())
    for name, config, original in sorted(Random(1).sample(made, KEPT), key=lambda one: one[0]):
        if changes_something(original, config, sample_of(original, 300)):
            (HERE / "mistakes" / f"{name}.json").write_text(json.dumps(config) + "\n")
            kept += 1
    print(f"{kept} mistakes")


if __name__ == "__main__":
    main()
