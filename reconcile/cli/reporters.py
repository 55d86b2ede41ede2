"""Shows an apply while it runs: live text on a terminal, lines in a log, or one JSON object per line."""

from collections.abc import Callable, Mapping, Sequence

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from reconcile.addresses import SeriesAddress
from reconcile.cli.output import Output
from reconcile.cli.system_clock import SystemClock
from reconcile.diagnostics import Diagnostic
from reconcile.outcomes import Applied, Event, Finished, Outcome, Planned, Rounds, Settled, Started, Waiting
from reconcile.plan.model import Create
from reconcile.report.apply import diagnostic_line, event_json, result_text, summary_json, version_json
from reconcile.report.apply.sentences import Tally, event_text
from reconcile.report.document import Formats
from reconcile.report.escape import visible
from reconcile.report.plan import PLAN_FORMATS
from reconcile.report.plan.text import planned_text

_CLOCK = SystemClock()

TALLY_SECONDS = 60.0
"""How often a log shows progress, at most."""

MOST_LINES = 20
"""How many backups in progress have their own line on a terminal."""


class _Log:
    """Prints a line for each event, and progress about once a minute: a line for each wait would hide the rest."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._tally = Tally()
        self._tally_at = _CLOCK.monotonic() + TALLY_SECONDS

    def show(self, event: Event) -> None:
        self._tally.count(event)
        match event:
            case Planned(plan=plan):
                self._output.show(planned_text(event, verbose=self._output.verbose))
                self._output.diagnostics(plan.errors)
            case Applied():
                self._output.show(result_text(event, verbose=self._output.verbose))
            case Finished(outcome=Outcome.WITHHELD | Outcome.IN_PROGRESS):
                pass  # the plan has said so, and why; or the report at the end will
            case Waiting(elapsed=elapsed):
                self._show_wait(event, is_first=not elapsed)
            case Diagnostic():
                self._output.diagnostics([event])
            case _:
                self._output.note(event_text(event))

    def fail(self, diagnostics: Sequence[Diagnostic]) -> None:
        self._output.diagnostics(diagnostics)

    def close(self) -> None:
        """Do nothing: everything has been shown."""

    def _show_wait(self, event: Waiting, *, is_first: bool) -> None:
        if is_first:  # a backup that was found in progress
            self._output.note(event_text(event))
        elif _CLOCK.monotonic() >= self._tally_at:
            self._tally_at = _CLOCK.monotonic() + TALLY_SECONDS
            self._output.note(str(self._tally))


class _Terminal(_Log):
    """A moving line for each create that is in progress, and one for the total; finished ones move up and stay."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        # A long name must not cut off the seconds.
        text = TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True))
        self._bars = Progress(
            SpinnerColumn(), text, TimeElapsedColumn(), console=output.err.console, transient=True, expand=True
        )
        self._whole = self._bars.add_task("", total=None)
        self._tasks: dict[SeriesAddress, TaskID] = {}

    def show(self, event: Event) -> None:
        # If rich refreshed the moving lines while a line is printed, it would erase lines that must stay.
        with self._bars.live._lock:  # noqa: SLF001 - the lock of that thread, and rich has no other
            self._show(event)

    def _show(self, event: Event) -> None:
        match event:
            case Planned() | Applied():
                self.close()
                super().show(event)
            case Started(action=Create(address=address)):
                self._tally.count(event)
                self._move(address, f"{address}: sending")
            case Started():
                self._tally.count(event)
            case Settled(address=address) | Finished(action=Create(address=address)):
                if (task := self._tasks.pop(address, None)) is not None:
                    self._bars.remove_task(task)
                super().show(event)
            case _:
                super().show(event)
        self._bars.update(self._whole, description=str(self._tally))

    def fail(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.close()
        super().fail(diagnostics)

    def close(self) -> None:
        self._bars.stop()

    def _show_wait(self, event: Waiting, *, is_first: bool) -> None:  # noqa: ARG002 - on a terminal all of them move
        self._move(event.address, event_text(event).plain)

    def _move(self, address: SeriesAddress, text: str) -> None:
        text = visible(text)
        self._bars.start()
        if address in self._tasks:
            self._bars.update(self._tasks[address], description=text)
        elif len(self._tasks) < MOST_LINES:
            self._tasks[address] = self._bars.add_task(text, total=None)


class _JsonLines:
    """One object per line; the last one is always the summary."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rounds = Rounds()
        self._print(version_json())

    def show(self, event: Event) -> None:
        self._rounds.add(event)
        self._print(*event_json(event))

    def fail(self, diagnostics: Sequence[Diagnostic]) -> None:
        self._print(*map(diagnostic_line, diagnostics))

    def close(self) -> None:
        self._print(summary_json(self._rounds))

    def _print(self, *lines: Mapping[str, object]) -> None:
        for line in lines:
            self._output.show({**line, "@timestamp": _CLOCK.now()})


Reporter = _Log | _JsonLines


def _for_people(output: Output) -> Reporter:
    return _Terminal(output) if output.err.is_terminal and not output.quiet else _Log(output)


REPORTERS: Formats[Callable[[Output], Reporter]] = Formats(
    _for_people, more=PLAN_FORMATS.more, json=(_JsonLines, "Print one JSON object per line, as Terraform does.")
)
