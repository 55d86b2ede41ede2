"""What a document looks like once it is printed."""

import io
from collections.abc import Iterable

from rich.console import Console

from reconcile.report.document import Block, Document, Json, Lines
from reconcile.report.terminal import printable


def shown(lines: Document | Iterable[Block], width: int = 1000) -> str:
    """Return lines as a terminal of this width shows them, without colours and without blanks at the end of a line."""
    if isinstance(lines, Document):
        assert isinstance(lines, Lines)
        lines = lines.lines
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(printable(line))
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def value(document: Document) -> dict[str, object]:
    """Return the value of a JSON document."""
    assert isinstance(document, Json)
    return document.value
