"""A forecast, or the comparison of two, as Markdown for a merge-request comment: short, whatever the account.

A comparison is three lines, and what changes for each series is folded.
"""

from reconcile.insight.comparison import Comparison
from reconcile.insight.forecast import Forecast
from reconcile.report.forecast.sentences import heading, in_all, notes, rows
from reconcile.report.templates import markdown

_MOST_ROWS = 50


def forecast_markdown(found: Forecast | Comparison, /, *, verbose: bool) -> str:
    """Return a table of the future backups, or of the changes; `verbose` has a row for every series."""
    table = rows(found, verbose=verbose)  # the last row is the sum
    comparison = found if isinstance(found, Comparison) else None
    return markdown(
        "forecast/comment.md.jinja",
        heading=heading(found),
        comparison=comparison,
        in_all=in_all(comparison) if comparison else {},
        labels=list(dict.fromkeys(label for row in table for label in row.facts)),
        shown=table if len(table) <= _MOST_ROWS else [*table[: _MOST_ROWS - 1], table[-1]],
        more=len(table) - _MOST_ROWS,
        notes=list(notes(found)),
    )
