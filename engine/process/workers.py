"""Several processes that serve one port: a parent starts them, passes on what it is told, and replaces the dead. An edge.

The listening socket is one for all, so a connection in its queue is answered by whichever worker is free, also when
another one has just died. The parent serves nothing itself. Each worker hangs on a **line**, a pair of sockets: the
parent writes orders to it, and its end means that the parent is gone. A worker that does not end although it was told
to, such as one whose loop stands still, is killed.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from msgspec import Struct, field
from setproctitle import setproctitle

from engine.http.listener import admit_no_more
from engine.log.journal import Journal

DRAIN, AT_ONCE, RELOAD, READY = b"d", b"n", b"r", b"R"
"""What goes over a line: three orders, and the worker's word that it serves."""

READY_WITHIN_S = 30.0
SHORT_LIFE_S = 5.0
PAUSE_S = 1.0
"""A worker that lived shorter than that is replaced only after a pause."""

BEYOND_DRAIN_S = 28.0
"""What a worker may take beyond the time of its open requests: for their last words, and until `last_resort` ends it."""

INTERRUPTED = 130
FORCE = signal.SIGUSR1
"""Ends a router at once, all its processes: the parent kills its workers; a process without any dies of it by itself."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM, FORCE)


class DrainTime:
    """How long open requests may take to end, in memory that all processes share: a reload in a worker changes it.

    The parent could not ask for it at the end, when workers stand still.
    """

    def __init__(self, seconds: float) -> None:
        self._cell = mmap.mmap(-1, _SECONDS.size)
        self.tell(seconds)

    @property
    def seconds(self) -> float:
        """What was told last."""
        return float(_SECONDS.unpack_from(self._cell)[0])

    def tell(self, seconds: float) -> None:
        """Lets all the processes know."""
        _SECONDS.pack_into(self._cell, 0, seconds)


_SECONDS = struct.Struct("d")


class Seat(Struct, frozen=True):
    """A worker's place: its number from 0, how many there are, the folder of their sockets, its end of the line.

    What its configuration says of `drain` it tells there. `replaces`: another one sat here before.
    """

    index: int
    count: int
    folder: Path
    line: socket.socket
    drain: DrainTime
    replaces: bool = False


class _Worker(Struct):
    seat: int
    pid: int
    line: socket.socket
    started_at: float


class Crew(Struct):
    """The parent's view. `work` runs in each worker and gives its exit status; `leave` comes first: it closes what is the parent's."""

    count: int
    work: Callable[[Seat], int]
    journal: Journal
    folder: Path
    drain: DrainTime
    leave: Callable[[], None]
    workers: dict[int, _Worker] = field(default_factory=dict)
    stopping: bool = False
    status: int = 0


def supervise(
    count: int,
    work: Callable[[Seat], int],
    listener: socket.socket,
    journal: Journal,
    on_ready: Callable[[], None],
    drain: DrainTime,
    leave: Callable[[], None] = lambda: None,
) -> int:
    """Runs `count` workers until told to stop; gives the exit status. `on_ready` is called when all of them serve.

    SIGTERM, SIGINT and SIGQUIT stop them (a second one without waiting), SIGHUP makes all of them read their
    configuration, and `FORCE` kills them. `leave` is called in each worker: what the parent holds, such as a lock, must
    end with the parent. The status is 1 where all else was well but a worker had to be killed, or ended badly, when it
    should stop.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    with tempfile.TemporaryDirectory(prefix="ccr-workers-") as folder:
        crew = Crew(count, work, journal, Path(folder), drain, leave)
        for seat in range(count):
            _start(crew, seat, replaces=False)
        if _all_ready(crew):
            on_ready()
        else:
            _stop(crew, listener, 1)
        while crew.workers:
            match signal.sigwait(_SIGNALS):
                case signal.SIGCHLD:
                    _reap(crew)
                case signal.SIGHUP:
                    _order(crew, RELOAD)
                case signal.SIGALRM:
                    _kill(crew, "a worker that did not end was killed")
                case number if number == FORCE:
                    _stop(crew, listener, 1)
                    _kill(crew, "a worker was killed, since the router was forced to stop")
                case signal.SIGINT:
                    _stop(crew, listener, INTERRUPTED)
                case _:
                    _stop(crew, listener, 0)
        return crew.status


def _start(crew: Crew, seat: int, *, replaces: bool) -> None:
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        ours.close()
        for other in crew.workers.values():
            other.line.close()  # or the end of the parent would not be seen
        crew.leave()
        _be_worker(crew, Seat(seat, crew.count, crew.folder, theirs, crew.drain, replaces))
    theirs.close()
    crew.workers[pid] = _Worker(seat, pid, ours, time.monotonic())


def _be_worker(crew: Crew, seat: Seat) -> NoReturn:
    status = 70
    try:
        setproctitle(f"claude-code-router: worker {seat.index + 1} of {seat.count}")
        _thaw_with_parent()
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)  # a terminal sends it to all; the parent passes it on
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        status = crew.work(seat)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _thaw_with_parent() -> None:
    """A worker that a signal has stopped goes on when the parent dies, to see that and to leave the port. Linux only."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)


_PR_SET_PDEATHSIG = 1


def _all_ready(crew: Crew) -> bool:
    waiting = {worker.line: worker for worker in crew.workers.values()}
    end = time.monotonic() + READY_WITHIN_S
    while waiting:
        ready, _, _ = select.select(list(waiting), [], [], max(0.0, end - time.monotonic()))
        if not ready or any(line.recv(1) != READY for line in ready):
            return False
        for line in ready:
            del waiting[line]
    return True


def _stop(crew: Crew, listener: socket.socket, status: int) -> None:
    if crew.stopping:
        within_s, order = BEYOND_DRAIN_S, AT_ONCE
    else:
        within_s, order = crew.drain.seconds + BEYOND_DRAIN_S, DRAIN
        crew.stopping, crew.status = True, status
        admit_no_more(listener)
        listener.close()
    _order(crew, order)
    for pid in crew.workers:
        os.kill(pid, signal.SIGCONT)  # what was stopped by a signal can end in order, too
    signal.setitimer(signal.ITIMER_REAL, within_s)


def _kill(crew: Crew, why: str) -> None:
    """Ends the workers at once."""
    for pid, worker in crew.workers.items():
        os.kill(pid, signal.SIGKILL)
        crew.journal.write("error", why, stage="workers", worker=worker.seat + 1, pid=pid)


def _order(crew: Crew, order: bytes) -> None:
    for worker in crew.workers.values():
        try:
            worker.line.send(order)
        except OSError:  # it is about to be reaped
            continue


def _reap(crew: Crew) -> None:
    """Takes note of the workers that have ended, and replaces them unless all shall end."""
    for pid in list(crew.workers):
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended == 0:
            continue
        worker = crew.workers.pop(pid)
        worker.line.close()
        status = os.waitstatus_to_exitcode(code)
        if crew.stopping:
            crew.status = crew.status or (1 if status else 0)
            continue
        how = f"signal {-status}" if status < 0 else f"status {status}"
        crew.journal.write(
            "error",
            "a worker ended, another takes its place",
            stage="workers",
            worker=worker.seat + 1,
            pid=pid,
            how=how,
        )
        if time.monotonic() - worker.started_at < SHORT_LIFE_S:
            time.sleep(PAUSE_S)
        _start(crew, worker.seat, replaces=True)
