"""`validate --json`: the shape of `terraform validate -json`."""

from reconcile.diagnostics import Diagnostic, Position

Json = dict[str, object]


def validate_json(diagnostics: tuple[Diagnostic, ...]) -> Json:
    """Return the whole answer; an empty tuple means a valid file."""
    errors = sum(it.severity == "error" for it in diagnostics)
    return {
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": len(diagnostics) - errors,
        "diagnostics": [diagnostic_json(it) for it in diagnostics],
    }


def diagnostic_json(diagnostic: Diagnostic) -> Json:
    """Return one diagnostic, with `range` and `snippet` where it has a place, `address` where it is about one."""
    said: Json = {"severity": diagnostic.severity, "summary": diagnostic.summary, "detail": diagnostic.detail}
    if diagnostic.address:
        said["address"] = diagnostic.address
    if diagnostic.range and diagnostic.snippet:
        said["range"] = {
            "filename": diagnostic.range.filename,
            "start": _position(diagnostic.range.start),
            "end": _position(diagnostic.range.end),
        }
        said["snippet"] = {
            "context": None,
            "code": diagnostic.snippet.code,
            "start_line": diagnostic.snippet.start_line,
            "highlight_start_offset": diagnostic.snippet.highlight_start,
            "highlight_end_offset": diagnostic.snippet.highlight_end,
            "values": [],
        }
    return said


def _position(position: Position) -> Json:
    return {"line": position.line, "column": position.column, "byte": position.byte}
