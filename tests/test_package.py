"""The wheel: what it holds, and that an installed one never takes modules from the folder it is run in."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.fakes.router import free_port

HOSTILE = "raise SystemExit('a module of the working directory was imported')\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Path:
    """The project's wheel, built from this tree without asking an index."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel"]
    subprocess.run(
        [*pip, "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(project_root)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh environment with the wheel in it; its dependencies are those of the tests' own."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(place, with_pip=False)
    (packages,) = place.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    ours = Path(pytest.__file__).parent.parent
    # A path file would also bring the editable install: a folder after ours on the path brings the dependencies only.
    (packages / "dependencies.pth").write_text(f"{ours}\n")
    return place / "bin"


def test_the_wheel_holds_the_four_packages_and_their_data(wheel: Path) -> None:
    """No tests, examples or documents; every schema and starting file that the commands read."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = next(archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))

    packages = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    data = {name for name in names if name.split("/")[0] in packages and not name.endswith(".py")}
    assert packages == {"engine", "providers", "rules", "schemas"}
    assert {
        "engine/data/demo.yaml",
        "engine/data/starter.yaml",
        "engine/data/ui/index.html",
        "engine/data/ui/main.js",
        "rules/categories.yaml",
        "schemas/ccr.schema.json",
        "schemas/pages/CCR302.md",
    } <= data
    assert {Path(name).parent.as_posix() for name in data if name.endswith(".md")} == {"schemas/pages"}
    assert {Path(name).suffix for name in data} <= {".json", ".md", ".yaml", ".html", ".css", ".js", ".svg"}
    assert "ccr = engine.cli:main" in entry_points
    assert "claude-code-router = engine.cli:main" in entry_points


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder whose modules have the names of ours and of what we use."""
    for package in ("engine", "rules", "providers", "schemas"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(HOSTILE)
    for module in ("click", "json", "asyncio", "litestar", "uvicorn", "msgspec"):
        (tmp_path / f"{module}.py").write_text(HOSTILE)
    return tmp_path


@pytest.mark.functional
def test_a_hostile_folder_cannot_stand_in_for_our_modules(installed: Path, hostile: Path) -> None:
    """A cloned repository may hold `engine/` or `click.py`: neither the program nor its background process loads them."""
    home = hostile / "home"
    home.mkdir()
    port = str(free_port())
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(installed / "python"), "-P", "-m", "engine.cli", *words]
        return subprocess.run(command, cwd=hostile, env=environment, capture_output=True, text=True, check=False)

    started = run("start", "--demo", "--detach", "--port", port)
    healthy = run("health", "--port", port)
    stopped = run("stop", "--port", port)

    assert (started.returncode, healthy.returncode, stopped.returncode) == (0, 0, 0), started.stderr + healthy.stderr
    assert f"export ANTHROPIC_BASE_URL=http://127.0.0.1:{port}" in started.stdout


@pytest.mark.parametrize("page", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_are_hashed_and_name_no_host(project_root: Path, page: str) -> None:
    """Every line pins one version with hashes, and nothing says where to get it from."""
    text = (project_root / page).read_text()
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]

    assert all("==" in line and line.endswith("\\") for line in entries)
    assert "://" not in text
    assert "--index" not in text
    assert any(line.startswith("hatchling==") for line in entries)


def test_the_development_lock_has_the_same_versions(project_root: Path) -> None:
    """What is tested is what is run."""

    def pins(page: str) -> set[str]:
        lines = (project_root / page).read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
