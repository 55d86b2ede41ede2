"""Compares two forecasts from one account, before and after a change to the files, series by series."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from reconcile.addresses import SeriesAddress
from reconcile.ids import Id
from reconcile.insight.forecast import Forecast, Point, SeriesForecast, combined


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesChange:
    """A series whose forecasts differ, or that only one of the forecasts has."""

    address: SeriesAddress
    before: SeriesForecast | None
    after: SeriesForecast | None
    gone: tuple[Point, ...]
    """The restore points that exist at the end before the change, and that the change deletes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastComparison:
    """Two forecasts of one schedule, and the series in which they differ."""

    before: Forecast
    after: Forecast
    changes: tuple[SeriesChange, ...]


def compare(before: Forecast, after: Forecast) -> ForecastComparison:
    """Compare the forecasts of the files before and after a change. Another key for a server is no change."""
    declared = {server.id for server in after.first.servers}
    left = {server.key for server in before.first.servers if server.id not in declared}
    # On servers that are no longer in the files, nothing is created or deleted.
    untouched = (series.untouched(after.moments) for series in before.series if series.address.server in left)
    olds, news = _by_server(before, before.series), _by_server(after, after.series) | _by_server(before, untouched)
    series = tuple(news.values())
    kept = {point.backup_id for each in series for point in each.points}
    changes = [
        _change((news.get(each) or olds[each]).address, olds.get(each), news.get(each), kept) for each in olds | news
    ]
    return ForecastComparison(
        before=before,
        after=replace(after, series=series, total=combined(series)),
        changes=tuple(change for change in changes if change),
    )


def _by_server(forecast: Forecast, series: Iterable[SeriesForecast]) -> dict[tuple[Id, str | None], SeriesForecast]:
    """Return series by the id of their server, which is the same in both forecasts, and their description."""
    ids = {server.key: server.id for server in forecast.first.servers}
    return {(ids[each.address.server], each.address.description): each for each in series}


def _change(
    address: SeriesAddress, before: SeriesForecast | None, after: SeriesForecast | None, kept: AbstractSet[Id | None]
) -> SeriesChange | None:
    if before and after and (before.declared, before.figures) == (after.declared, after.figures):
        return None
    if after and after.declared:
        held = {(point.backup_id, point.created_at) for point in after.points}
        gone = [each for each in (before.points if before else ()) if (each.backup_id, each.created_at) not in held]
    else:
        # Only an existing backup can be lost. It may also still exist, undeclared or on an unprotected server.
        gone = [each for each in (before.points if before else ()) if each.backup_id not in kept | {None}]
    return SeriesChange(address=address, before=before, after=after, gone=tuple(gone))
