"""What a formatter returns: lines for people, one JSON value for programs, or text that is written as it is.

And the table of the formats that a command has.
"""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from rich.console import RenderableType

JsonObject = dict[str, Any]
Value_contra = TypeVar("Value_contra", contravariant=True)
Format = TypeVar("Format")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines and tables for a terminal or a log; all text from outside is escaped in them."""

    lines: tuple[RenderableType, ...]
    essential: tuple[RenderableType, ...] | None = None
    """What is left of them with `-q`; None for the last line."""


@dataclass(frozen=True, slots=True)
class Json:
    """One JSON object; it holds no NaN and no infinity, which JSON lacks."""

    value: JsonObject


@dataclass(frozen=True, slots=True)
class Raw:
    """Text that is written as it is, such as Markdown or TOML."""

    text: str


Document = Lines | Json | Raw


class Formatter(Protocol[Value_contra]):
    """Writes one kind of value in one format; `verbose` includes what is otherwise left out."""

    def __call__(self, value: Value_contra, /, *, verbose: bool) -> Document:
        """Return the document."""
        ...


class Formats(Generic[Format]):
    """The formats of a command: text, and one for each flag that it has for them (`json` is `--json`).

    A flag comes with its help. A format is usually a `Formatter` of the command's result.
    """

    def __init__(self, text: Format, **flags: tuple[Format, str]) -> None:
        self.text = text
        self.flags = flags
