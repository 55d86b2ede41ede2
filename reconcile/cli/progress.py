"""Telling how an apply goes on: a moving line for each server on a terminal, plain lines in CI."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from reconcile.addresses import SeriesAddress
from reconcile.cli.output import Output
from reconcile.plan.events import Event, Finished, Settled, Started
from reconcile.plan.events import Progress as Waiting
from reconcile.plan.model import Create
from reconcile.report.escape import visible
from reconcile.report.events_text import event_text

QUIET_SECONDS = 30.0
"""In a log, a create that is waited for says so at most so often."""


class Progress(Protocol):
    """Where events go while an apply goes on."""

    def tell(self, event: Event) -> None:
        """Show an event."""
        ...

    def say(self, words: str) -> None:
        """Show a sentence."""
        ...


@contextmanager
def progress(output: Output) -> Iterator[Progress]:
    """Show events on stderr, as fits what it is."""
    if not output.err.is_terminal:
        yield _Lines(output)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Bars(*columns, console=output.err, transient=True) as bars:
        yield _Moving(bars)


class _Lines:
    """A line an event, for logs."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._said: dict[str, float] = {}

    def tell(self, event: Event) -> None:
        if isinstance(event, Waiting):
            address = f"{event.address}#{event.backup.id}"
            if event.elapsed and event.elapsed - self._said.get(address, 0.0) < QUIET_SECONDS:
                return
            self._said[address] = event.elapsed
        self._output.note(*event_text(event))

    def say(self, words: str) -> None:
        self._output.note(words)


class _Moving:
    """A line for each create that is under way; what has ended moves up and stays."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def tell(self, event: Event) -> None:
        match event:
            case Started(action=Create(address=address)):
                self._show(address, f"{visible(str(address))}: sending")
            case Started():
                pass
            case Waiting(address=address):
                (line,) = event_text(event)
                self._show(address, line.plain)
            case Settled(address=address) | Finished(action=Create(address=address)):
                if (task := self._tasks.pop(str(address), None)) is not None:
                    self._bars.remove_task(task)
                self._print(event)
            case _:
                self._print(event)

    def say(self, words: str) -> None:
        self._bars.console.print(words)

    def _show(self, address: SeriesAddress, words: str) -> None:
        key = str(address)
        if key in self._tasks:
            self._bars.update(self._tasks[key], description=words)
        else:
            self._tasks[key] = self._bars.add_task(words, total=None)

    def _print(self, event: Event) -> None:
        for line in event_text(event):
            self._bars.console.print(line)
