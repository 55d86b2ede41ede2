"""GitHub Actions' workflow commands: a mistake in the file as an annotation on its line."""

from reconcile.diagnostics import Diagnostic


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
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
