"""The Makefile: what goes wrong is one line with the way out, and a second run installs nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

TOO_OLD = "#!/bin/sh\nexit 1\n"
WITHOUT_VENV = '#!/bin/sh\ncase "$*" in *ensurepip*) echo "Traceback: No module named ensurepip" >&2; exit 1;; esac\n'


def make(project_root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # These tests may themselves be run by make, whose variables would reach down here.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *words], cwd=project_root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            TOO_OLD,
            "ccr needs Python 3.11 or newer, and `{python}` is not; name one with `make PYTHON=/path/to/python3.11`",
        ),
        (WITHOUT_VENV, "`{python}` has no venv module; on Debian and Ubuntu: `apt install python3-venv`"),
    ],
    ids=["too old", "without venv"],
)
def test_an_unfit_python_is_one_line_with_the_way_out(
    project_root: Path, tmp_path: Path, script: str, said: str
) -> None:
    """Before anything is made, the user reads what is missing; make adds only its own last word."""
    python = tmp_path / "python3"
    python.write_text(script)
    python.chmod(0o755)

    done = make(project_root, "run", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")

    assert done.returncode == 2
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if not line.startswith("make: ***")] == [
        said.format(python=python)
    ]
    assert not (tmp_path / "venv").exists()


def test_a_second_run_installs_nothing(project_root: Path, tmp_path: Path) -> None:
    """Once the environment stands, neither `run` nor `test` calls the installer."""
    place = tmp_path / "venv"
    (place / "bin").mkdir(parents=True)
    for name in ("bin/python", ".stamp-dev", ".stamp-run"):
        (place / name).touch()

    done = make(project_root, "-n", "run", "test", f"VENV={place}")

    assert done.returncode == 0, done.stderr
    assert "bin/ccr start --demo" in done.stdout
    assert "pip" not in done.stdout


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], "start --demo"),
        (["PORT=4001"], 'start --demo --port "4001"'),
        (["CONFIG=my file.yaml"], 'start --config "my file.yaml"'),
    ],
)
def test_run_takes_a_port_and_a_configuration(
    project_root: Path, tmp_path: Path, words: list[str], command: str
) -> None:
    """`PORT=` and `CONFIG=` are the ways to change what `make run` starts."""
    done = make(project_root, "-n", "run", f"VENV={tmp_path}", *words)

    assert f"/bin/ccr {command}" in done.stdout.replace("  ", " ")


def test_every_target_is_in_the_help(project_root: Path) -> None:
    """`make` alone lists what can be made."""
    targets = [
        "run",
        "test",
        "test-integration",
        "test-functional",
        "lint",
        "bench",
        "e2e",
        "faults",
        "fuzz",
        "lock",
        "clean",
        "help",
    ]

    listed = [line.split()[1] for line in make(project_root).stdout.splitlines()]

    assert set(targets) <= set(listed)
