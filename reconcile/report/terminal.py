"""The edge to terminals and logs: every text is escaped here, once, and tables are fitted to the width.

Formatters return text from the file and the service as it is, so a formatter that forgets to escape can do no harm.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich import get_console
from rich.cells import cell_len, set_cell_size

from reconcile.diagnostics import Diagnostic
from reconcile.report.diagnostics import diagnostic_text
from reconcile.report.document import Block, Cell, Columns, Marks, Text
from reconcile.report.escape import LONGEST_LINE, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import Style

_GAP = 2
_BELOW = 4
"""How many columns the text below the first cells of a row is indented further than those cells."""

_WIDEST = 48
"""Columns. A cell that is wider does not widen its column."""

_SHORTEST, _LONGEST_NAME = 16, 80
"""The fewest and the most columns for cells that may be shortened."""

_UNBROKEN = "\ue000"
"""The character for a blank at which no line is broken. `visible` lets no such character through."""

_TOGETHER = re.compile(r"(?<=\d) (?=[A-Za-z])(?!\w+=)|(?<=\d[ydh]) (?=\d)|(?<=\dmo) (?=\d)")
"""The blank between a number and its unit, or what it counts, and within a span such as `1d 2h`.

The rules in `last=3 daily=7` are no units.
"""

_NUMBER = re.compile(r"(#[^#]*|: [\d,]+ backups|)$")
"""The id of a backup, or how many share a row, at the end of a name."""

_ASCII = str.maketrans("█·✓", "#.+")


class Screen(NamedTuple):
    """What lines are fitted to: a number of columns, and whether characters outside of ASCII can be shown."""

    width: int
    ascii_only: bool = False


Piece = tuple[str, "str | Style | None"]
"""A part of a line, or a line end, and its style."""


def printed(block: Block, screen: Screen) -> Iterator[Piece]:
    """Yield what is printed, in whole lines, with all text in it escaped."""
    if isinstance(block, Columns):
        yield from _Layout(block).printed(screen)
        return
    for line in diagnostic_text(block) if isinstance(block, Diagnostic) else [block]:
        yield from _Paragraph(line).printed(screen)


def draw(block: Block, console: "Console") -> None:
    """Print on a terminal."""
    from rich.segment import Segment, Segments  # noqa: PLC0415 - only for a terminal: a tenth of `validate`

    pieces = printed(block, Screen(console.width, console.options.ascii_only))
    styled = (Segment(text, console.get_style(style) if style else None) for text, style in pieces)
    console.print(Segments(styled))


class _Paragraph:
    """One text, its parts escaped and with their styles."""

    __slots__ = ("parts", "width")

    def __init__(self, text: Cell, style: str = "") -> None:
        self.parts: Sequence[tuple[str, str]]
        match text:
            case str():
                self.parts = ((_escaped(text), style),)
            case tuple(facts):
                self.parts = ((", ".join(_escaped(fact).replace(" ", _UNBROKEN) for fact in facts), style),)
            case Text(parts=parts):
                self.parts = [(_escaped(part), own or style) for part, own in parts]
        self.width = sum([cell_len(part) for part, _ in self.parts])

    def printed(self, screen: Screen) -> Iterator[Piece]:
        """Yield the lines, all indented like the first."""
        beginning = self.parts[0][0]
        lead = len(beginning) - len(beginning.lstrip(" ")) if self.width > screen.width else 0
        yield from _printed(self.lines(screen, screen.width - lead, lead), lead)

    def pieces(self, screen: Screen) -> Iterator[Piece]:
        """Yield the whole text as one line."""
        for part, style in self.parts:
            yield _with_blanks(_shown(part, screen)), style

    def lines(self, screen: Screen, room: int, lead: int = 0) -> list[Iterable[Piece]]:
        """Return lines of at most this width, none of which is broken between a number and its unit.

        `lead` is the number of blanks that the text begins with, and that are left out.
        """
        if self.width <= room:
            return [self.pieces(screen)]
        from rich.text import Text as RichText  # noqa: PLC0415 - as above; few lines in a pipe are so long

        text = RichText.assemble(*((_shown(part, screen), style) for part, style in self.parts))[lead:]
        if max(map(cell_len, text.plain.split(" "))) > room:
            text.plain = _with_blanks(text.plain)
        text.plain = _TOGETHER.sub(_UNBROKEN, text.plain)
        lines = text.wrap(get_console(), max(1, room), overflow="fold")
        return [[(_with_blanks(text), style) for text, style, _ in line.render(get_console())] for line in lines]

    def shortened(self, room: int, screen: Screen) -> "_Paragraph":
        """Return the text without its middle, to have at most this width; an id or a count at its end is kept."""
        if self.width <= room:
            return self
        sign = "..." if screen.ascii_only else "…"
        text = "".join(part for part, _ in self.parts)
        end, number = (room - len(sign)) // 2, cell_len(_NUMBER.split(text, maxsplit=1)[1])
        end = number if end < number <= room - len(sign) else end
        beginning = set_cell_size(text, room - len(sign) - end)
        return _Paragraph(beginning + sign + set_cell_size(text[::-1], end)[::-1], self.parts[0][1])


class _Layout:
    """Columns as wide as their widest cell, except the last column.

    It is not a table of rich, which takes more than ten times as long: an account may contain 100,000 backups.
    """

    def __init__(self, table: Columns) -> None:
        self._indent, self._narrowest = table.indent, table.narrowest
        self._rows = [
            [_Paragraph(row)] if isinstance(row, Text) else [_Paragraph(cell, row.style) for cell in row.cells]
            for row in table.rows
        ]
        columns = max(map(len, self._rows), default=0) - 1
        self._shortens = table.shortens % (columns + 1) if table.shortens is not None and columns >= 0 else None
        self._widths = [0] * columns
        for row in self._rows:
            for column, cell in enumerate(row[:-1]):
                if column == self._shortens:
                    self._widths[column] = max(self._widths[column], min(cell.width, _LONGEST_NAME))
                elif self._widths[column] < cell.width <= _WIDEST:
                    self._widths[column] = cell.width
        self._last = {row[-1].width for row in self._rows if len(row) > columns}

    def printed(self, screen: Screen) -> Iterator[Piece]:
        """Yield the lines."""
        widths = self._fitted(screen.width)
        for row in self._rows:
            if len(row) == 1:
                yield from row[0].printed(screen)
            else:
                yield from self._row(row, widths, screen)

    def _fitted(self, width: int) -> Sequence[int]:
        """Return the widths of all columns but the last, so that as few as possible of its cells wrap."""
        column = self._shortens
        if column is None or column >= len(self._widths):
            return self._widths
        natural = self._widths[column]
        room = width - self._indent - sum(each + _GAP for each in self._widths if each) + natural
        shortest = min(natural, _SHORTEST)
        if room - shortest >= min(self._narrowest, max(self._last)):
            needed = [min(each, self._narrowest) if each > room - shortest else each for each in self._last]
            room -= max(needed)
        if room >= natural:
            return self._widths
        fitted = max(shortest, room)
        return [*self._widths[:column], fitted, *self._widths[column + 1 :]]

    def _row(self, row: Sequence[_Paragraph], widths: Sequence[int], screen: Screen) -> Iterator[Piece]:
        """Yield the lines of a row: its cells side by side for as long as they have room, and the others below."""
        beside: list[Piece] = []
        used = self._indent
        placed = 0
        whole = sum(max(cell.width, width) + _GAP for cell, width in zip(row[:-1], widths, strict=False))
        is_whole = widths is self._widths and used + whole + row[-1].width <= screen.width
        for column, (cell, width) in enumerate(zip(row[:-1], widths, strict=False)):
            text = cell.shortened(width, screen) if column == self._shortens and not is_whole else cell
            if text.width > screen.width - used:
                break
            beside += text.pieces(screen)
            placed += 1
            if text.width > width and not is_whole:
                break
            if width or text.width:
                beside.append((" " * (max(width - text.width, 0) + _GAP), None))
                used += max(width, text.width) + _GAP
        else:
            room = screen.width - used
            last = row[-1].shortened(room, screen) if placed == self._shortens and room >= _GAP else row[-1]
            if last.width <= room or room >= self._narrowest:
                first, *others = last.lines(screen, room)
                yield from _printed([[*beside, *first]], self._indent)
                yield from _printed(others, used)
                return
        if placed:
            yield from _printed([beside], self._indent)
        for cell in row[placed:]:
            if cell.width:
                below = self._indent + (_BELOW if placed else 0)
                yield from _printed(cell.lines(screen, screen.width - below), below)
            placed += 1


def _escaped(part: str) -> str:
    return part if isinstance(part, Marks) else visible(part, LONGEST_LINE)


def _shown(part: str, screen: Screen) -> str:
    return part.translate(_ASCII) if isinstance(part, Marks) and screen.ascii_only else part


def _printed(lines: Iterable[Iterable[Piece]], indent: int = 0) -> Iterator[Piece]:
    """Yield lines, each with its line end, and without the trailing blanks of a table."""
    for line in lines:
        pieces = [(" " * indent, None), *line]
        while pieces and not (text := pieces[-1][0].rstrip(" ")):
            pieces.pop()
        if pieces:
            pieces[-1] = text, pieces[-1][1]
        yield from pieces
        yield "\n", None


def _with_blanks(text: str) -> str:
    return text.replace(_UNBROKEN, " ")
