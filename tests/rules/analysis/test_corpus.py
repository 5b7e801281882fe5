"""Good configurations are silent and proved; configurations with one mistake are not. `tests/corpus/generate.py` wrote both."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import settings

from engine.analysis.stage import Proved, proved
from engine.build import build
from schemas.diagnostics import Diagnostic
from tests.corpus.generate import changes_something, sample_of

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "tests" / "corpus"
GOOD = sorted((CORPUS / "good").glob("*.json"))
EXAMPLES = sorted(chain(ROOT.glob("examples/*/ccr.yaml"), ROOT.glob("examples/*/config.json")))
MISTAKES = sorted((CORPUS / "mistakes").glob("*.json"))
EVERY = 1 if settings.get_current_profile_name() == "thorough" else 7


def checked(path: Path) -> tuple[list[Diagnostic], Proved]:
    """What `test-config` would find."""

    def read(name: str) -> bytes:
        return (path.parent / name).read_bytes()

    found = build(path.read_bytes(), path.name, read_file=read, env={}, secrets="keep", allow_missing_env=True)
    assert found.built is not None
    outcome = proved(found, read)
    return [*found.diagnostics, *outcome.findings], outcome


def test_the_corpus_is_large_enough() -> None:
    """At least 50 good ones and 200 mistakes, of which every run takes a slice and `make fuzz` all."""
    assert len(GOOD) + len(EXAMPLES) >= 50
    assert len(MISTAKES) >= 200


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_configuration_is_silent(path: Path) -> None:
    """No finding of any weight; its tests pass, its invariants are proved, nothing is left open."""
    found, outcome = checked(path)
    assert [(one.code, one.message) for one in found] == []
    assert {one.status for one in outcome.tests} <= {"passed"}
    assert {one.status for one in outcome.invariants} <= {"proved"}
    assert (outcome.unproven, outcome.unreplayed) == (0, 0)


LEFT: dict[str, set[str]] = {
    "original-readme": {"CCR402", "CCR404", "CCR406", "CCR802", "CCR805"},
    "compatible-servers": {"CCR404"},  # a list to copy from: nothing leads to most of it
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_is_silent(path: Path) -> None:
    """But for what a comment in it explains; what the original's README leaves to its reader is no matter of its rules."""
    found, _ = checked(path)
    text = path.read_text().splitlines()
    unexplained = [one.code for one in found if f"ccr: ignore {one.code}" not in text[one.span.line - 1]]
    assert set(unexplained) - LEFT.get(path.parent.name, set()) == set()


def test_mistakes_are_found() -> None:
    """At least 95 of 100, by a proof about the rules or by a test or invariant of the file."""
    taken = MISTAKES[::EVERY]
    missed = [path.stem for path in taken if not _is_found(path)]
    assert len(missed) * 20 <= len(taken), missed


def test_every_mistake_changes_a_decision() -> None:
    """None is harmless: some request goes elsewhere than under the good configuration that the mistake was made in."""
    originals = {path.stem: json.loads(path.read_text()) for path in GOOD if path.stem.startswith("team-")}
    samples = {name: sample_of(config, 300) for name, config in originals.items()}
    harmless = []
    for path in MISTAKES[::EVERY]:
        name = next(one for one in originals if path.stem.startswith(f"{one}-"))
        if not changes_something(originals[name], json.loads(path.read_text()), samples[name]):
            harmless.append(path.stem)
    assert harmless == []


def _is_found(path: Path) -> bool:
    found, outcome = checked(path)
    return bool(found) or any(one.status == "failed" for one in outcome.tests)
