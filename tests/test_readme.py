"""README.md and the other pages: every command is run, every generated part is fresh, every link leads somewhere."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import ccr
from providers.dialects.table import TYPES
from rules.expressions.expression import compile_expression
from rules.expressions.values import CONDITIONS, VALUES
from rules.facts import FACTS, spec_of
from rules.matchers import TYPE_WORDS
from schemas.diagnostics import Span
from tests.docs.generated import CALLS, FORMS, PAGES, SECTIONS, anchor_of, with_generated_parts
from tests.docs.sessions import TOOLS, Reader, differences
from tests.fakes.router import free_port
from tests.rules.compiling import condition

ROOT = Path(__file__).resolve().parent.parent
ALL_PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("", "engine/**/", "rules/**/", "providers/**/", "schemas/**/", "tests/", "examples/*/")
    for path in ROOT.glob(f"{folder}*.md")
)


@pytest.mark.functional
@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {' and '.join(TOOLS)}")
def test_every_command_of_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    """A newcomer who types what stands there sees what stands there (`make docs` renews it)."""
    different = differences(ROOT / "README.md", Reader(tmp_path, free_port()))

    assert different == [], "\n".join(different)


def test_every_configuration_of_the_readme_is_clean(tmp_path: Path) -> None:
    """What a reader copies from the page passes the checker without a finding."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)

    assert blocks
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block)
        result = CliRunner().invoke(ccr, ["test-config", str(path)])
        assert (result.exit_code, "no findings" in result.output) == (0, True), result.output


@pytest.mark.parametrize("page", PAGES)
def test_generated_parts_are_fresh(page: str) -> None:
    """The reference and the help in the pages are what the program says now (`make docs` renews them)."""
    text = (ROOT / page).read_text(encoding="utf-8")

    assert with_generated_parts(text) == text, "run `make docs`"


def test_the_reference_has_the_settings_of_every_served_type() -> None:
    """A provider type that this version serves is described, and no other."""
    described = {name.removesuffix("Settings") for name in SECTIONS if name.endswith("Settings")} - {"common"}

    assert described == TYPES


@pytest.mark.parametrize("fact", [*FACTS, "header.x", "provider.a.health", "provider.a.inflight", "budget.m.state"])
def test_what_the_reference_says_of_a_fact_may_be_written(fact: str) -> None:
    """Every form of its kind makes a condition, but for words that are another fact's."""
    spec = spec_of(fact)
    assert spec is not None
    for form in FORMS[TYPE_WORDS[spec.type]]:
        if not spec.words or "enabled" in spec.words:
            assert condition(f"{{{fact}: {form}}}") is not None


def test_the_reference_has_every_call_of_an_expression() -> None:
    """The page and the editor's text name all of them, and every example on the page may be written."""
    names = [*CONDITIONS, *VALUES]
    hover = json.loads((ROOT / "schemas" / "ccr.schema.json").read_text())["$defs"]["condition"]["properties"]["expr"]

    assert sorted(CALLS) == sorted(names)
    assert [name for name in names if f"`{name}`" not in hover["description"]] == []
    for name, (_, example) in CALLS.items():
        predicate, found = compile_expression(example, lambda start, end: Span("f", 1, start, 1, end))
        assert predicate is not None, found
        assert f"{name}(" in example


@pytest.mark.parametrize("page", ALL_PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every link to a file of the project names one that exists, and a heading that it has."""
    path = ROOT / page
    targets = [target for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", prose_of(path)) if "://" not in target]
    astray = []
    for target in targets:
        file, _, heading = target.partition("#")
        found = path.parent / file if file else path
        if not found.exists() or (heading and heading not in anchors_of(found)):
            astray.append(target)

    assert astray == []


def anchors_of(page: Path) -> set[str]:
    """What a link may name behind a `#`."""
    return {anchor_of(heading) for heading in re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)}


def prose_of(page: Path) -> str:
    """The page without what stands in it as code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_every_example_is_found_from_the_readme() -> None:
    """Who reads the page from top to bottom comes upon each folder where it helps."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    folders = {path.parent.name for path in ROOT.glob("examples/*/README.md")}

    assert set(re.findall(r"\]\(examples/([a-z-]+)/README\.md\)", text)) == folders


def test_the_root_holds_what_a_newcomer_needs() -> None:
    """Nothing lies about: the root's tracked files and folders are these."""
    tracked = {
        "pyproject.toml",
        *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
        *("Makefile", "requirements.lock", "requirements-dev.lock"),
        *("engine", "rules", "providers", "schemas", "tests", "examples"),
    }
    made = {"build", "dist", "bench-results", "node_modules"}
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert tracked <= there
    assert there - tracked <= made
