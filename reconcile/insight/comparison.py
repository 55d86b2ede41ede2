"""Compares two forecasts from one account, before and after a change to the files, series by series."""

from array import array
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from reconcile.actual.inventory import State, in_order
from reconcile.addresses import SeriesAddress
from reconcile.ids import Id
from reconcile.insight.forecast import Figures, Forecast, Point, SeriesForecast, combined
from reconcile.plan.model import ServerPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesChange:
    """A series whose forecasts differ, or that only one of the forecasts has."""

    address: SeriesAddress
    before: SeriesForecast | None
    after: SeriesForecast | None
    gone: tuple[Point, ...]
    """The restore points that exist at the end before the change, and that the change deletes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two forecasts of one schedule, and the series in which they differ."""

    before: Forecast
    after: Forecast
    changes: tuple[SeriesChange, ...]


def compare(before: Forecast, after: Forecast) -> Comparison:
    """Compare the forecasts of the files before and after a change. Another key for a server is no change."""
    untouched = _untouched_series(before, after)
    olds, news = _by_server(before, before.series), _by_server(after, after.series) | _by_server(before, untouched)
    series = tuple(news.values())
    kept = {point.backup_id for each in series for point in each.points}
    changes = [
        _change((news.get(each) or olds[each]).address, olds.get(each), news.get(each), kept) for each in olds | news
    ]
    return Comparison(
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


def _untouched_series(before: Forecast, after: Forecast) -> Iterator[SeriesForecast]:
    """Yield the backups on servers that are no longer in the files: nothing is created or deleted there."""
    declared = {server.id for server in after.first.servers}
    left = {server.key: server for server in before.first.servers if server.id not in declared}
    for series in before.series:
        if series.address.server in left:
            yield _untouched(series, left[series.address.server], after.moments[0])


def _untouched(series: SeriesForecast, server: ServerPlan, start: datetime) -> SeriesForecast:
    if series.declared:
        held = next(planned.backups for planned in server.series if planned.address == series.address)
    else:
        held = (*(delete.backup for delete in server.pruned), *(entry.backup for entry in server.unmanaged))
    points = tuple(
        Point(backup_id=backup.id, created_at=backup.created_at, size_mb=backup.size_mb)
        for backup in in_order(held)
        if backup.state is State.USABLE
    )
    created = [point.created_at for point in points] if series.declared else []  # undeclared backups are no history
    applies = len(series.figures.counts)
    figures = Figures(
        counts=[series.figures.counts[0]] * applies,
        megabytes=array("d", [series.figures.megabytes[0]]) * applies,
        creates=0,
        deletes=0,
        oldest=min(created, default=None),
        longest_gap=max((later - earlier for earlier, later in pairwise(created)), default=None),
        steady_at=start,
    )
    return replace(series, declared=None, fleet=None, figures=figures, points=points)
