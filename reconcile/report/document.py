"""What a formatter returns, and the table of the formats that a command has; and documents from Jinja templates.

The templates are in `report/`. They contain the layout, the values the text. Every text is escaped as it is written, so
a template that forgets to escape can do no harm. In a page, Jinja escapes markup and `visible` shows hidden characters;
in Markdown, `plain` does both. `safe` marks our own words that have punctuation. A page is one file that needs no
network, and can be read without its script.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from reconcile import __version__
from reconcile.diagnostics import Diagnostic
from reconcile.durations import age_text
from reconcile.report.escape import code, plain, visible, with_units_unbroken
from reconcile.wording import count_text, size_text, time_text

if TYPE_CHECKING:
    from jinja2 import Environment

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
    """Our own signs, printed unescaped; in ASCII, `#` for `█`, `.` for `·` and `+` for `✓`."""

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

    A flag comes with its help, and `more` says what else `-v` shows. A format is usually a `Formatter` of the command's
    result.
    """

    def __init__(self, text: Format_co, *, more: str = "", **flags: tuple[Format_co, str]) -> None:
        self.text = text
        self.more = more
        self.flags = flags

    def requested(self, flag: str) -> Format_co:
        """Return the format of a flag, or text if the flag is empty."""
        return self.flags[flag][0] if flag else self.text


_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def page(template: str, *, script: str = "", **values: object) -> str:
    """Return a page. It runs the file `script`, if given; its hash keeps every other script from running."""
    from base64 import b64encode  # noqa: PLC0415 - only for a page
    from hashlib import sha256  # noqa: PLC0415 - as above

    from markupsafe import Markup  # noqa: PLC0415 - with Jinja

    source = Markup(rendered(script, _visible)) if script else ""  # noqa: S704 - a file of our own
    digest = b64encode(sha256(source.encode()).digest()).decode()
    return rendered(template, _visible, script=source, digest=digest, **values)


def markdown(template: str, **values: object) -> str:
    """Return Markdown."""
    return with_units_unbroken(rendered(template, plain, **values))


def rendered(template: str, escaped: Callable[[str], str], **values: object) -> str:
    """Return a template filled with the values, with every text in them `escaped`."""
    return _environment(escaped).get_template(template).render(version=__version__, **values)


@cache
def _environment(escaped: Callable[[str], str]) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape  # noqa: PLC0415 - 20 ms, and few runs need it
    from markupsafe import Markup, escape  # noqa: PLC0415 - as above

    def finalized(value: object) -> object:
        return escaped(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def markup(write: Callable[..., str]) -> Callable[..., Markup]:
        return lambda *values: Markup(write(*values))  # noqa: S704 - words of ours, or just escaped

    def whole_dates(text: str) -> Markup:
        """Return a text in which no line is broken within a date."""
        return Markup(_DATE.sub(r'<span class="whole">\g<0></span>', str(escape(finalized(text)))))  # noqa: S704 - just escaped

    environment = Environment(
        loader=PackageLoader("reconcile", "report"),
        autoescape=select_autoescape(["html.jinja"]),
        finalize=finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    ours: dict[str, Callable[..., str]] = {
        "age": age_text,
        "code": code,
        "count": count_text,
        "plain": plain,
        "size": size_text,
        "time": time_text,
    }
    environment.filters |= {name: markup(write) for name, write in ours.items()} | {"whole_dates": whole_dates}
    return environment


def _visible(text: str) -> str:
    return with_units_unbroken(visible(text, 1000))
