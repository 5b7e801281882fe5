"""The parts of the pages that are made from the program itself; `make docs` writes them, a test says when they are stale.

In a page, such a part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from engine.cli import ccr
from engine.cli.commands import COMMANDS
from providers.messages.grammar import drawing
from rules.facts import FACTS, FAMILIES
from rules.matchers import TYPE_WORDS, WRITTEN
from rules.operators import OPERATORS
from schemas.codes import CODES
from schemas.pages import weight_of

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ("schemas/keys.md", "engine/cli/commands.md", "providers/messages/README.md", "schemas/pages/README.md")

Schema = dict[str, Any]

# Definition of the schema -> how the page introduces it. A test compares the types with those that are served.
SECTIONS = {
    "provider": "A provider",
    "instance": "One of `instances`",
    "authentication": "`authentication`",
    "loadBalancing": "`loadBalancing`",
    "concurrency": "`concurrency`",
    "timeouts": "`timeouts` (milliseconds)",
    "connectionPool": "`connectionPool`",
    "commonSettings": "`settings` of every provider",
    "staticSettings": "`settings` of type `static`",
    "openaiSettings": "`settings` of type `openai`",
    "anthropicSettings": "`settings` of type `anthropic`",
    "codewhispererSettings": "`settings` of type `codewhisperer`",
    "openai-responsesSettings": "`settings` of type `openai-responses`",
    "bedrockSettings": "`settings` of type `bedrock`",
    "geminiSettings": "`settings` of type `gemini`",
    "model": "A model in `settings.models`, where it is not just a name",
    "price": "A price",
    "budget": "A budget",
    "filter": "One of `filters`",
    "routerKey": "One of `server.apiKeys`",
    "limit": "One of `server.limits`",
    "target": "A target, where it is not `provider,model`",
    "rule": "One of `routing.customRules`",
    "condition": "A condition",
    "test": "One of `tests`",
    "invariant": "One of `invariants`",
}


# The words for a fact's type -> what may stand beside it, besides operators. A test reads every form.
FORMS: Mapping[str, tuple[str, ...]] = {
    "a text": ("opus", "[opus, sonnet]", "{contains: sonnet, ignoreCase: true}", "{prefix: [claude-3, claude-4]}", '{glob: "*-[45]-*"}'),
    "one of a few words": ("enabled", "[enabled, adaptive]"),
    "true or false": ("true",),
    "a number": ("5", "[1, 2]", '"> 10k"', '">= 1M"', '"!= 3"', '"10k..60k"', "{gt: 5, lte: 10}", "{between: [5, 10]}"),
    "a set": ("{has: Bash}", "{hasAny: [Bash, {prefix: mcp__}]}", '{size: "> 3"}'),
    "an address": ("10.0.0.7", '{cidr: [10.0.0.0/8, "fd00::/8"]}'),
    "a time": ('{days: mon-fri, between: "22:00-06:00", tz: Europe/Berlin}', '{days: [sat, sun]}'),
    "a share": ("{percent: 10, salt: spring}", "{percent: 10, salt: spring, by: clientKey}"),
    "words": ("[plan, ultrathink]",),
}  # fmt: skip
NOTES: Mapping[str, str] = {
    "a text": "A list means: one of them.",
    "a number": "`k` is 1,000, `M` is 1,000,000; the end of a range is excluded.",
    "a time": "A span over midnight belongs to its first day; without `tz` in UTC.",
    "a share": "By `sessionId`, `clientKey`, `clientIp` or `header.<name>`: who is in stays in as it grows.",
}


# What an expression may call -> what that says, and an example. A test reads every example, and that all are here.
CALLS: Mapping[str, tuple[str, str]] = {
    "contains": ("one text is in another, as with `in`", "contains(lower(systemText), 'confidential')"),
    "startswith": ("a text begins so", "startswith(model, 'claude-')"),
    "endswith": ("a text ends so", "endswith(model, '-mini')"),
    "matches": ("a pattern is found in a text", "matches(model, '-[45]$')"),
    "glob": ("a text is of this form", "glob(model, 'claude-*-4')"),
    "has": ("a set has this member, as with `in`", "has(toolNames, 'Bash')"),
    "exists": ("a fact is there", "not exists(temperature)"),
    "cidr": ("an address is in a range", "cidr(clientIp, '10.0.0.0/8')"),
    "lower": ("a text in small letters", "lower(model) == 'gpt-4'"),
    "strip": ("a text without blanks around it", "strip(lastUserText) == 'quota'"),
    "len": ("the length of a text, the size of a set", "len(toolNames) > 20"),
    "number": ("the number that a text is; where it is none, evaluating fails", "number(header['x-level']) >= 3"),
    "header": ("a header, the same as `header['x-team']`", "header('x-team') in ('red', 'blue')"),
    "health": ("the state of a provider", "health('cloud') == 'down'"),
    "inflight": ("how many exchanges a provider has open", "inflight('cloud') > 2 * inflight('local')"),
    "budget": ("how much of a budget is spent", "budget('month') != 'ok'"),
}


def with_generated_parts(page: str) -> str:
    """The page with every generated part made anew."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}\n\n{PARTS[found[2]]().strip()}\n\n<!-- end -->"

    return re.sub(r"(<!-- generated: ([a-z-]+) -->).*?<!-- end -->", part, page, flags=re.DOTALL)


