"""Where things go: results to stdout, everything else to stderr; colours only where somebody can see them."""

import functools
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from rich.console import Console, RenderableType

from reconcile.diagnostics import UserError
from reconcile.report.diagnostic_text import diagnostic_text
from reconcile.report.escape import visible
from reconcile.report.github import annotation

Command = TypeVar("Command", bound=Callable[..., Any])

_PIPED_WIDTH = 1000
"""Columns. A pipe has no width, and text that is folded for none is harder to search."""


class Output:
    """The two streams of one run. Nothing that is printed is read as markup, and NO_COLOR is honoured by rich."""

    def __init__(self, *, no_color: bool = False) -> None:
        self._no_color = no_color or None
        self.out = self._console(stderr=False)
        self.err = self._console(stderr=True)

    def _console(self, *, stderr: bool) -> Console:
        stream = sys.stderr if stderr else sys.stdout
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that can't show … must not end a run
        return Console(
            stderr=stderr,
            no_color=self._no_color,
            highlight=False,
            markup=False,
            emoji=False,
            width=None if stream.isatty() else _PIPED_WIDTH,
        )

    def result(self, lines: Iterable[RenderableType]) -> None:
        """Print a result for people; in a pipe, without the blanks that fill up a table."""
        for line in map(_harmless, lines):
            if self.out.is_terminal:
                self.out.print(line)
                continue
            with self.out.capture() as captured:
                self.out.print(line)
            self.raw("".join(f"{row.rstrip()}\n" for row in captured.get().splitlines()))
        self.out.file.flush()  # a log that holds both streams shall have them in order

    def json(self, value: object) -> None:
        """Print a result for programs, on one line, in ASCII: no terminal and no encoding can take it amiss."""
        self.out.file.write(json.dumps(value) + "\n")
        self.out.file.flush()

    def raw(self, text: str) -> None:
        """Print text as it is."""
        self.out.file.write(text)

    def note(self, *lines: RenderableType) -> None:
        """Tell of something that is not the result."""
        for line in map(_harmless, lines):
            self.err.print(line)

    def error(self, error: UserError) -> None:
        """Tell what is wrong, where, and what to do."""
        for diagnostic in error.diagnostics:
            self.note(*diagnostic_text(diagnostic))
            if os.environ.get("GITHUB_ACTIONS") == "true" and (command := annotation(diagnostic)):
                self.err.file.write(f"{command}\n")
        if len(error.diagnostics) > 1:
            self.note(f"{len(error.diagnostics)} errors")

    def log_requests(self) -> None:
        """Show every request on stderr (`-v`); headers, and with them the token, are never logged."""
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        logger = logging.getLogger("reconcile")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)


def _harmless(line: RenderableType) -> RenderableType:
    """Escape a plain sentence, which may have a name of the service's in it; what `report/` makes is so already."""
    return visible(line, 2000) if isinstance(line, str) else line


def output_options(command: Command) -> Command:
    """Add `--no-color` and `-v`; the command gets `output` and `verbose`."""

    @click.option("--no-color", is_flag=True, help="No colours; so does NO_COLOR, and so does a pipe.")
    @click.option("-v", "--verbose", is_flag=True, help="Show what stays as well, and every request on stderr.")
    @functools.wraps(command)
    def wrapped(*args: Any, no_color: bool, verbose: bool, **options: Any) -> Any:  # noqa: ANN401 - whatever it takes
        output = Output(no_color=no_color)
        if verbose:
            output.log_requests()
        return command(*args, output=output, verbose=verbose, **options)

    return wrapped  # type: ignore[return-value] # click's decorators keep the name and the callability
