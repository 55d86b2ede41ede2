"""What a document looks like once it is printed."""

import json
from collections.abc import Iterable
from typing import Any

from reconcile.report.document import Block, Lines
from reconcile.report.terminal import Screen, printed
from reconcile.report.values import json_text


def shown(lines: Lines | Iterable[Block], width: int = 1000) -> str:
    """Return lines as a terminal of this width shows them, without colours and without blanks at the end of a line."""
    if isinstance(lines, Lines):
        lines = lines.lines
    text = "".join(text for line in lines for text, _ in printed(line, Screen(width)))
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def value(document: object) -> dict[str, Any]:
    """Return a JSON document, or a value in it, as a program reads it."""
    read: dict[str, Any] = json.loads(json_text(document))
    return read