def command_line_help() -> str:
    """The help of the program and of each command, as `--help` prints it on a terminal 100 columns wide."""
    commands = [(), *_words()]
    titles = [f"{'#' * max(2, 1 + len(words))} {' '.join(('ccr', *words))}" for words in commands]
    parts = [f"{title}\n\n```text\n{_help(*words)}\n```" for title, words in zip(titles, commands, strict=True)]
    return "\n\n".join([_contents(titles), *parts])


def _contents(titles: Iterable[str]) -> str:
    """Links to the headings of second order, in their order."""
    names = [title.removeprefix("## ") for title in titles if title.startswith("## ")]
    return ", ".join(f"[{name.replace('`', '')}](#{anchor_of(name)})" for name in names)


def anchor_of(heading: str) -> str:
    """As GitHub makes them: lower case, blanks as hyphens, other signs gone."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _words() -> Iterator[tuple[str, ...]]:
    """The words of each command, those within a group after it."""
    context = click.Context(ccr)
    for name in COMMANDS:
        yield (name,)
        found = ccr.get_command(context, name)
        if isinstance(found, click.Group):
            yield from ((name, within) for within in found.list_commands(context))


def _help(*words: str) -> str:
    result = CliRunner().invoke(ccr, [*words, "--help"], prog_name="ccr", terminal_width=100)
    assert result.exit_code == 0, result.output
    return result.output.rstrip()


def configuration_reference() -> str:
    """Every property of the configuration with its kind, default and meaning, from the schema's descriptions."""
    schema: Schema = json.loads((ROOT / "schemas" / "ccr.schema.json").read_text(encoding="utf-8"))
    definitions: Schema = schema["$defs"]
    parts = [_table("The file", "", schema["properties"], definitions)]
    for name, title in SECTIONS.items():
        found = definitions[name]
        parts.append(_table(title, found.get("description", ""), found["properties"], definitions))
        if name == "condition":
            parts += [_forms(), _calls()]
    return "\n\n".join([_contents(part.splitlines()[0] for part in parts), *parts])


def _forms() -> str:
    """What may stand beside a fact, by its kind."""
    rows = ["| the fact is | such as | operators |", "|---|---|---|"]
    for words, forms in FORMS.items():
        kinds = [kind for kind, said in TYPE_WORDS.items() if said == words]
        operators = [name for name in WRITTEN if set(kinds) & OPERATORS[name].types]
        said = ", ".join(f"`{form}`" for form in forms) + (f". {NOTES[words]}" if words in NOTES else "")
        rows.append(f"| {words} | {said} | {', '.join(f'`{name}`' for name in operators)} |")
    return (
        "## What may stand beside a fact\n\nA value, a list of values, or a mapping of operators, all of which must hold."
        " Of a fact that is missing nothing holds but `{exists: false}`.\n\n" + "\n".join(rows)
    )


