"""What every test may ask for: goldens, a free port, the project's folder; and how much hypothesis tries.

Every run tries the same examples, so that a change that fails is to blame itself; `HYPOTHESIS_PROFILE=thorough` (`make
fuzz`) tries many more, each time others; `--update-goldens` rewrites `tests/golden/` from what was produced.
"""

from __future__ import annotations

import difflib
import json
import os
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path(__file__).resolve().parent / "golden"

_ELSEWHERE = {
    "e2e_client": "installs and runs the real client: `make e2e`",
    "faults": "the fault laboratory: `make faults`",
}
"""Marks whose tests run only when `-m` names them, and what to run instead."""

settings.register_profile(
    "default", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("thorough", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="rewrite the golden files from what was produced")


def pytest_configure(config: pytest.Config) -> None:
    for mark, where in _ELSEWHERE.items():
        config.addinivalue_line("markers", f"{mark}: {where}")
    # What a shell starts in the background ignores interrupts, and so does all that it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what puts several packages together; skips, with the reason, what only its own make target runs."""
    for item in items:
        if ROOT / "tests" / "engine" in item.path.parents and not item.get_closest_marker("functional"):
            item.add_marker(pytest.mark.integration)
    asked: str = config.getoption("markexpr") or ""
    for mark, where in _ELSEWHERE.items():
        if mark in asked:
            continue
        skip = pytest.mark.skip(reason=where)
        for item in items:
            if mark in item.keywords:
                item.add_marker(skip)


@dataclass(slots=True)
class Golden:
    """Compares what was produced with a file under `tests/golden/`."""

    update: bool
    written: list[Path] = field(default_factory=list)

    def __call__(self, name: str, produced: str | bytes) -> None:
        """Asserts that `produced` is what `tests/golden/<name>` holds."""
        path = GOLDEN / name
        data = produced.encode() if isinstance(produced, str) else produced
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
                self.written.append(path)
            return
        assert path.exists(), f"no golden file `{name}`; make it with --update-goldens"
        wanted = path.read_bytes()
        if wanted != data:
            diff = difflib.unified_diff(
                wanted.decode(errors="replace").splitlines(),
                data.decode(errors="replace").splitlines(),
                f"golden/{name}",
                "produced",
                lineterm="",
            )
            pytest.fail("\n".join([f"`{name}` differs (update with --update-goldens)", *diff]), pytrace=False)

    def json(self, name: str, produced: Any) -> None:
        """The same for a value, as indented JSON in the order produced."""
        self(name, json.dumps(produced, indent=2, ensure_ascii=False) + "\n")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares text, bytes or a value with a golden file: `golden("folder/name.txt", text)`, `golden.json(...)`."""
    return Golden(bool(request.config.getoption("--update-goldens")))


@pytest.fixture
def free_port() -> int:
    """A port on loopback that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds `pyproject.toml`."""
    return ROOT
