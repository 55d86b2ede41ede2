"""A forecast, or the comparison of two, as text, as JSON and as Markdown. The page has its own module."""

from reconcile.insight.forecast import Figures, Forecast, Point, SeriesForecast
from reconcile.plan import safety
from reconcile.report.document import Block, Columns, Formats, Formatter, Lines, Row, Text, markdown
from reconcile.report.forecast.sentences import essential, heading, in_all, notes, peak_at, rows

_MOST_ROWS = 50
"""Maximum number of rows in Markdown, for a merge-request comment."""


def forecast_text(found: Forecast, /, *, verbose: bool) -> Lines:
    """Return the backups of each series or policy, or the changes; `verbose` shows every series, with its size."""
    table: list[Row | Text] = []
    for row in rows(found, verbose=verbose):
        about = f": {row.about}" if row.about else ""
        table += [Text(""), Text.assemble((row.name, "bold"), about), *map(Row, row.facts.items())]
    lines: list[Block] = [] if found.before else [*found.first.warnings]
    lines += [Text(heading(found), "dim"), Columns(rows=table, indent=2), ""]
    lines += (Text(note, "yellow") for note in notes(found))
    if found.before and not found.changes:
        lines.append(Text("Nothing changes.", "bold green"))
    return Lines(tuple(lines), essential=(essential(found),))


def forecast_markdown(found: Forecast, /, *, verbose: bool) -> str:
    """Return a table of the future backups; of a comparison, three lines, and the changes of each series folded.

    `verbose` has a row for every series.
    """
    table = rows(found, verbose=verbose)  # the last row is the sum
    return markdown(
        "forecast/comment.md.jinja",
        heading=heading(found),
        forecast=found,
        in_all=in_all(found) if found.changes else {},
        labels=list(dict.fromkeys(label for row in table for label in row.facts)),
        shown=table if len(table) <= _MOST_ROWS else [*table[: _MOST_ROWS - 1], table[-1]],
        more=len(table) - _MOST_ROWS,
        notes=list(notes(found)),
    )


def forecast_json(found: Forecast, /, *, verbose: bool = False) -> dict[str, object]:
    """Return the forecast, or both forecasts and the changes; sizes in MiB, spans in seconds, times in UTC."""
    if found.before is None:
        return _forecast(found)
    return {
        "format_version": "1.0",
        "before": _forecast(found.before),
        "after": _forecast(found),
        "changes": [
            {
                "address": change.address,
                "declared_before": bool(change.before and change.before.declared),
                "declared_after": bool(change.after and change.after.declared),
                "no_longer": list(map(_point, change.gone)),
            }
            for change in found.changes
        ],
    }


def _forecast(forecast: Forecast) -> dict[str, object]:
    first = forecast.first
    withheld = safety.withheld(first)
    return {
        "format_version": "1.0",
        "base_url": first.base_url or None,
        "from_empty": not first.base_url,
        "timezone": first.zone,
        "days": forecast.schedule.days,
        "apply_every": forecast.schedule.every,
        "applies": len(forecast.moments),
        "started_at": forecast.schedule.start,
        "ended_at": forecast.end,
        "total": _figures(forecast.total, forecast) if forecast.total else None,
        "fleets": {fleet: _figures(figures, forecast) for fleet, figures in forecast.fleets.items()},
        "series": [_series(series, forecast) for series in forecast.series],
        "withheld_at_first": len(withheld),
        "allow_loss_at_first": first.loss.lost if first.loss.is_too_much(0) else None,
        "errors": first.errors,
        "warnings": first.warnings,
    }


def _series(series: SeriesForecast, forecast: Forecast) -> dict[str, object]:
    declared = series.declared
    return {
        "address": series.address,
        "server": series.address.server,
        "description": series.address.description,
        "declared": declared is not None,
        "fleet": series.fleet,
        "every": declared.every if declared else None,
        "keep": declared.keep if declared else None,
        "new_size_mb": series.size.megabytes,
        "new_size_from": series.size.source,
        **_figures(series.figures, forecast),
        "restore_points": list(map(_point, series.points)),
    }


def _figures(figures: Figures, forecast: Forecast) -> dict[str, object]:
    counts, megabytes = figures.counts, figures.megabytes
    return {
        "backups": counts[-1],
        "size_mb": megabytes[-1],
        "most_backups": max(counts),
        "most_backups_at": peak_at(counts, forecast),
        "most_size_mb": max(megabytes),
        "most_size_mb_at": peak_at(megabytes, forecast),
        "creates": figures.creates,
        "deletes": figures.deletes,
        "oldest": figures.oldest,
        "longest_gap_seconds": figures.longest_gap,
        "steady_at": figures.steady_at,
    }


def _point(point: Point) -> dict[str, object]:
    return {"id": point.backup_id, "created_at": point.created_at, "size_mb": point.size_mb}


FORECAST_FORMATS: Formats[Formatter[Forecast]] = Formats(
    forecast_text,
    more="every series",
    json=(forecast_json, "Print JSON."),
    markdown=(forecast_markdown, "Print Markdown for a merge-request comment."),
)