def _calls() -> str:
    """What an expression may hold."""
    rows = ["| call | says | such as |", "|---|---|---|"]
    rows += [f"| `{name}` | {says} | `{example}` |" for name, (says, example) in CALLS.items()]
    return (
        "### What `expr` may say\n\nComparisons, also in chains (`1 < toolCount <= 5`), `and`, `or`, `not`, `in` a text, a set or a"
        " list such as `('a', 'b')`, `+`, `-` and `*` on numbers, `True`, `False`, and the calls below. Texts stand in quotes, numbers"
        " are written out (`10000`). Nothing else of Python is known. A comparison with a fact that is missing is false; `not`, `!=`"
        " and `not in` are plain negations. An expression has at most 2,000 characters.\n\n" + "\n".join(rows)
    )


def _table(title: str, description: str, properties: Schema, definitions: Schema) -> str:
    rows = list(_rows("", properties, definitions))
    if not rows:
        return f"## {title}\n\n{description} It has only the settings of every provider."
    lines = ["| key | kind | default | meaning |", "|---|---|---|---|", *rows]
    return "\n\n".join(filter(None, (f"## {title}", description, "\n".join(lines))))


def _rows(before: str, properties: Schema, definitions: Schema) -> Iterator[str]:
    for key, found in properties.items():
        if found.get("$ref", "").startswith("#/$defs/commonSettings/"):
            continue
        path = f"{before}{key}"
        fact = FACTS.get(key) if properties is definitions["condition"]["properties"] else None
        kind = _kind(found) if fact is None else TYPE_WORDS[fact.type]
        yield f"| `{path}` | {kind} | {_default(found)} | {_meaning(found, definitions)} |"
        below = found.get("properties")
        if below and not _defined(found):
            yield from _rows(f"{path}.", below, definitions)
    if properties is definitions["condition"]["properties"]:
        for name, spec in FAMILIES.items():
            one_of = f" One of {', '.join(f'`{word}`' for word in spec.words)}." if spec.words else ""
            yield f"| `{name}` | {TYPE_WORDS[spec.type]} |  | {spec.says[0].upper()}{spec.says[1:]}.{one_of} |"


def _kind(found: Schema) -> str:
    if "enum" in found:
        return ", ".join(f"`{value}`" for value in found["enum"])
    if _defined(found):
        return "name -> provider" if _defined(found) == "providers" else _defined(found)
    written = found.get("type", "any")
    kinds = [written] if isinstance(written, str) else list(written)
    if "pattern" in found and len(kinds) > 1 and "string" in kinds:
        kinds.remove("string")
    if kinds == ["array"] and isinstance(found.get("items"), dict):
        return f"list of {_kind(found['items'])}"
    if kinds == ["object"] and isinstance(found.get("additionalProperties"), dict):
        return f"name -> {_kind(found['additionalProperties'])}"
    return " or ".join({"array": "list", "object": "mapping"}.get(kind, kind) for kind in kinds)


def _defined(found: Schema) -> str:
    return str(found.get("$ref", "")).removeprefix("#/$defs/")


def _default(found: Schema) -> str:
    return f"`{json.dumps(found['default'])}`" if "default" in found else ""


def _meaning(found: Schema, definitions: Schema) -> str:
    text = found.get("description") or definitions.get(_defined(found), {}).get("description", "")
    return str(text).replace("|", "\\|")


def findings_index() -> str:
    """Every code with its page, title and weight."""
    rows = [f"| [{code}]({code}.md) | {row.title} | {weight_of(code)} |" for code, row in sorted(CODES.items())]
    return "\n".join(["| code | finding | weight |", "|---|---|---|", *rows])


PARTS: dict[str, Callable[[], str]] = {
    "command-line": command_line_help,
    "configuration": configuration_reference,
    "findings": findings_index,
    "stream-grammar": drawing,
}
