"""Diagnostics as text, as JSON in the form of `terraform validate -json`, and as annotations in GitHub Actions."""

from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text

from reconcile.diagnostics import Diagnostic, Position, Snippet
from reconcile.report.document import Json, JsonObject
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


def diagnostics_json(diagnostics: Iterable[Diagnostic]) -> Json:
    """Return what a failing command prints with `--json`."""
    return Json({"diagnostics": [diagnostic_json(diagnostic) for diagnostic in diagnostics]})


def diagnostic_json(diagnostic: Diagnostic) -> JsonObject:
    """Return one diagnostic, with `range` and `snippet` if it has a place, and `address` if it has one."""
    entry: JsonObject = {
        "severity": diagnostic.severity,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
    }
    if diagnostic.address:
        entry["address"] = diagnostic.address
    if diagnostic.range:
        entry["range"] = {
            "filename": diagnostic.range.filename,
            "start": _position(diagnostic.range.start),
            "end": _position(diagnostic.range.end),
        }
    if diagnostic.snippet:
        entry["snippet"] = {
            "context": None,
            "code": diagnostic.snippet.code,
            "start_line": diagnostic.snippet.start_line,
            "highlight_start_offset": diagnostic.snippet.highlight_start,
            "highlight_end_offset": diagnostic.snippet.highlight_end,
            "values": [],
        }
    return entry


def annotation(diagnostic: Diagnostic) -> str | None:
    """Return GitHub's workflow command that marks the line of the file; None without a place."""
    if diagnostic.range is None:
        return None
    start, end = diagnostic.range.start, diagnostic.range.end
    place = {
        "file": diagnostic.range.filename,
        "line": start.line,
        "col": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "title": diagnostic.summary,
    }
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in place.items())
    return f"::{diagnostic.severity} {properties}::{_data(diagnostic.detail or diagnostic.summary)}"


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


def _position(position: Position) -> JsonObject:
    return {"line": position.line, "column": position.column, "byte": position.byte}


def _data(text: str) -> str:
    return visible(text, _LONGEST).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
