"""A forecast, or the comparison of two, as Markdown for a merge-request comment: short, whatever the account.

A comparison is three lines, and what changes for each series is folded.
"""

from collections.abc import Iterator, Sequence

from reconcile.insight.comparison import Comparison
from reconcile.insight.forecast import Forecast
from reconcile.report.document import Raw
from reconcile.report.escape import code, plain, with_units_unbroken
from reconcile.report.forecast.sentences import ForecastRow, heading, in_all, notes, rows
from reconcile.report.wording import count_text

_MOST_ROWS = 50


def forecast_markdown(found: Forecast | Comparison, /, *, verbose: bool) -> Raw:
    """Return a table of what will be held, or of what changes; `verbose` has a row for every series."""
    return Raw(with_units_unbroken("".join(f"{line}\n" for line in _lines(found, verbose=verbose))))


def _lines(found: Forecast | Comparison, *, verbose: bool) -> Iterator[str]:
    yield "<!-- reconcile forecast -->"  # marks the comment, for a bot that replaces it
    yield "### reconcile: forecast"
    yield ""
    yield plain(heading(found))
    yield ""
    table = rows(found, verbose=verbose)
    notices = [f"- ⚠ {plain(note)}" for note in notes(found)]
    if isinstance(found, Forecast):
        yield from (*_table(table), *notices)
    elif not found.changes:
        yield from ("Nothing changes.", "", *notices)
    else:
        yield from (f"- **{label}**: {plain(fact)}" for label, fact in in_all(found).items())
        yield ""
        summary = f"{count_text(len(found.changes), 'series')} with a change"
        yield from (f"<details><summary>{summary}</summary>", "", *_table(table), *notices, "", "</details>")


def _table(table: Sequence[ForecastRow]) -> Iterator[str]:
    """Yield a row for each entry: name, what it is about, and its facts under their labels. The last row is the sum."""
    labels = list(dict.fromkeys(label for row in table for label in row.facts))
    yield f"| | {' | '.join(labels)} |"
    yield f"| --- |{' --- |' * len(labels)}"
    for row in table if len(table) <= _MOST_ROWS else [*table[: _MOST_ROWS - 1], table[-1]]:
        values = " | ".join(plain(row.facts.get(label, "")) for label in labels)
        yield f"| {code(row.name)}<br>{plain(row.about)} | {values} |"
    yield ""
    if (more := len(table) - _MOST_ROWS) > 0:
        yield f"{count_text(more, 'more row')}: `reconcile forecast` shows all of them."
        yield ""
