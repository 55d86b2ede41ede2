"""Diagnostics as JSON, in the form of `terraform validate -json`."""

from collections.abc import Iterable

from reconcile.diagnostics import Diagnostic, Position
from reconcile.report.document import Json, JsonObject


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


def _position(position: Position) -> JsonObject:
    return {"line": position.line, "column": position.column, "byte": position.byte}
