"""`engine.cli.pid_file`: one router a port, and no signal to a stranger."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.cli.pid_file import PortClaimedError, Running, all_running, claim, pid_path, running


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_claim_is_seen_with_its_arguments_and_gone_afterwards() -> None:
    """Others see who serves the port and how it was started, until it ends."""
    with claim(4001, ["--config", "/a b.yaml"], "10.0.0.5"):
        assert running(4001) == Running(4001, os.getpid(), ("--config", "/a b.yaml"), "10.0.0.5")
        assert [router.port for router in all_running()] == [4001]

    assert running(4001) is None
    assert not pid_path(4001).exists()


def test_a_second_claim_of_a_port_is_refused() -> None:
    """Two routers never hold one pid file, and the first one's stays whole."""
    with claim(4001, []):
        with pytest.raises(PortClaimedError), claim(4001, []):
            pass

        assert running(4001) == Running(4001, os.getpid())


def test_a_file_that_nobody_holds_is_no_router() -> None:
    """A process id left behind by a killed router is not believed, whoever has that id now."""
    pid_path(4001).parent.mkdir(parents=True)
    pid_path(4001).write_text(f"{os.getppid()}\n[]\n")

    assert running(4001) is None
    assert all_running() == []


def test_a_left_over_file_is_taken_over() -> None:
    """A router can start where an earlier one was killed."""
    pid_path(4001).parent.mkdir(parents=True)
    pid_path(4001).write_text("999999999\nnot json at all, and longer than what replaces it\n")

    with claim(4001, []):
        assert pid_path(4001).read_text() == f"{os.getpid()}\n[]\n127.0.0.1\n\n"


def test_the_file_is_for_its_owner_alone() -> None:
    """Nobody else on the machine can plant or read it."""
    with claim(4001, []):
        assert pid_path(4001).stat().st_mode & 0o777 == 0o600
        assert pid_path(4001).parent.stat().st_mode & 0o777 == 0o700
