"""Diagnostics as text: what is wrong, the line of the file, what to do."""

from rich.cells import cell_len
from rich.text import Text

from reconcile.diagnostics import Diagnostic, Snippet
from reconcile.report.escape import visible

_STYLE = {"error": "bold red", "warning": "bold yellow"}
_LONGEST = 2000


def diagnostic_text(diagnostic: Diagnostic) -> list[Text]:
    """Return the lines of one diagnostic."""
    about = f"{diagnostic.address}: " if diagnostic.address and not diagnostic.range else ""
    head = Text.assemble(
        (f"{diagnostic.severity}: ", _STYLE[diagnostic.severity]),
        (visible(about + diagnostic.summary, _LONGEST), "bold"),
    )
    lines = [head]
    if diagnostic.range and diagnostic.snippet:
        lines += _pointer(str(diagnostic.range), diagnostic.snippet)
    elif diagnostic.place:
        lines.append(Text.assemble((" --> ", "blue"), visible(str(diagnostic.place), _LONGEST)))
    if diagnostic.detail:
        lines.append(Text("  " + visible(diagnostic.detail, _LONGEST)))
    return lines


def _pointer(place: str, snippet: Snippet) -> list[Text]:
    number = str(snippet.start_line)
    gutter = " " * len(number)
    before = _cells(snippet.code[: snippet.highlight_start])
    marked = max(1, _cells(snippet.code[snippet.highlight_start : snippet.highlight_end]))
    return [
        Text.assemble((f"{gutter}--> ", "blue"), visible(place, _LONGEST)),
        Text.assemble((f"{number} | ", "blue"), visible(snippet.code, _LONGEST)),
        Text.assemble((f"{gutter} | ", "blue"), " " * before, ("^" * marked, "bold red")),
    ]


def _cells(text: str) -> int:
    """Return the width on a terminal; a character may take two columns, and an escaped one takes more."""
    return cell_len(visible(text, _LONGEST))
