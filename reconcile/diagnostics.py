"""Diagnostics: what is wrong, where, and what to do. Every message to users has this shape.

Modelled on OpenTofu's `tfdiags`. Everything that the outside world can cause (a file, an argument, an answer
of the service) is a `UserError` and is shown without a traceback; any other exception is a bug in reconcile.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A place in a text file; line and column count from 1, in characters, `byte` from 0."""

    line: int
    column: int
    byte: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """From `start` up to, not including, `end`."""

    filename: str
    start: Position
    end: Position

    def __str__(self) -> str:
        return f"{self.filename}:{self.start.line}:{self.start.column}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Snippet:
    """The line that a range starts on, and which of its characters, from 0, are meant."""

    code: str
    start_line: int
    highlight_start: int
    highlight_end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A key or a value in a TOML file, by its path; its position in the text is looked up only to show it."""

    filename: str
    path: tuple[str | int, ...]
    at_key: bool = False

    def at(self, *keys: str | int) -> "Place":
        """Return the place of a value below this one."""
        return Place(filename=self.filename, path=(*self.path, *keys))

    def __str__(self) -> str:
        keys = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path)
        return f"{self.filename}: {keys.removeprefix('.')}" if keys else self.filename


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """One message: what is wrong (`summary`), what to do (`detail`), where.

    `place` says where in the declaration; `range` and `snippet` say the same of the file's text.
    """

    summary: str
    detail: str = ""
    severity: Literal["error", "warning"] = "error"
    address: str | None = None
    place: Place | None = None
    range: Range | None = None
    snippet: Snippet | None = None


class UserError(Exception):
    """A problem that the user or the service can fix; never a bug in reconcile."""

    is_interrupt = False
    """Whether the run was interrupted (Ctrl-C, SIGTERM): no mistake, and with an exit code of its own."""

    def __init__(self, summary: str, detail: str = "", *, diagnostics: Iterable[Diagnostic] = ()) -> None:
        super().__init__(summary)
        self.diagnostics = tuple(diagnostics) or (Diagnostic(summary=summary, detail=detail),)
