"""`ccr top`. An edge: it holds the terminal."""

from __future__ import annotations

import os
import queue
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from engine.cli import options
from engine.cli.following import Event, Follower, Heard, Lost, events
from engine.live.top_frame import frame
from engine.live.top_view import MOST_ROWS, View

DRAW_EVERY_S = 0.5
ONCE_LINES = 40
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, LINE_END, PAGE_END = "\x1b[H", "\x1b[K\r\n", "\x1b[J"


@click.command("top")
@options.router_port
@options.router_host
@click.option("--once", is_flag=True, help="Print one frame and end, as into a pipe.")
def command(port: int | None, host: str | None, once: bool) -> int:
    """Watch a running router.

    Its exchanges as they end, rates and latencies by target, its routes and the health of its instances. `q` ends it.
    Exit status 1 when none runs.
    """
    asked, chosen = options.router_place(host, port)
    if once or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _once(asked, chosen)
    return _watch(asked, chosen)


def _once(host: str, port: int) -> int:
    view, states = View(), 0
    for heard in events(host, port):
        if isinstance(heard, Lost):
            click.echo(f"ccr: {heard.why}", err=True)
            return 1
        _take(view, heard)
        states += heard.name == "state"
        if states and (states > 1 or len(view.rows) >= min(sum(_counts(view)), MOST_ROWS)):
            break
    width = shutil.get_terminal_size((120, ONCE_LINES)).columns
    for line in frame(view, width, ONCE_LINES, _clock_of, colour=_coloured()):
        click.echo(line)
    return 0


def _counts(view: View) -> Iterator[int]:
    for branch in view.state.get("branches", ()):
        yield branch["exchanges"]


def _watch(host: str, port: int) -> int:
    view, link = View(), "connecting"
    follower = Follower(host, port)
    with _terminal() as file:
        follower.start()
        try:
            while True:
                for heard in _waiting(follower):
                    if isinstance(heard, Lost):
                        link = heard.why
                        if heard.final or not view.state:
                            break
                    else:
                        link = _take(view, heard) or ""
                else:
                    _draw(view, link)
                    if _quit_within(file, DRAW_EVERY_S):
                        return 0
                    continue
                break
        except KeyboardInterrupt:
            return 0
    click.echo(f"ccr: {link}", err=True)
    return 1


def _waiting(follower: Follower) -> Iterator[Heard]:
    while True:
        try:
            yield follower.heard.get_nowait()
        except queue.Empty:
            return


def _take(view: View, event: Event) -> str | None:
    """Takes in an event; gives what the router says of the connection."""
    if event.name == "begin":
        view.begin()
        return None
    if event.name == "note":
        return str(event.value.get("message"))
    view.take(event.name, event.value)
    return None


def _draw(view: View, link: str) -> None:
    width, height = shutil.get_terminal_size()
    lines = frame(view, width, height - 1, _clock_of, link, _coloured())
    sys.stdout.write(HOME + "".join(line + LINE_END for line in lines) + "q ends" + PAGE_END)
    sys.stdout.flush()


def _coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _clock_of(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


@contextmanager
def _terminal() -> Iterator[int]:
    """The terminal on a page of its own, with keys as they are pressed; as it was at the end, however that comes."""
    import termios
    import tty

    file = sys.stdin.fileno()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    before = termios.tcgetattr(file)

    def enter() -> None:
        tty.setcbreak(file)
        os.write(sys.stdout.fileno(), ENTER.encode())  # past the buffer: a signal may come while that is written

    def leave() -> None:
        termios.tcsetattr(file, termios.TCSADRAIN, before)
        os.write(sys.stdout.fileno(), LEAVE.encode())

    def stop(*_: object) -> None:
        leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # the shell has the terminal until `fg`
        signal.signal(signal.SIGTSTP, stop)
        enter()

    signal.signal(signal.SIGTSTP, stop)
    try:
        enter()
        yield file
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        leave()


def _quit_within(file: int, seconds: float) -> bool:
    """Whether `q` was pressed; waits for a key at most so long."""
    ready, _, _ = select.select([file], [], [], seconds)
    if not ready:
        return False
    pressed = os.read(file, 64)
    return not pressed or b"q" in pressed.lower()
