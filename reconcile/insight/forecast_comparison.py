"""Compares two forecasts from one account, before and after a change to the files, series by series."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconcile.addresses import SeriesAddress
from reconcile.ids import Id
from reconcile.insight.forecast import Forecast, SeriesChange, SeriesForecast, combined


def compare(before: Forecast, after: Forecast) -> Forecast:
    """Return the forecast after a change to the files, compared with the one before it.

    Another key for a server is no change.
    """
    declared = {server.id for server in after.first.servers}
    left = {server.key for server in before.first.servers if server.id not in declared}
    # On servers that are no longer in the files, nothing is created or deleted.
    untouched = (series.untouched(after.moments) for series in before.series if series.address.server in left)
    olds, news = _by_server(before, before.series), _by_server(after, after.series) | _by_server(before, untouched)
    series = tuple(news.values())
    kept = {point.backup_id for each in series for point in each.points}
    changes = (
        _change((news.get(each) or olds[each]).address, olds.get(each), news.get(each), kept) for each in olds | news
    )
    return replace(after, series=series, total=combined(series), before=before, changes=tuple(filter(None, changes)))


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
