"""`reconcile forecast` as text: what each series, or each policy, will hold, and all together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.text import Text

from reconcile.addresses import SeriesAddress
from reconcile.desired.config import DeclaredSeries
from reconcile.durations import age_text
from reconcile.insight.forecast import Figures, Forecast, SeriesForecast, together
from reconcile.plan.safety import withheld
from reconcile.report.diagnostics import diagnostic_text
from reconcile.report.document import Lines
from reconcile.report.escape import visible
from reconcile.report.plan.text import withheld_texts
from reconcile.report.wording import count_text

MOST_SERIES = 10
"""Series are shown one by one up to this many, or all of them with `-v`; more are shown by policy."""

_MONTH = 30
"""Days."""

_GIBIBYTE = 1024
_SOURCES = {"series": "its own backups", "server": "its server's backups", "option": "--size-mb"}


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """A series, or several together, and what they will hold."""

    name: str
    about: str
    figures: Figures


def forecast_text(forecast: Forecast, *, verbose: bool) -> Lines:
    """Return the forecast; `verbose` shows every series, and where its size is from."""
    essential = Text(f"{amount_text(forecast.total)} on {date_text(forecast.end, forecast)}")
    return Lines(tuple(_lines(forecast, verbose=verbose)), essential=(essential,))


def _lines(forecast: Forecast, *, verbose: bool) -> Iterator[Text]:
    for diagnostic in forecast.first.warnings:
        yield from diagnostic_text(diagnostic)
    yield Text(heading(forecast), "dim")
    for row in rows(forecast, verbose=verbose):
        yield Text("")
        yield Text.assemble((row.name, "bold"), f": {row.about}" if row.about else "")
        for label, fact in facts(row.figures, forecast).items():
            yield Text(f"  {label:<11} {fact}")
    yield Text("")
    for note in notes(forecast):
        yield Text(note, "yellow")


def heading(forecast: Forecast) -> str:
    """Say what was imagined."""
    account = f"the account at {visible(forecast.first.base_url)}" if forecast.first.base_url else "an empty account"
    schedule = forecast.schedule
    return (
        f"{account[0].upper()}{account[1:]}, with an apply every {schedule.every} "
        f"from {date_text(schedule.start, forecast)} to {date_text(forecast.end, forecast)}"
    )


def rows(forecast: Forecast, *, verbose: bool) -> Iterator[ForecastRow]:
    """Yield a row for each series, or for each policy where there are many; then one for all together."""
    if verbose or len(forecast.series) <= MOST_SERIES:
        for series in forecast.series:
            size = size_from(series) if verbose and series.declared else ""
            about = ", ".join(part for part in (policy_text(series.declared), size) if part)
            yield ForecastRow(name_text(series.address, series.declared), about, series.figures)
    else:
        for policy, alike in by_policy(forecast.series):
            if figures := together(alike):
                yield ForecastRow(policy, count_text(len(alike), "series"), figures)
    for fleet, figures in forecast.fleets.items():
        yield ForecastRow(f"fleet {visible(fleet)}", "as one server" if not forecast.first.base_url else "", figures)
    if forecast.total and len(forecast.series) != 1:
        yield ForecastRow("All", count_text(len(forecast.series), "series"), forecast.total)


def by_policy(series: Iterable[SeriesForecast]) -> list[tuple[str, list[SeriesForecast]]]:
    """Group the series by what their policy is, whatever its name."""
    groups: dict[str, list[SeriesForecast]] = {}
    for each in series:
        groups.setdefault(policy_text(each.declared) or "undeclared backups", []).append(each)
    return list(groups.items())


def notes(forecast: Forecast) -> Iterator[str]:
    """Say what the figures leave out, or take as given."""
    if forecast.without_size:
        yield (
            f"The size of new backups of {count_text(forecast.without_size, 'series')} is not known, and not counted: "
            "--size-mb gives one."
        )
    for number, why in withheld_texts(forecast.first, withheld(forecast.first)):
        yield (
            f"The first apply would withhold {count_text(number, 'delete')}, and so would every later one; the "
            f"forecast is as if it did not. {why}"
        )


def name_text(address: SeriesAddress, declared: DeclaredSeries | None) -> str:
    """Name a series, or the undeclared backups of a server."""
    return visible(str(address), 1000) if declared else visible(f"{address.server}, undeclared backups", 1000)


def policy_text(declared: DeclaredSeries | None) -> str:
    """Write a policy as what it says; nothing for what is undeclared."""
    if declared is None:
        return ""
    every = f"every {declared.every}" if declared.every else "made once"
    return f"{every}, keep {' '.join(map(str, declared.keep))}"


def size_from(series: SeriesForecast) -> str:
    """Say how large a new backup is taken to be, and why."""
    if series.size.megabytes is None:
        return "size not known"
    return f"{series.size.megabytes:,.0f} MB each (from {_SOURCES[series.size.source]})"


def facts(figures: Figures, forecast: Forecast) -> dict[str, str]:
    """Say how many there will be, and when there are most, how far back they reach, and how much changes."""
    at_most = f"{max(figures.counts):,} on {_peak_text(figures.counts, forecast)}"
    if max(figures.megabytes):
        at_most += f", {gib_text(max(figures.megabytes))} on {_peak_text(figures.megabytes, forecast)}"
    months = forecast.schedule.days / _MONTH
    found = {
        "at the end": amount_text(figures),
        "at most": at_most,
        "a month": f"{figures.creates / months:,.1f} created, {figures.deletes / months:,.1f} deleted",
    }
    if figures.oldest:
        found["back to"] = f"{date_text(figures.oldest, forecast)}, {age_text(forecast.end - figures.oldest)} before"
    if figures.longest_gap:
        found["gaps"] = f"up to {age_text(figures.longest_gap)}"
    found["steady"] = "not by then" if figures.steady_at is None else f"from {date_text(figures.steady_at, forecast)}"
    return found


def _peak_text(values: Sequence[float], forecast: Forecast) -> str:
    """Return the day on which the largest value is reached."""
    return date_text(forecast.times[max(range(len(values)), key=values.__getitem__)], forecast)


def date_text(moment: datetime, forecast: Forecast) -> str:
    """Write a day, in the time zone of the files."""
    return f"{moment.astimezone(ZoneInfo(forecast.first.timezone)):%Y-%m-%d}"


def gib_text(megabytes: float) -> str:
    """Write a size in GiB."""
    return f"{megabytes / _GIBIBYTE:,.1f} GiB"


def amount_text(figures: Figures | None) -> str:
    """Write how many backups there are at the end, and their size, if it is known."""
    backups, megabytes = (figures.counts[-1], figures.megabytes[-1]) if figures else (0, 0.0)
    return f"{count_text(backups, 'backup')}{f', {gib_text(megabytes)}' if megabytes else ''}"
