"""Converts positions in a text between lines and columns (from 1, as people count) and bytes of the file."""

import re
from bisect import bisect_right
from itertools import accumulate

from reconcile.desired.config import Source
from reconcile.diagnostics import Position, Range, Snippet

BYTE_ORDER_MARK = "\ufeff"
_LONGEST = 2000
"""Characters of a line that are shown. A file may be one line of a megabyte, with thousands of mistakes."""

_TOKEN = re.compile(rb"""(token["']?\s*[=:]\s*)(.+)""", re.IGNORECASE)


class LineIndex:
    """The lines of one file. Byte offsets include its byte order mark and its carriage returns."""

    def __init__(self, source: Source) -> None:
        self._filename = source.filename
        self.content = source.text.encode()
        self._lines = self.content.split(b"\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self._lines[:-1])]
        self._shown: dict[int, str] = {}
        if source.text.startswith(BYTE_ORDER_MARK):
            # The first line begins after the mark.
            mark = BYTE_ORDER_MARK.encode()
            self._starts[0] = len(mark)
            self._lines[0] = self._lines[0].removeprefix(mark)

    def between(self, start: int, end: int) -> tuple[Range, Snippet]:
        """Return the range from byte `start` up to, not including, byte `end`, and the line it starts on."""
        first, last = self._position(start), self._position(end)
        return Range(filename=self._filename, start=first, end=last), self._snippet(first, last)

    def at(self, line: int, column: int) -> tuple[Range, Snippet]:
        """Return the range of the single character at `line` and `column`; it is empty at the end of a line."""
        text = self._lines[line - 1].decode()
        start = self._starts[line - 1] + len(text[: column - 1].encode())
        return self.between(start, start + len(text[column - 1 : column].encode()))

    def _position(self, byte: int) -> Position:
        row = bisect_right(self._starts, byte) - 1
        before = self._lines[row][: byte - self._starts[row]]
        return Position(line=row + 1, column=len(before.decode()) + 1, byte=byte)

    def _snippet(self, start: Position, end: Position) -> Snippet:
        code = self._code(start.line - 1)
        first = max(0, start.column - 1 - _LONGEST // 2) if len(code) > _LONGEST else 0
        last = end.column - 1 if end.line == start.line else len(code)
        return Snippet(
            code=code[first : first + _LONGEST],
            start_line=start.line,
            highlight_start=start.column - 1 - first,
            highlight_end=min(max(last, start.column) - first, _LONGEST),
        )

    def _code(self, row: int) -> str:
        if row not in self._shown:
            line = self._lines[row].removesuffix(b"\r")
            self._shown[row] = _TOKEN.sub(_mask, line).decode()
        return self._shown[row]


def _mask(match: re.Match[bytes]) -> bytes:
    """Mask the rest of a line with a token in it, keeping its length: diagnostics end up in public logs."""
    return match[1] + b"*" * len(match[2].decode())
