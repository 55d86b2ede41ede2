"""What an apply shows on a terminal while it runs."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from threading import Event, Thread

import pytest
from support.build import backup, config, inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.cli.output import Output
from reconcile.cli.reporters import _Terminal
from reconcile.outcomes import Finished, Outcome, Started

SERVERS = tuple(Server(id=number, name=f"server-{number}") for number in range(8))
CREATES = make_plan(
    config('[fleets.all]\nmatch = "*"\nbackups = [{ description = "nightly" }]\n'), inventory(servers=SERVERS)
).creates


class Screen(io.StringIO):
    """A terminal that is so high that nothing moves out of it; it knows the control codes that rich writes."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """Return what is on the screen."""
        rows, row = [""], 0
        for text, code, end in re.findall(r"([^\x1b\r\n]+)|\x1b\[([\d;?]*[A-Za-z])|(\n)", self.getvalue()):
            if text:
                rows[row] += text
            elif end:
                row += 1
                rows += [""] * (row == len(rows))
                rows[row] = ""
            elif code == "1A":
                row -= 1
            elif code == "2K":
                rows[row] = ""
        return [each for each in rows if each]


@contextmanager
def refreshing(reporter: _Terminal) -> Iterator[None]:
    """Refresh the moving lines as rich's thread does, but all the time."""
    done = Event()
    switches = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # or the threads would hardly ever meet

    def refresh() -> None:
        while not done.is_set():
            reporter._bars.refresh()  # noqa: SLF001 - what the thread calls

    thread = Thread(target=refresh)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(switches)


def test_no_line_is_lost_while_the_others_move(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setenv("TERM", "xterm")
    with redirect_stderr(screen):
        reporter = _Terminal(Output())
    expected = []

    for round_ in range(10):
        for create in CREATES:
            reporter.show(Started(action=create))
        with refreshing(reporter):
            for number, create in enumerate(CREATES):
                made = backup(f"{round_}{number}", server=SERVERS[number])
                reporter.show(Finished(action=create, outcome=Outcome.SUCCEEDED, explanation="done", backup=made))
                expected.append(f"server-{number}/nightly: done after 0s (#{made.id}, 1.0 GiB)")
    reporter.close()

    assert screen.lines() == expected
