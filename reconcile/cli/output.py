"""Writes results to stdout and everything else to stderr, with colours only on a terminal."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from reconcile.cli.process import discard
from reconcile.diagnostics import Diagnostic
from reconcile.report.diagnostics import annotation
from reconcile.report.document import Block, Document, Lines
from reconcile.report.escape import without_commands, without_commands_in_strings
from reconcile.report.terminal import Screen, draw, printed
from reconcile.wording import count_text

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH = 1000
"""Columns. A pipe has no width, and folded text is harder to search."""

_FOR_RICH = {"FORCE_COLOR", "TTY_COMPATIBLE"}
"""Variables by which rich treats a pipe as a terminal."""


class Output:
    """The two streams of one run. Nothing that is printed is read as markup, and rich honours NO_COLOR.

    `verbose` shows more of a result, and `debug` shows every request on stderr. `quiet` shows only errors and the
    essential lines of a result for people. With `is_taken`, a file is written to stdout, and no result is printed
    there. Texts passed to `keep_secret` are never shown.
    """

    def __init__(
        self,
        *,
        no_color: bool = False,
        verbose: bool = False,
        quiet: bool = False,
        debug: bool = False,
        is_taken: bool = False,
    ) -> None:
        self.verbose = verbose
        self.quiet = quiet
        self._secrets: list[str] = []
        self._is_github = os.environ.get("GITHUB_ACTIONS") == "true"
        self.out = _Stream(sys.stdout, self.redact, no_color=no_color)
        self.err = _Stream(sys.stderr, self.redact, no_color=no_color)
        self._is_taken = is_taken
        if debug:
            self._log_requests()

    def keep_secret(self, text: str) -> None:
        """Never show this token from now on."""
        self._secrets.append(text)

    def redact(self, text: str) -> str:
        """Return the text without secrets."""
        if self._secrets:
            from reconcile.actual.credentials import redact  # noqa: PLC0415 - `validate` has none: 1 % of its time

            for secret in self._secrets:
                text = redact(text, secret)
        return text

    def show(self, document: Document) -> None:
        """Print a result."""
        match document:
            case _ if self._is_taken:
                pass
            case Lines(lines, essential) if self.quiet:
                self.result(lines[-1:] if essential is None else essential)
            case Lines(lines):
                self.result(lines)
            case str():
                self.content(document)
            case _:
                from reconcile.report.values import json_text  # noqa: PLC0415 - loads the types of an account

                self.content(without_commands_in_strings(json_text(document)) + "\n")

    def result(self, lines: Iterable[Block]) -> None:
        """Print a result for people."""
        self._print(self.out, lines)

    def content(self, text: str) -> None:
        """Print the content of a file, in UTF-8: TOML in Latin-1 is no TOML."""
        _reconfigure(sys.stdout, "utf-8")
        self.out.write(text)
        self.out.flush()

    def note(self, *lines: Block) -> None:
        """Print something that is neither the result nor an error, on stderr."""
        if not self.quiet:
            self._print(self.err, lines)

    def _print(self, stream: "_Stream", lines: Iterable[Block]) -> None:
        pipe = Screen(_PIPED_WIDTH, ascii_only=not stream.encoding.startswith("utf"))
        for line in lines:
            if stream.is_terminal:
                draw(line, stream.console)
                continue
            text = "".join(text for text, _ in printed(line, pipe))
            stream.write(without_commands(text) if self._is_github else text)
        stream.flush()  # a log that holds both streams must have them in order

    def diagnostics(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Print diagnostics on stderr, only errors with `quiet`; in GitHub Actions, also as annotations."""
        for diagnostic in diagnostics:
            if self.quiet and diagnostic.severity != "error":
                continue
            self._print(self.err, [diagnostic])
            if self._is_github and (command := annotation(diagnostic)):
                self.err.write(f"{command}\n")
        errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
        if errors > 1:
            self._print(self.err, [count_text(errors, "error")])

    def _log_requests(self) -> None:
        """Show every request on stderr; headers, and with them the token, are never logged."""
        import logging  # noqa: PLC0415 - only for --debug

        handler = logging.StreamHandler(self.err)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        logger = logging.getLogger("reconcile")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)


def _reconfigure(stream: TextIO, encoding: str | None = None) -> None:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=encoding, errors="backslashreplace")


class _Stream:
    """A stream that removes secrets; everything that is shown passes through it.

    If it can no longer be written (its reader has gone, or the disk is full), the rest is dropped and `failure` gives
    the reason, so that an apply does not end halfway.
    """

    def __init__(self, stream: TextIO, redact: Callable[[str], str], *, no_color: bool) -> None:
        self.failure: OSError | None = None
        self._stream = stream
        self._redact = redact
        self._no_color = no_color
        _reconfigure(stream)  # a character that the terminal can't show must not end a run either

    @cached_property
    def console(self) -> "Console":
        from rich.console import Console  # noqa: PLC0415 - takes a tenth of `validate`, and a pipe has no use for it

        return Console(
            file=self,  # type: ignore[arg-type] # rich only writes, flushes, and asks whether it is a terminal
            no_color=self._no_color or None,
            highlight=False,
            markup=False,
            emoji=False,
            width=None if self.isatty() else _PIPED_WIDTH,
        )

    @property
    def is_terminal(self) -> bool:
        """Whether it shows colours and progress: a terminal, or what rich treats as one because of `_FOR_RICH`."""
        return (self.isatty() or not _FOR_RICH.isdisjoint(os.environ)) and self.console.is_terminal

    def write(self, text: str) -> int:
        try:
            return self._stream.write(self._redact(text))
        except OSError as error:
            self._fail(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.failure = self.failure or error
        discard(self._stream)

    def isatty(self) -> bool:
        return self._stream.isatty()

    @property
    def encoding(self) -> str:
        return (self._stream.encoding or "utf-8").lower()
