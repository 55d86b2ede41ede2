"""A forecast, or the comparison of two, as text: the backups of each series or policy, and the total."""

from collections.abc import Iterator

from reconcile.insight.comparison import Comparison
from reconcile.insight.forecast import Forecast
from reconcile.report.document import Block, Columns, Lines, Row, Text
from reconcile.report.forecast.sentences import essential, heading, notes, rows


def forecast_text(found: Forecast | Comparison, /, *, verbose: bool) -> Lines:
    """Return the forecast, or the changes; `verbose` shows every series, and the source of its size."""
    return Lines(tuple(_lines(found, verbose=verbose)), essential=(essential(found),))


def _lines(found: Forecast | Comparison, *, verbose: bool) -> Iterator[Block]:
    if isinstance(found, Forecast):
        yield from found.first.warnings
    yield Text(heading(found), "dim")
    yield Columns(rows=tuple(_rows(found, verbose=verbose)), indent=2)
    yield ""
    for note in notes(found):
        yield Text(note, "yellow")
    if isinstance(found, Comparison) and not found.changes:
        yield Text("Nothing changes.", "bold green")


def _rows(found: Forecast | Comparison, *, verbose: bool) -> Iterator[Row | Text]:
    for row in rows(found, verbose=verbose):
        yield Text("")
        yield Text.assemble((row.name, "bold"), f": {row.about}" if row.about else "")
        yield from map(Row, row.facts.items())
