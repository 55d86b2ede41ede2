"""A forecast, or the comparison of two, as Markdown for a merge-request comment: short, whatever the account."""

from collections.abc import Iterable, Iterator

from reconcile.insight.comparison import Comparison
from reconcile.insight.forecast import Forecast
from reconcile.report.document import Raw
from reconcile.report.escape import code, plain
from reconcile.report.forecast.comparison_text import changed_rows
from reconcile.report.forecast.text import facts, heading, notes, rows
from reconcile.report.wording import count_text

FORECAST_MARKER = "<!-- reconcile forecast -->"
"""Marks the comment, for a bot that replaces it."""

_MOST_ROWS = 50


def forecast_markdown(forecast: Forecast, *, verbose: bool) -> Raw:
    """Return a table of what will be held; `verbose` has a row for every series."""
    table = [(row.name, row.about, facts(row.figures, forecast)) for row in rows(forecast, verbose=verbose)]
    lines = [*_head(heading(forecast)), *_table(table), *_notes(notes(forecast))]
    return Raw("".join(f"{line}\n" for line in lines))


def comparison_markdown(comparison: Comparison, *, verbose: bool) -> Raw:
    """Return a table of what changes; `verbose` has a row for every series that does."""
    changed = list(changed_rows(comparison, verbose=verbose))
    body = _table([(row.name, row.about, dict(row.facts)) for row in changed]) if changed else ["Nothing changes.", ""]
    lines = [*_head(heading(comparison.after)), *body, *_notes(notes(comparison.after))]
    return Raw("".join(f"{line}\n" for line in lines))


def _head(what: str) -> Iterator[str]:
    yield FORECAST_MARKER
    yield "### reconcile: forecast"
    yield ""
    yield plain(what)
    yield ""


def _table(table: list[tuple[str, str, dict[str, str]]]) -> Iterator[str]:
    """Yield a row for each entry: name, what it is about, and its facts under their labels. The last row is the sum."""
    labels = list(dict.fromkeys(label for _, _, cells in table for label in cells))
    yield f"| | {' | '.join(labels)} |"
    yield f"| --- |{' --- |' * len(labels)}"
    shown = table if len(table) <= _MOST_ROWS else [*table[: _MOST_ROWS - 1], table[-1]]
    for name, about, cells in shown:
        values = " | ".join(plain(cells.get(label, "")) for label in labels)
        yield f"| {code(name)}<br>{plain(about)} | {values} |"
    yield ""
    if len(table) > len(shown):
        yield f"{count_text(len(table) - len(shown), 'more row')}: `reconcile forecast` shows all of them."
        yield ""


def _notes(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield f"- ⚠ {plain(text)}"
