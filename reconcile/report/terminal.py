"""The edge to terminals and logs: every text is escaped here, once, and tables are fitted to the width.

Formatters return text from the file and the service as it is, so a formatter that forgets to escape can do no harm.
"""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable
from rich.segment import Segment
from rich.text import Text as RichText

from reconcile.report.document import Block, Columns, Facts, Marks, Text
from reconcile.report.escape import BEFORE_A_UNIT, visible

_LONGEST = 2000
"""Characters of one text, of which a line has several."""

_GAP = 2
_BELOW = 4
"""Columns by which what goes below the first cells of a row is indented further than they are."""

_WIDEST = 48
"""Columns. A cell that is wider does not widen its column; what follows it in its row goes below it."""

_UNBROKEN = "\ue000"
"""Stands for a blank at which no line is broken. `visible` lets no such character through."""

_ASCII = str.maketrans("█·", "#.")


def printable(block: Block) -> ConsoleRenderable:
    """Return what rich prints, with all text in it escaped."""
    return _Layout(block) if isinstance(block, Columns) else _Paragraph(block)


class _Paragraph:
    """One text, its parts escaped and with their styles."""

    __slots__ = ("parts", "width")

    def __init__(self, text: str | Text | Facts, style: str = "") -> None:
        self.parts: Sequence[tuple[str, str]]
        match text:
            case str():
                self.parts = ((_escaped(text), style),)
            case Facts(facts):
                self.parts = ((", ".join(_escaped(fact).replace(" ", _UNBROKEN) for fact in facts), style),)
            case Text(parts=parts):
                self.parts = [(_escaped(part), own or style) for part, own in parts]
        self.width = sum([cell_len(part) for part, _ in self.parts])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the lines for a console of this width."""
        yield from _printed(self.lines(console, options, options.max_width))

    def segments(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the whole text as one line."""
        for part, style in self.parts:
            text = part.translate(_ASCII) if isinstance(part, Marks) and options.ascii_only else _with_blanks(part)
            yield Segment(text, console.get_style(style) if style else None)

    def lines(self, console: Console, options: ConsoleOptions, room: int) -> list[Iterable[Segment]]:
        """Return lines of at most this width, none of which is broken between a number and its unit."""
        if self.width <= room:
            return [self.segments(console, options)]
        text = RichText.assemble(*self.parts)
        if max(map(cell_len, text.plain.split(" "))) > room:
            text.plain = _with_blanks(text.plain)
        text.plain = BEFORE_A_UNIT.sub(_UNBROKEN, text.plain)
        lines = text.wrap(console, max(1, room), overflow="fold")
        return [[Segment(_with_blanks(text), style) for text, style, _ in line.render(console)] for line in lines]


class _Layout:
    """Columns as wide as their widest cell, but for the last one.

    Not a table of rich's, which takes more than ten times as long: an account may hold 100,000 backups.
    """

    def __init__(self, table: Columns) -> None:
        self._indent, self._narrowest = table.indent, table.narrowest
        self._rows = [
            [_Paragraph(row)] if isinstance(row, Text) else [_Paragraph(cell, row.style) for cell in row.cells]
            for row in table.rows
        ]
        columns = max(map(len, self._rows), default=0) - 1
        self._widths = [0] * columns
        for row in self._rows:
            for column, cell in enumerate(row[:-1]):
                if self._widths[column] < cell.width <= _WIDEST:
                    self._widths[column] = cell.width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the lines for a console of this width."""
        for row in self._rows:
            if len(row) == 1:
                yield from row[0].__rich_console__(console, options)
            else:
                yield from self._row(row, console, options)

    def _row(self, row: Sequence[_Paragraph], console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the lines of a row: its cells side by side for as long as they have room, and the others below."""
        beside: list[Segment] = []
        used = self._indent
        placed = 0
        for cell, column in zip(row[:-1], self._widths, strict=False):
            if cell.width > options.max_width - used:
                break
            beside += cell.segments(console, options)
            placed += 1
            if cell.width > column:
                break
            beside.append(Segment(" " * (column - cell.width + _GAP)))
            used += column + _GAP
        else:
            room = options.max_width - used
            if row[-1].width <= room or room >= self._narrowest:
                first, *others = row[-1].lines(console, options, room)
                yield from _printed([[*beside, *first]], self._indent)
                yield from _printed(others, used)
                return
        if placed:
            yield from _printed([beside], self._indent)
        for cell in row[placed:]:
            if cell.width:
                below = self._indent + (_BELOW if placed else 0)
                yield from _printed(cell.lines(console, options, options.max_width - below), below)
            placed += 1


def _escaped(part: str) -> str:
    return part if isinstance(part, Marks) else visible(part, _LONGEST)


def _printed(lines: Iterable[Iterable[Segment]], indent: int = 0) -> Iterator[Segment]:
    for line in lines:
        yield Segment(" " * indent)
        yield from line
        yield Segment.line()


def _with_blanks(text: str) -> str:
    return text.replace(_UNBROKEN, " ")
