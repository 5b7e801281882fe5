"""The README's way to look for trouble in the log: its `grep` lines, run as written over the log of a real router."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.asking import body, post
from tests.fakes.router import ROOT, Router, configuration
from tests.fakes.upstream import Call, Say, Upstream, failing

pytestmark = pytest.mark.e2e

RECIPES = re.findall(r"^grep .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def found(home: Path, recipe: str) -> list[dict[str, object]]:
    """The lines that a shell finds with it, from the log's text on."""
    ran = subprocess.run(
        ["/bin/sh", "-c", recipe], env={"HOME": str(home)}, capture_output=True, text=True, check=False
    )
    return [json.loads(line[line.index("{") :]) for line in ran.stdout.splitlines()]


def test_each_recipe_finds_its_trouble_and_nothing_else() -> None:
    """Calls of tools, repairs with their names, and refused keys; an ordinary exchange is in none of them."""
    with Upstream() as upstream, Router(configuration(upstream.url)) as router:
        upstream.then(failing(401), Say(calls=(Call("Bash", '"{\\"command\\": \\"ls\\"}"'),)))
        statuses = [post(router.url, body()).status for _ in range(3)]
        router.signal(signal.SIGTERM)
        router.wait()
        rows = {recipe.split('"')[1]: found(router.home, recipe) for recipe in RECIPES}

    assert statuses == [401, 200, 200]
    assert [row["stopReason"] for row in rows["tool_use"]] == ["tool_use"]
    assert [row["fixes"] for row in rows["Applied response fixes"]] == [["parsed_string_input_to_object"]]
    assert [row["upstreamStatus"] for row in rows["Authentication"]] == [401]
