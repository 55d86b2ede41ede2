"""What a formatter returns, and the table of the formats that a command has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from reconcile.diagnostics import Diagnostic

Value_contra = TypeVar("Value_contra", contravariant=True)
Format_co = TypeVar("Format_co", covariant=True)


class Text:
    """A line for people. Its text may come from anywhere, because `terminal` escapes it when it is printed.

    The parts have styles as rich writes them, such as "bold red", or none.
    """

    __slots__ = ("parts",)

    def __init__(self, text: str = "", style: str = "") -> None:
        self.parts: tuple[tuple[str, str], ...] = ((text, style),)

    @classmethod
    def assemble(cls, *parts: str | tuple[str, str]) -> "Text":
        """Return a line of several parts, each a text, or a text with its style."""
        line = cls()
        line.parts = tuple((part, "") if isinstance(part, str) else part for part in parts)
        return line

    @property
    def plain(self) -> str:
        """The text, without styles, and not escaped."""
        return "".join(text for text, _ in self.parts)


class Marks(str):
    """Our own signs, printed unescaped; in ASCII, `#` for `█` and `.` for `·`."""

    __slots__ = ()


Cell = str | Text | tuple[str, ...]
"""A tuple is written with commas, and a line is broken between its texts rather than within one."""


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one line of a table; `style` applies to cells without their own style."""

    cells: tuple[Cell, ...]
    style: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Rows in columns, and headings between them. The last cell of a row gets the room that the others leave.

    It wraps in its column, or goes below the others if it would get fewer than `narrowest` columns of a terminal. If a
    row has too little room, its cell in the column `shortens` (-1 is the last) is shortened from the middle.
    """

    rows: Sequence[Row | Text]
    indent: int = 0
    narrowest: int = 30
    shortens: int | None = None


Block = str | Text | Columns | Diagnostic
"""What is printed for people, in whole lines."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines and tables for a terminal or a log. No text in them is escaped."""

    lines: tuple[Block, ...]
    essential: tuple[Block, ...] | None = None
    """The lines to print with `-q`; None for only the last line."""


Document = Lines | dict[str, Any] | str
"""Lines for people, a JSON object for programs, or text that is written as it is, such as Markdown or TOML.

`values.json_text` writes the moments, backups and diagnostics in a JSON object. It contains no NaN and no infinity.
"""


class Formatter(Protocol[Value_contra]):
    """Writes one kind of value in one format; `verbose` includes details that are otherwise left out."""

    def __call__(self, value: Value_contra, /, *, verbose: bool) -> Document:
        """Return the document."""
        ...


class Formats(Generic[Format_co]):
    """The formats of a command: text, and one for each format flag (`json` is `--json`).

    A flag comes with its help. A format is usually a `Formatter` of the command's result.
    """

    def __init__(self, text: Format_co, **flags: tuple[Format_co, str]) -> None:
        self.text = text
        self.flags = flags
