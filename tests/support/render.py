"""What a document looks like once it is printed."""

import io
import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console

from reconcile.report.document import Block, Lines
from reconcile.report.terminal import printable
from reconcile.report.values import json_text


def shown(lines: Lines | Iterable[Block], width: int = 1000) -> str:
    """Return lines as a terminal of this width shows them, without colours and without blanks at the end of a line."""
    if isinstance(lines, Lines):
        lines = lines.lines
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(printable(line))
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def value(document: object) -> dict[str, Any]:
    """Return a JSON document, or a value in it, as a program reads it."""
    read: dict[str, Any] = json.loads(json_text(document))
    return read
