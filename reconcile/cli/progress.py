"""Telling how an apply goes on: a moving line for each server on a terminal, plain lines in CI."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from reconcile.cli.output import Output
from reconcile.plan.events import Event, Finished, Started
from reconcile.plan.events import Progress as Waiting
from reconcile.plan.model import Create
from reconcile.plan.wording import duration
from reconcile.report.escape import visible
from reconcile.report.events_text import address_text, event_text

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
            address = str(event.action.address)
            if event.elapsed - self._said.get(address, 0.0) < QUIET_SECONDS:
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
            case Started(action=Create() as create):
                address = str(create.address)
                self._tasks[address] = self._bars.add_task(f"{address_text(create)}: sending", total=None)
            case Waiting(action=create, backup=backup, elapsed=elapsed):
                words = f"{address_text(create)}: #{visible(str(backup.id))} {visible(backup.status)}"
                words += f", seen after {duration(elapsed)}"
                self._bars.update(self._tasks[str(create.address)], description=words)
            case Started():
                pass
            case Finished(action=action) if (task := self._tasks.pop(str(action.address), None)) is not None:
                self._bars.remove_task(task)
                self._print(event)
            case _:
                self._print(event)

    def say(self, words: str) -> None:
        self._bars.console.print(words)

    def _print(self, event: Event) -> None:
        for line in event_text(event):
            self._bars.console.print(line)
