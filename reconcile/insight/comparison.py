"""What a change of the files changes: two forecasts from one account, series by series."""

from dataclasses import dataclass

from reconcile.addresses import SeriesAddress
from reconcile.insight.forecast import Forecast, Point, SeriesForecast


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesChange:
    """A series whose forecasts differ, or that only one of the two has."""

    address: SeriesAddress
    before: SeriesForecast | None
    after: SeriesForecast | None
    gone: tuple[Point, ...]
    """The restore points that exist at the end before the change, and no longer after it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two forecasts of one schedule, and the series in which they differ."""

    before: Forecast
    after: Forecast
    changes: tuple[SeriesChange, ...]


def compare(before: Forecast, after: Forecast) -> Comparison:
    """Compare the forecasts of the files before and after a change."""
    olds, news = ({series.address: series for series in each.series} for each in (before, after))
    changes = [_change(address, olds.get(address), news.get(address)) for address in olds | news]
    return Comparison(before=before, after=after, changes=tuple(change for change in changes if change))


def _change(address: SeriesAddress, before: SeriesForecast | None, after: SeriesForecast | None) -> SeriesChange | None:
    if before and after and (before.declared, before.figures) == (after.declared, after.figures):
        return None
    stays = {(point.backup_id, point.created_at) for point in (after.points if after else ())}
    gone = [point for point in (before.points if before else ()) if (point.backup_id, point.created_at) not in stays]
    return SeriesChange(address=address, before=before, after=after, gone=tuple(gone))
