"""What a forecast says, and the comparison of two: a heading, rows of facts, notes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from math import floor, log10

from reconcile.addresses import SeriesAddress
from reconcile.desired.config import DeclaredSeries
from reconcile.durations import age_text
from reconcile.insight.forecast import Figures, Forecast, SeriesChange, SeriesForecast, combined
from reconcile.plan.safety import withheld
from reconcile.report.plan.sentences import withheld_texts
from reconcile.wording import count_text, size_text, span_text

MOST_SERIES = 10
"""Series are shown one by one up to this many, or all of them with `-v`; more are shown by policy."""

_MONTH, _YEAR = 30, 365
"""Days."""

_MOST_SPANS = 5
"""Spans of days that are named."""

_SOURCES = {"series": "its own backups", "server": "its server's backups", "option": "--size-mb"}


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """A series, or several together, with the facts about their backups or their changes by label."""

    name: str
    about: str
    facts: Mapping[str, str]


def essential(forecast: Forecast) -> str:
    """Say the result in one line."""
    if forecast.before:
        return f"{_amount(forecast.before.total)} → {_amount(forecast.total)}"
    return f"{_amount(forecast.total)} on {_date(forecast.end, forecast)}"


def heading(forecast: Forecast) -> str:
    """Say what was simulated."""
    account = f"The account at {forecast.first.base_url}" if forecast.first.base_url else "An empty account"
    start, end = (_date(moment, forecast) for moment in (forecast.schedule.start, forecast.end))
    return f"{account}, with an apply every {forecast.schedule.every} from {start} to {end}"


def rows(forecast: Forecast, *, verbose: bool) -> list[ForecastRow]:
    """Return a row for each series with backups or changes, or for each policy if there are many; then the total."""
    return list(_changed(forecast, verbose=verbose) if forecast.before else _held(forecast, verbose=verbose))


def notes(forecast: Forecast) -> Iterator[str]:
    """Say what the figures leave out or assume."""
    if forecast.without_size:
        lacking = count_text(forecast.without_size, "series")
        yield f"The sizes leave out new backups of {lacking}, whose size is not known. To assume one, use --size-mb."
    for number, why in withheld_texts(forecast.first, withheld(forecast.first)):
        withholds = f"The first apply would withhold {count_text(number, 'delete')}"
        yield f"{withholds}; this forecast carries out every delete. {why}"


def grouped(series: Iterable[SeriesForecast], name: Callable[[SeriesForecast], str]) -> dict[str, list[SeriesForecast]]:
    """Group the series by the name that each is given."""
    groups: dict[str, list[SeriesForecast]] = {}
    for each in series:
        groups.setdefault(name(each), []).append(each)
    return groups


def policy_of(series: SeriesForecast) -> str:
    """Return the values of the policy of a series, whatever its name."""
    return _policy(series.declared) or "undeclared backups"


def _held(forecast: Forecast, *, verbose: bool) -> Iterator[ForecastRow]:
    if verbose or len(forecast.series) <= MOST_SERIES:
        for series in forecast.series:
            about, new = _policy(series.declared), series.size
            if verbose and series.declared:
                known = new.megabytes is not None
                about += (
                    f", {size_text(new.megabytes)} each (from {_SOURCES[new.source]})" if known else ", size not known"
                )
            yield ForecastRow(_name(series.address), about, _facts(series.figures, forecast))
    else:
        for policy, alike in grouped(forecast.series, policy_of).items():
            if figures := combined(alike):
                yield ForecastRow(policy, count_text(len(alike), "series"), _facts(figures, forecast))
    for fleet, figures in forecast.fleets.items():
        about = "as one server" if not forecast.first.base_url else ""
        yield ForecastRow(f"fleet {fleet}", about, _facts(figures, forecast))
    if forecast.total and len(forecast.series) != 1:
        yield ForecastRow("All", count_text(len(forecast.series), "series"), _facts(forecast.total, forecast))


def _name(address: SeriesAddress) -> str:
    """Name a series, or the undeclared backups of a server."""
    return f"{address.server}, undeclared backups" if address.description is None else str(address)


def _policy(declared: DeclaredSeries | None) -> str:
    """Write the values of a policy; empty for undeclared backups."""
    if declared is None:
        return ""
    every = f"every {declared.every}" if declared.every else "created once"
    return f"{every}, keep {' '.join(map(str, declared.keep))}"


def horizon(forecast: Forecast) -> str:
    """Say when the end is."""
    days = forecast.schedule.days
    number, thing = (days // _YEAR, "year") if days % _YEAR == 0 else (days, "day")
    return f"in a {thing}" if number == 1 else f"in {count_text(number, thing)}"


def _facts(figures: Figures, forecast: Forecast) -> dict[str, str]:
    """Say how many backups there will be at the end and at most, how many change, and how far back they reach."""
    peak, day = count_text(max(figures.counts), "backup"), _date(peak_at(figures.counts, forecast), forecast)
    if max(figures.megabytes):
        size, size_day = size_text(max(figures.megabytes)), _date(peak_at(figures.megabytes, forecast), forecast)
        peak += f" and {size}" if size_day == day else f" on {day}, {size}"
        day = size_day
    months = forecast.schedule.days / _MONTH
    found = {
        horizon(forecast): _amount(figures),
        "at its peak": f"{peak} on {day}",
        "each month": f"{_rounded(figures.creates / months)} created, {_rounded(figures.deletes / months)} deleted",
    }
    if figures.oldest:
        found["reaches back"] = (
            f"to {_date(figures.oldest, forecast)}, {age_text(forecast.end - figures.oldest)} before the end"
        )
    if figures.longest_gap:
        found["longest gap"] = f"{age_text(figures.longest_gap)} between two backups"
    found["settles"] = f"on {_date(figures.steady_at, forecast)}" if figures.steady_at else "not before the end"
    return found


def _rounded(number: float) -> str:
    """Write an approximate number, with two digits."""
    if not number:
        return "none"
    if number < 1:
        return "less than one"
    return f"{round(number, min(0, 1 - floor(log10(number)))):,.0f}"


def peak_at(values: Sequence[float], forecast: Forecast) -> datetime:
    """Return when the largest value is first reached."""
    return forecast.times[values.index(max(values))]


def _date(moment: datetime, forecast: Forecast) -> str:
    """Write a day, in the time zone of the files."""
    return f"{moment.astimezone(forecast.first.zone):%Y-%m-%d}"


def _amount(figures: Figures | None) -> str:
    """Write how many backups there are at the end, and their size, if it is known."""
    backups, megabytes = (figures.counts[-1], figures.megabytes[-1]) if figures else (0, 0.0)
    return f"{count_text(backups, 'backup')}{f', {size_text(megabytes)}' if megabytes else ''}"


def _changed(forecast: Forecast, *, verbose: bool) -> Iterator[ForecastRow]:
    changes = forecast.changes
    groups: dict[tuple[str, str], list[SeriesChange]] = {}
    for change in changes:
        old, new = ((each and _policy(each.declared)) or "not declared" for each in (change.before, change.after))
        policies = new if old == new else f"{old} → {new}"
        name = _name(change.address) if verbose or len(changes) <= MOST_SERIES else ""
        groups.setdefault((name, policies), []).append(change)
    for (name, policies), alike in groups.items():
        before = combined(change.before for change in alike if change.before)
        after = combined(change.after for change in alike if change.after)
        yield ForecastRow(
            name=name or count_text(len(alike), "series"),
            about=policies,
            facts=dict((*_differences(before, after, forecast), *_gone(alike, forecast))),
        )
    if changes and len(forecast.series) > 1:
        yield ForecastRow(
            name="All",
            about=f"{count_text(len(forecast.series), 'series')}, {len(changes):,} with a change",
            facts=in_all(forecast),
        )


def in_all(forecast: Forecast) -> dict[str, str]:
    """Say what changes in all: at the end, at the peak, and how far back the backups reach."""
    return dict(_differences(forecast.before.total if forecast.before else None, forecast.total, forecast))


def _differences(before: Figures | None, after: Figures | None, forecast: Forecast) -> Iterator[tuple[str, str]]:
    old, new = ((each.counts[-1], each.megabytes[-1]) if each else (0, 0.0) for each in (before, after))
    yield horizon(forecast), _change(old, new)
    old, new = ((max(each.counts), max(each.megabytes)) if each else (0, 0.0) for each in (before, after))
    yield "at its peak", _change(old, new)
    oldest = [each and each.oldest for each in (before, after)]
    if any(oldest):
        earlier, later = (_date(each, forecast) if each else "nothing" for each in oldest)
        yield "reaches back", f"to {later}, as before" if earlier == later else f"{earlier} → {later}"


def _change(old: tuple[int, float], new: tuple[int, float]) -> str:
    """Compare two pairs of a number of backups and their mebibytes."""
    counts = _compared(old[0], new[0], "{:,}".format)
    return f"{counts}; {_compared(old[1], new[1], size_text)}" if old[1] or new[1] else counts


def _compared(old: float, new: float, text: Callable[[float], str]) -> str:
    """Write a value before and after, and by how much it differs."""
    if old == new:
        return f"{text(new)} as before"
    return f"{text(old)} → {text(new)} ({'-' if new < old else '+'}{text(abs(new - old))})"


def _gone(changes: Iterable[SeriesChange], forecast: Forecast) -> Iterator[tuple[str, str]]:
    """Name the days of the restore points that will no longer exist at the end, neighbours together."""
    zone = forecast.first.zone
    points = [point.created_at.astimezone(zone).date() for change in changes for point in change.gone]
    in_a_row = groupby(enumerate(sorted(set(points))), key=lambda each: each[1].toordinal() - each[0])
    spans = [span_text(*[f"{day}" for _, day in days]) for _, days in in_a_row]
    if points:
        more = ["…"] if len(spans) > _MOST_SPANS else []
        yield "no longer", f"{count_text(len(points), 'restore point')}: {', '.join(more + spans[-_MOST_SPANS:])}"
