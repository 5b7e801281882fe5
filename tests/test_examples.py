"""Every folder under `examples/` is tried as its README says, and each file in it is used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.docs.sessions import TOOLS, Reader, differences, steps_of
from tests.fakes.router import free_port

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FOLDERS = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))


@pytest.mark.functional
@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {' and '.join(TOOLS)}")
@pytest.mark.parametrize("name", FOLDERS)
def test_the_commands_of_an_example_print_what_its_readme_says(name: str, tmp_path: Path) -> None:
    """A reader who follows the page in that folder sees what it promises."""
    if "$ openssl " in (EXAMPLES / name / "README.md").read_text() and shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    different = differences(EXAMPLES / name / "README.md", Reader(tmp_path, free_port(), EXAMPLES / name))

    assert different == [], "\n".join(different)


@pytest.mark.parametrize("name", FOLDERS)
def test_an_example_shows_its_check_and_uses_every_request(name: str) -> None:
    """Each page checks its configuration, and no request lies unused."""
    commands = "\n".join(step.command for step in steps_of((EXAMPLES / name / "README.md").read_text()))

    assert "ccr test-config" in commands
    assert [path.name for path in EXAMPLES.glob(f"{name}/requests/*") if f"requests/{path.name}" not in commands] == []


def test_every_yaml_example_names_the_schema_for_editors() -> None:
    """The first line lets an editor check the file against the schema of this project."""
    for path in [*EXAMPLES.glob("*/ccr.yaml")]:
        first = path.read_text().splitlines()[0]
        assert first == "# yaml-language-server: $schema=../../schemas/ccr.schema.json"
        assert (path.parent / first.split("=")[1]).exists()


def test_the_original_example_is_plain_json() -> None:
    """The configuration of the original router is shown unchanged: any JSON reader takes it."""
    config = json.loads((EXAMPLES / "original-readme" / "config.json").read_text())

    assert list(config) == ["server", "routing", "debug"]


def test_the_container_and_the_service_are_not_root() -> None:
    """Neither gives the router more than it needs, and the published port is on loopback."""
    folder = EXAMPLES / "container"
    dockerfile, compose, unit = ((folder / name).read_text() for name in ("Dockerfile", "compose.yaml", "ccr.service"))

    assert "\nUSER ccr\n" in dockerfile
    assert '"127.0.0.1:3456:3456"' in compose
    assert "DynamicUser=yes" in unit
    assert "0.0.0.0" not in unit
