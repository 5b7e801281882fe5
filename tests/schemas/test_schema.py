"""The JSON Schema itself: read alike by both drafts, described for editors, and in step with the code it speaks of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from engine.reporting.json import report_object
from engine.reporting.report import Report
from providers.balance import STRATEGIES, SYNONYMS
from providers.dialects.bedrock import settings as bedrock
from providers.dialects.gemini import settings as gemini
from providers.dialects.openai import settings as openai
from providers.dialects.openai_responses import settings as openai_responses
from providers.dialects.table import TYPES
from rules.facts import FACTS
from schemas.document import Document, plain
from schemas.limits import MAX_FINDINGS
from schemas.packaged import schema_text
from schemas.read import read
from schemas.shape import shape
from schemas.substitute import Sources, substitute

HERE = Path(__file__).parent
SCHEMA: dict[str, Any] = json.loads(schema_text())
DEFS = SCHEMA["$defs"]
REPORT_SCHEMA = json.loads((HERE.parent.parent / "schemas" / "report.schema.json").read_text())

# keywords that draft-07 and 2020-12 read alike; `$defs` is reached by reference only
SHARED = {
    "$schema", "$defs", "$ref", "title", "description", "default", "type", "enum", "const", "properties", "required",
    "additionalProperties", "propertyNames", "items", "minItems", "uniqueItems", "minimum", "maximum", "minLength",
    "pattern", "minProperties", "maxProperties", "allOf", "anyOf", "not", "if", "then", "else",
}  # fmt: skip
ANNOTATIONS = {"title", "description", "default"}


def _subschemas(schema: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return
    yield path, schema
    for key in ("properties", "$defs"):
        for name, below in schema.get(key, {}).items():
            yield from _subschemas(below, f"{path}/{key}/{name}")
    for key in ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else"):
        yield from _subschemas(schema.get(key), f"{path}/{key}")
    for key in ("allOf", "anyOf"):
        for number, below in enumerate(schema.get(key, [])):
            yield from _subschemas(below, f"{path}/{key}/{number}")


def _documents() -> Iterator[tuple[str, Document]]:
    for path in sorted([*(HERE / "good").rglob("*"), *(HERE / "bad").rglob("*"), *(HERE / "seed").iterdir()]):
        if path.is_file() and path.suffix != ".out":
            document, _ = read(path.read_bytes(), path.name)
            if document is not None:
                yield str(path.relative_to(HERE)), document


TABLES: dict[str, Any] = {"openai": openai, "openai-responses": openai_responses, "gemini": gemini, "bedrock": bedrock}
DOCUMENTS = list(_documents())


def test_both_drafts_accept_the_schema() -> None:
    """Editors read draft-07, others 2020-12."""
    Draft7Validator.check_schema(SCHEMA)
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("document", [one for _, one in DOCUMENTS], ids=[name for name, _ in DOCUMENTS])
def test_both_drafts_judge_every_file_alike_and_as_we_do(document: Document) -> None:
    """A file is valid under both drafts or under neither, and without variables we find a wrong shape exactly then."""
    value = plain(document.root)
    verdict = Draft7Validator(SCHEMA).is_valid(value)
    assert Draft202012Validator(SCHEMA).is_valid(value) is verdict
    if "${" not in json.dumps(value):
        assert (shape(document)[1] == []) is verdict


def test_only_keywords_that_both_drafts_share_are_used() -> None:
    """Nothing beside a `$ref` but annotations (draft-07 ignores it), never `oneOf`."""
    for path, schema in _subschemas(SCHEMA):
        assert set(schema) <= SHARED, path
        if "$ref" in schema:
            assert set(schema) <= {"$ref"} | ANNOTATIONS, path


def test_every_property_is_described() -> None:
    """Editors show the descriptions, and the reference is made of them."""
    for path, schema in _subschemas(SCHEMA):
        if "/if" in path or "/then" in path or "/else" in path:
            continue
        for name, below in schema.get("properties", {}).items():
            assert below.get("description"), f"{path}/{name}"


def test_types_are_those_with_a_dialect() -> None:
    """A type that may be written is served."""
    assert set(DEFS["provider"]["properties"]["type"]["enum"]) == TYPES


@pytest.mark.parametrize("name", TABLES)
def test_settings_of_a_type_are_those_of_its_table(name: str) -> None:
    """Key, kind, values and default of each row, and no other key."""
    properties = DEFS[f"{name}Settings"]["properties"]
    common = set(DEFS["commonSettings"]["properties"])
    assert set(properties) - common == {row.key for row in TABLES[name].SETTINGS}
    for row in TABLES[name].SETTINGS:
        written = properties[row.key]
        if row.kind == "enum":
            assert tuple(written["enum"]) == row.values
        if row.kind == "texts" and row.values:
            assert tuple(written["items"]["enum"]) == row.values
        assert written.get("default", type(row.default)()) == row.default
        assert f"| `{row.key}` |" in TABLES[name].__doc__


def test_strategies_are_those_of_the_balancer() -> None:
    """Canonical names and synonyms."""
    assert set(DEFS["loadBalancing"]["properties"]["strategy"]["enum"]) == set(STRATEGIES) | set(SYNONYMS)


def test_every_fact_is_offered_to_editors() -> None:
    """The schema lists each fact with what it is; families and typing mistakes are the compiler's to judge."""
    assert set(FACTS) <= set(DEFS["condition"]["properties"])


def test_the_report_schema_accepts_a_report() -> None:
    """`--format json` is what its published schema says."""
    Draft7Validator.check_schema(REPORT_SCHEMA)
    Draft7Validator(REPORT_SCHEMA).validate(report_object(Report((), 0.0)))


def test_of_too_many_faults_the_first_ones_are_kept() -> None:
    """In the order of the file, so that the same file gives the same report every time."""
    text = "providers:\n" + "".join(f"  p{number}: {{type: nothing}}\n" for number in range(MAX_FINDINGS + 200))
    document, _ = read(text.encode(), "ccr.yaml")
    assert document is not None
    more, *told = shape(document)[1]
    assert [found.span.line for found in told] == list(range(2, MAX_FINDINGS + 2))
    assert (more.code, more.span.line, more.data) == ("CCR006", 1, {"incomplete": True})


def test_one_fault_about_thousands_of_keys_hides_no_other() -> None:
    """Of the unknown keys at the top the first thousand are told, and what else is wrong."""
    keys = "".join(f"k{number}: 1\n" for number in range(MAX_FINDINGS + 200))
    document, _ = read(f"providers: {{a: {{type: nothing}}}}\n{keys}".encode(), "ccr.yaml")
    assert document is not None
    told = Counter(found.code for found in shape(document)[1])
    assert told == {"CCR101": MAX_FINDINGS, "CCR104": 1, "CCR006": 1}


def test_any_number_of_references_becomes_numbers() -> None:
    """More of them than mistakes are told."""
    rule = "    - {condition: {model: m}, target: 'a,m', enabled: '${ON}'}\n"
    text = "providers: {a: {type: static}}\nrouting:\n  defaultProvider: a\n  customRules:\n" + rule * (
        MAX_FINDINGS + 200
    )
    document, _ = read(text.encode(), "ccr.yaml")
    assert document is not None
    values = Sources(env={"ON": "true"}, read_file=lambda _: b"")
    assert shape(substitute(document, values)[0])[1] == []
