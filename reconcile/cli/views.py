"""How an apply is shown: in words for people, or one JSON object a line for programs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Protocol

from reconcile.cli.output import Output
from reconcile.cli.progress import Progress, progress
from reconcile.diagnostics import UserError
from reconcile.plan.events import Event, Result
from reconcile.plan.model import Plan
from reconcile.report.events_json import (
    diagnostic_line,
    error_lines,
    event_json,
    planned_json,
    summary_json,
    version_json,
)
from reconcile.report.events_text import result_text
from reconcile.report.plan_text import plan_text


class View(Protocol):
    """What an apply shows, in the order of its steps."""

    def plan(self, plan: Plan) -> None:
        """Show what is to be done."""
        ...

    def progress(self) -> AbstractContextManager[Progress]:
        """Show events for as long as the block lasts."""
        ...

    def result(self, result: Result) -> None:
        """Show what became of the plan."""
        ...


class TextView:
    """For people: the plan and the result on stdout, what happens meanwhile on stderr."""

    def __init__(self, output: Output, *, everything: bool) -> None:
        self._output = output
        self._everything = everything

    def plan(self, plan: Plan) -> None:
        """Show what is to be done."""
        self._output.result(plan_text(plan, everything=self._everything))

    def progress(self) -> AbstractContextManager[Progress]:
        """Show events for as long as the block lasts."""
        return progress(self._output)

    def result(self, result: Result) -> None:
        """Show what became of the plan."""
        self._output.result(result_text(result))


class JsonView:
    """For programs: one object a line, the last of them, always, what it all came to."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._results: list[Result] = []
        self._not_begun: Plan | None = None
        output.json(version_json(_now()))

    def plan(self, plan: Plan) -> None:
        """Show what is to be done."""
        self._not_begun = plan
        for line in planned_json(plan, _now()):
            self._output.json(line)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Show events for as long as the block lasts."""
        yield self

    def tell(self, event: Event) -> None:
        """Show an event, and a diagnostic beside it if it is an error."""
        self._output.json(event_json(event, _now()))
        for line in error_lines(event, _now()):
            self._output.json(line)

    def say(self, words: str) -> None:
        """Show a sentence where no program reads it."""
        self._output.note(words)

    def result(self, result: Result) -> None:
        """Keep what became of the plan for the last line."""
        self._results.append(result)
        self._not_begun = None

    def error(self, error: UserError) -> None:
        """Show what stopped it all."""
        for diagnostic in error.diagnostics:
            self._output.json(diagnostic_line(diagnostic, _now()))

    def end(self) -> None:
        """Show the last line."""
        self._output.json(summary_json(self._results, self._not_begun, _now()))


def _now() -> datetime:
    return datetime.now(UTC)
