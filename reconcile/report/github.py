"""GitHub Actions' workflow commands: an error in the file becomes an annotation on its line."""

from reconcile.diagnostics import Diagnostic
from reconcile.report.escape import visible

_LONGEST = 2000


def annotation(diagnostic: Diagnostic) -> str | None:
    """Return the workflow command for a diagnostic that has a place; None for one that has none."""
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


def _data(text: str) -> str:
    return visible(text, _LONGEST).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
