"""`reconcile forecast --html`: a page with size and number over time, and the restore points that exist at the end.

Lines and areas are SVG that is stretched to the width of the page. Text is HTML beside the SVG, so it has the same size
on a phone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from math import ceil, floor, log10
from operator import add
from zoneinfo import ZoneInfo

from reconcile.insight.forecast import Figures, Forecast, SeriesForecast, combined
from reconcile.report.document import page
from reconcile.report.forecast.sentences import essential, grouped, heading, horizon, notes, policy_of, rows
from reconcile.wording import GIBIBYTE, count_text

_MOST_GROUPS = 8
"""Maximum number of groups with their own colour, because people can distinguish no more; the rest is one group."""

_MOST_POINTS = 500
"""Maximum number of points on a curve; more would not be visible, and the page would be many megabytes large."""

_MOST_TICKS = 6
_MOST_LINES = 4
"""Maximum number of lines across a chart, without the one at its foot."""

_WIDTH, _HEIGHT = 1000, 100
"""Units of the SVG."""


@dataclass(frozen=True, slots=True)
class _Group:
    label: str
    series: list[SeriesForecast]
    figures: Figures


def forecast_html(forecast: Forecast, /, *, verbose: bool) -> str:
    """Return the page; with a comparison, the totals before the change are dashed."""
    before = forecast.before
    zone = forecast.first.zone
    groups = _groups(forecast)
    points = [[point.created_at for series in group.series for point in series.points] for group in groups]
    start = forecast.schedule.start
    axis = _TimeAxis(start, forecast.end, zone)
    all_time = _TimeAxis(min([start, *(moment for group in points for moment in group)]), forecast.end, zone)
    return page(
        "forecast/page.html.jinja",
        verdict=f"{horizon(forecast).capitalize()}: {essential(forecast)}",
        heading=heading(forecast),
        notes=list(notes(forecast)),
        warnings=forecast.first.warnings,
        groups=[group.label for group in groups],
        charts=list(_charts(groups, before.total if before else None, list(map(axis.place, forecast.times)))),
        axis=axis,
        all_time=all_time,
        today=all_time.place(start),
        points=[_marks(group.label, moments, all_time) for group, moments in zip(groups, points, strict=True)],
        rows=rows(forecast, verbose=verbose),
        is_compared=before is not None,
        width=_WIDTH,
        height=_HEIGHT,
    )


class _TimeAxis:
    """Maps times to horizontal positions."""

    def __init__(self, start: datetime, end: datetime, zone: ZoneInfo) -> None:
        self.start, self.end = (moment.astimezone(zone) for moment in (start, max(end, start + timedelta(days=1))))

    def place(self, moment: datetime, width: int = _WIDTH) -> float:
        """Return how far a moment is from the left."""
        return round((moment - self.start) / (self.end - self.start) * width, 1)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield the position, in percent, and the text of some dates: days apart, or the starts of months or years."""
        days = (self.end - self.start).days
        if days <= 31 * _MOST_TICKS:
            step = ceil(days / _MOST_TICKS)
            moments = [self.start + timedelta(days=number) for number in range(0, days + 1, step)]
            form = "%Y-%m-%d"
        else:
            step = next(each for each in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600) if days <= 31 * each * _MOST_TICKS)
            first, last = (moment.year * 12 + moment.month - 1 for moment in (self.start, self.end))
            months = range(first // step * step + step, last + 1, step)
            moments = [datetime(month // 12, month % 12 + 1, 1, tzinfo=self.start.tzinfo) for month in months]
            form = "%Y-%m" if step % 12 else "%Y"
        return ((self.place(moment, 100), f"{moment:{form}}") for moment in moments)


def _charts(groups: Sequence[_Group], old: Figures | None, places: Sequence[float]) -> Iterator[dict[str, object]]:
    if any(max(group.figures.megabytes) for group in groups):
        top = max(map(sum, zip(*(group.figures.megabytes for group in groups), strict=True)))
        divisor, unit = (GIBIBYTE, " GiB") if top >= GIBIBYTE else (1, " MiB")
        sizes = [[each / divisor for each in group.figures.megabytes] for group in groups]
        yield _chart("Size", unit, sizes, [each / divisor for each in old.megabytes] if old else (), places)
    if groups:
        yield _chart("Backups", "", [group.figures.counts for group in groups], old.counts if old else (), places)


def _chart(
    name: str, unit: str, curves: Sequence[Sequence[float]], old: Sequence[float], places: Sequence[float]
) -> dict[str, object]:
    """Return a chart of the backups of several groups, stacked."""
    step = ceil(len(places) / _MOST_POINTS)
    totals = accumulate(curves, lambda below, curve: list(map(add, below, curve)))
    *stacked, line = [[max(curve[at : at + step]) for at in range(0, len(curve), step)] for curve in (*totals, old)]
    highest = max(*stacked[-1], *line, 1)
    # The next of 1, 2, 5, 10, 20, … and of their fractions.
    power = 10.0 ** floor(log10(highest / _MOST_LINES))
    apart = next(each * power for each in (1, 2, 5, 10) if highest / _MOST_LINES <= each * power)
    heights = [apart * number for number in range(ceil(highest / apart) + 1)]
    top = heights[-1]
    return {
        "name": name,
        # The path of each group, on top of those before it; then that of the total before the change, if there was one.
        "areas": [f"{_curve(places[::step], each, top)}V{_HEIGHT}H0Z" for each in stacked],
        "before": _curve(places[::step], line, top) if line else "",
        # The height, in percent, and the text of each line across.
        "lines": [(round(height / top * 100, 1), f"{height:,.10g}{unit}") for height in heights],
    }


def _curve(places: Sequence[float], values: Sequence[float], top: float) -> str:
    """Return the path of a value that is constant between two positions."""
    heights = [round(_HEIGHT * (1 - value / top), 1) for value in values]
    path = f"M0 {heights[0]:g}"
    for place, height, previous in zip(places[1:], heights[1:], heights, strict=False):
        if height != previous:
            path += f"H{place:g}V{height:g}"
    return f"{path}H{_WIDTH}"


def _marks(label: str, moments: Iterable[datetime], axis: _TimeAxis) -> tuple[str, str, str]:
    """Return a label, the path of a mark for each restore point, and how many there are."""
    ordered = sorted(moments)
    places = dict.fromkeys(axis.place(moment) for moment in ordered)
    facts = count_text(len(ordered), "restore point")
    if ordered:
        facts += f", from {ordered[0].astimezone(axis.start.tzinfo):%Y-%m-%d}"
    return label, "".join(f"M{place:g} 0V{_HEIGHT}" for place in places), facts


def _groups(forecast: Forecast) -> list[_Group]:
    """Group the series by fleet, policy or server, whichever is most informative; the largest group first."""
    found = grouped(forecast.series, policy_of)
    if forecast.fleets:
        found = grouped(forecast.series, lambda each: each.fleet or "in no fleet")
    elif not 1 < len(found) <= _MOST_GROUPS:
        found = grouped(forecast.series, lambda each: each.address.server)
    groups = [_Group(name, series, figures) for name, series in found.items() if (figures := combined(series))]
    groups.sort(key=lambda group: (group.figures.megabytes[-1], group.figures.counts[-1]), reverse=True)
    rest = [series for group in groups[_MOST_GROUPS - 1 :] for series in group.series]
    if len(groups) > _MOST_GROUPS and (figures := combined(rest)):
        groups[_MOST_GROUPS - 1 :] = [_Group("others", rest, figures)]
    return groups
