"""`reconcile forecast --out`: how much there will be over time, and which restore points at the end, as a picture."""

import io
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from reconcile.insight.forecast import Figures, Forecast, SeriesForecast, together
from reconcile.report.escape import visible
from reconcile.report.forecast.sentences import by_policy, heading, notes, rows

_MOST_GROUPS = 8
"""As many colours can be distinguished; the rest are one group."""

_MOST_POINTS = 1000
"""Of a curve. More would not be seen, and make an SVG of many megabytes."""

_STYLE: Any = {
    "text.parse_math": False,  # a dollar sign in a description is one
    "svg.fonttype": "none",  # text that can be found and read aloud
    "svg.hashsalt": "reconcile",  # the same forecast is the same file
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "font.size": 9,
}


@dataclass(frozen=True, slots=True)
class _Group:
    label: str
    series: list[SeriesForecast]
    figures: Figures


def forecast_chart(
    forecast: Forecast, kind: str, before: Forecast | None = None, redact: Callable[[str], str] = str
) -> bytes:
    """Return a picture in the format `kind`, "svg" or "png"; the totals of a forecast `before` a change are dashed.

    `redact` removes from the names what must not be shown: once it is pixels, nobody finds it any more.
    """
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the font lacks a character of a name is seen in the picture
        content = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else None
        figure = _figure(forecast, before, [_redacted(group, redact) for group in _groups(forecast)])
        figure.savefig(content, format=kind, dpi=150, facecolor="white", metadata=metadata)
    return content.getvalue()


def forecast_page(forecast: Forecast, before: Forecast | None = None) -> str:
    """Return one HTML page with the picture and the figures as text; it needs no network and no script."""
    environment = Environment(loader=PackageLoader("reconcile", "report"), autoescape=True, undefined=StrictUndefined)
    svg = forecast_chart(forecast, "svg", before).decode()
    return environment.get_template("forecast.html.jinja").render(
        heading=heading(forecast),
        svg=Markup(svg[svg.index("<svg") :]),  # noqa: S704 - matplotlib escapes what it draws
        rows=[(row.name, row.about, row.facts) for row in rows(forecast, verbose=False)],
        notes=list(notes(forecast)),
    )


def _figure(forecast: Forecast, before: Forecast | None, groups: list[_Group]) -> Figure:
    if not groups:
        figure = Figure(figsize=(10, 2))
        figure.text(0.5, 0.5, "Nothing is declared, and nothing is held.", ha="center")
        return figure
    has_size = any(max(group.figures.megabytes) > 0 for group in groups)
    heights = [3, 3, 0.6 + 0.3 * len(groups)] if has_size else [3, 0.6 + 0.3 * len(groups)]
    figure = Figure(figsize=(10, 1 + sum(heights)), layout="constrained")
    figure.suptitle(heading(forecast), fontsize=10)
    *curves, timeline = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    zone = ZoneInfo(forecast.first.timezone)
    _stack(curves[-1], "backups", forecast, [(group.label, group.figures.counts) for group in groups])
    if before and before.total:
        curves[-1].step(list(map(_day, before.times)), before.total.counts, "k--", where="post", label="before")
    if has_size:
        sizes = [(group.label, [each / 1024 for each in group.figures.megabytes]) for group in groups]
        _stack(curves[0], "GiB", forecast, sizes)
        if before and before.total:
            in_gib = [each / 1024 for each in before.total.megabytes]
            curves[0].step(list(map(_day, before.times)), in_gib, "k--", where="post", label="before")
    for axes in curves:
        axes.set_ylim(bottom=0)  # now that everything is in it
    figure.legend(*curves[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    _restore_points(timeline, groups, forecast)
    locator = AutoDateLocator(tz=zone)  # type: ignore[no-untyped-call]
    timeline.xaxis.set_major_locator(locator)
    timeline.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]
    return figure


def _stack(axes: Axes, label: str, forecast: Forecast, curves: Iterable[tuple[str, Iterable[float]]]) -> None:
    step = max(1, len(forecast.times) // _MOST_POINTS)
    moments = forecast.times
    times = [_day(moment) for moment in (*moments[:-1:step], moments[-1])]
    thinned = [(name, list(values)) for name, values in curves]
    axes.stackplot(
        times,
        [[*values[:-1:step], values[-1]] for _, values in thinned],
        labels=[name for name, _ in thinned],
        colors=[_colour(number) for number in range(len(thinned))],
        step="post",
        alpha=0.85,
    )
    axes.set_ylabel(label)


def _restore_points(axes: Axes, groups: list[_Group], forecast: Forecast) -> None:
    for number, group in enumerate(groups):
        times = {_day(point.created_at) for series in group.series for point in series.points}
        axes.plot(sorted(times), [-number] * len(times), "|", color=_colour(number), markersize=12, markeredgewidth=1.5)
    axes.axvline(_day(forecast.schedule.start), color="black", linewidth=0.8)
    axes.set_yticks([-number for number in range(len(groups))], [group.label for group in groups], fontsize=8)
    axes.set_ylim(0.5 - len(groups), 0.5)
    axes.set_title("Restore points that exist at the end", fontsize=9, loc="left")


def _groups(forecast: Forecast) -> list[_Group]:
    """Group the series by fleet, or by policy, or by server, whichever says most: the largest first."""
    if forecast.fleets:
        found = _grouped((each, each.fleet or "in no fleet") for each in forecast.series)
    elif 1 < len(policies := by_policy(forecast.series)) <= _MOST_GROUPS:
        found = dict(policies)
    else:
        found = _grouped((each, each.address.server) for each in forecast.series)
    groups = [_Group(name, series, figures) for name, series in found.items() if (figures := together(series))]
    groups.sort(key=lambda group: (group.figures.megabytes[-1], group.figures.counts[-1]), reverse=True)
    if len(groups) > _MOST_GROUPS:
        others = [series for group in groups[_MOST_GROUPS - 1 :] for series in group.series]
        figures = together(others)
        groups = groups[: _MOST_GROUPS - 1]
        if figures:
            groups.append(_Group("others", others, figures))
    return groups


def _grouped(named: Iterable[tuple[SeriesForecast, str]]) -> dict[str, list[SeriesForecast]]:
    groups: dict[str, list[SeriesForecast]] = {}
    for series, name in named:
        groups.setdefault(name, []).append(series)
    return groups


def _redacted(group: _Group, redact: Callable[[str], str]) -> _Group:
    text = visible(redact(group.label), 60)
    # A legend leaves out what begins with an underscore.
    return replace(group, label=f" {text}" if text.startswith("_") else text)


def _day(moment: datetime) -> float:
    """Return a moment as matplotlib has it: in days since 1970."""
    return moment.timestamp() / 86_400


def _colour(number: int) -> str:
    """Return one of the eight colours of Okabe and Ito, which colour-blind people can distinguish."""
    return ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")[number]
