"""`reconcile forecast --json`."""

from reconcile.insight.comparison import Comparison, SeriesChange
from reconcile.insight.forecast import Figures, Forecast, Point, SeriesForecast
from reconcile.plan.safety import withheld


def forecast_json(found: Forecast | Comparison, /, *, verbose: bool = False) -> dict[str, object]:
    """Return the forecast, or both forecasts and the changes; sizes in MiB, spans in seconds, times in UTC."""
    if isinstance(found, Forecast):
        return _forecast(found)
    return {
        "format_version": "1.0",
        "before": _forecast(found.before),
        "after": _forecast(found.after),
        "changes": [_change(change) for change in found.changes],
    }


def _forecast(forecast: Forecast) -> dict[str, object]:
    first = forecast.first
    held_back = withheld(first)
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
        "withheld_at_first": len(held_back),
        "allow_loss_at_first": first.loss.lost if held_back else None,
        "errors": first.errors,
        "warnings": first.warnings,
    }


def _series(series: SeriesForecast, forecast: Forecast) -> dict[str, object]:
    declared = series.declared
    return {
        "address": str(series.address),
        "server": series.address.server,
        "description": series.address.description,
        "declared": declared is not None,
        "fleet": series.fleet,
        "every": declared.every if declared else None,
        "keep": [str(rule) for rule in declared.keep] if declared else None,
        "new_size_mb": series.size.megabytes,
        "new_size_from": series.size.source,
        **_figures(series.figures, forecast),
        "restore_points": [_point(point) for point in series.points],
    }


def _figures(figures: Figures, forecast: Forecast) -> dict[str, object]:
    counts, megabytes = figures.counts, figures.megabytes
    most, largest = (max(range(len(values)), key=values.__getitem__) for values in (counts, megabytes))
    return {
        "backups": counts[-1],
        "size_mb": megabytes[-1],
        "most_backups": counts[most],
        "most_backups_at": forecast.times[most],
        "most_size_mb": megabytes[largest],
        "most_size_mb_at": forecast.times[largest],
        "creates": figures.creates,
        "deletes": figures.deletes,
        "oldest": figures.oldest,
        "longest_gap_seconds": figures.longest_gap,
        "steady_at": figures.steady_at,
    }


def _point(point: Point) -> dict[str, object]:
    return {"id": point.backup_id, "created_at": point.created_at, "size_mb": point.size_mb}


def _change(change: SeriesChange) -> dict[str, object]:
    return {
        "address": str(change.address),
        "declared_before": bool(change.before and change.before.declared),
        "declared_after": bool(change.after and change.after.declared),
        "no_longer": [_point(point) for point in change.gone],
    }
