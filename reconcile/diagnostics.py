"""Diagnostics: what is wrong, where, and what to do. Every message to users has this shape.

Modelled on OpenTofu's `tfdiags`. Every error that the outside world can cause (by a file, an argument or a response of
the service) is a `UserError`, shown without a traceback; any other exception is a bug in reconcile.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A position in a text file; line and column, in characters, count from 1, `byte` from 0."""

    line: int
    column: int
    byte: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """From `start` up to, not including, `end` in a text file.

    `code` is the line that it starts on; the characters from `highlight_start` to `highlight_end`, from 0, are marked.
    """

    filename: str
    start: Position
    end: Position
    code: str
    highlight_start: int
    highlight_end: int

    def __str__(self) -> str:
        return f"{self.filename}:{self.start.line}:{self.start.column}"


_MOST_COMPARED = 10_000
"""Maximum number of names to compare with a mistyped name; each takes 10 µs."""

KeyPath = tuple[str | int, ...]
"""The path of a key or a value in a TOML file: `("servers", "web", "pinned", 0)`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A key or a value in a TOML file, by its path; `find`, if set, finds it in the text, or returns None."""

    filename: str
    path: KeyPath
    at_key: bool = False
    find: Callable[[KeyPath, bool], Spot | None] | None = field(default=None, repr=False, compare=False)

    def at(self, *keys: str | int) -> "Place":
        """Return the place of a value below this one."""
        return Place(filename=self.filename, path=(*self.path, *keys), find=self.find)

    @property
    def spot(self) -> Spot | None:
        """The spot in the text. Looked up only to show it, because that takes a separate parser."""
        return self.find(self.path, self.at_key) if self.find else None

    def __str__(self) -> str:
        keys = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path)
        return f"{self.filename}: {keys.removeprefix('.')}" if keys else self.filename


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """One message: what is wrong (`summary`), what to do (`detail`), where (`place`), and `facts`, each on a line."""

    summary: str
    detail: str = ""
    facts: tuple[str, ...] = ()
    severity: Literal["error", "warning"] = "error"
    address: str | None = None
    place: Place | None = None
    found: Spot | None = None
    """The spot, if there is no `place`; in a saved plan, always."""

    @property
    def spot(self) -> Spot | None:
        """The spot in the text of a file, to show it."""
        return self.found or (self.place.spot if self.place else None)


class UserError(Exception):
    """A problem that the user or the service can fix; never a bug in reconcile."""

    is_stop = False
    """Whether the run was interrupted or is out of time, so nothing else is tried."""
    is_interrupt = False
    """Whether the run was interrupted (Ctrl-C, SIGTERM), which has a separate exit code."""

    def __init__(
        self, summary: str, detail: str = "", *, place: Place | None = None, diagnostics: Iterable[Diagnostic] = ()
    ) -> None:
        super().__init__(summary)
        self.diagnostics = tuple(diagnostics) or (Diagnostic(summary=summary, detail=detail, place=place),)


def did_you_mean(typed: str, known: Iterable[str], otherwise: str) -> str:
    """Ask whether the most similar of `known` was meant; return `otherwise` if no name is similar."""
    import difflib  # noqa: PLC0415 - needed only for an error

    names = sorted({*islice(known, _MOST_COMPARED)} - {typed})
    # A domain that all servers share makes each name differ much from a typed name without it.
    meant = {each: name for name in names for each in (name.partition(".")[0], name)}
    near = difflib.get_close_matches(typed, meant, n=1) or [name for name in names if typed and typed in name]
    return f'Did you mean "{meant[near[0]]}"?' if near else otherwise
