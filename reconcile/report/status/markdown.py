"""`reconcile status --markdown`: a record to file, of when and by which files the account was checked, and the result.

It is complete, whatever its length: a record that was cut short proves nothing.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from zoneinfo import ZoneInfo

from reconcile import __version__
from reconcile.durations import age_text
from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.timeline import RECENT_DAYS, DayMark, recent_days
from reconcile.report.document import Raw
from reconcile.report.escape import LONGEST, code, plain, with_units_unbroken
from reconcile.report.status.sentences import DAY_MARKS, gaps, health_text, problems, rule_text, verdict_text
from reconcile.report.wording import size_text, time_text

_code = partial(code, longest=LONGEST)
_SIGNS = {DayMark.HELD: "█", DayMark.MISSED: "x", DayMark.THINNED: "·", DayMark.BEFORE: "-"}


def status_markdown(status: Status, /, *, verbose: bool = False) -> Raw:
    """Return the record as Markdown."""
    return Raw(with_units_unbroken("".join(f"{line}\n" for line in _lines(status))))


def _lines(status: Status) -> Iterator[str]:
    yield f"## Backups: {verdict_text(status)}"
    yield ""
    yield from _table(("", ""), _facts(status))
    if status.rules:
        yield "### Rules of [require]"
        yield ""
        yield from _table(("rule", "required", "servers that satisfy it"), map(rule_text, status.rules))
    if found := list(map(_problem, problems(status))):
        yield "### Needs attention"
        yield ""
        yield from _table(("kind", "about", "what is wrong"), found)
    if missing := [
        (_code(str(series.address)), plain(gap)) for series in status.series for gap in gaps(series, status.checked_at)
    ]:
        yield "### Gaps"
        yield ""
        yield from _table(("series", "restore points"), missing)
    if status.unprotected:
        yield "### Unprotected servers"
        yield ""
        yield from _table(("server", "id"), ((_code(each.name), _code(str(each.id))) for each in status.unprotected))
    if status.series:
        yield "### Every series"
        yield ""
        columns = ("series", "state", "newest usable", "every", "keep", "usable", "size", "complete from", "last days")
        yield from _table(columns, (_series(series, status) for series in status.series))
        legend = ", ".join(f"{_code(_SIGNS[mark])} {meaning}" for mark, meaning in DAY_MARKS.items())
        yield f"The last {RECENT_DAYS} days, today last, in {_code(status.timezone)}: {legend}."
        yield ""


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (columns, ("---",) * len(columns), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""


def _facts(status: Status) -> Iterator[tuple[str, str]]:
    yield "read at", f"{time_text(status.checked_at, ZoneInfo('UTC'))} UTC"
    if status.account:
        yield "account", _code(status.account)
    yield "service", _code(status.base_url)
    for source in status.sources:
        yield f"file {_code(source.filename)}", f"sha256 {_code(source.sha256)}"
    if status.targets:
        yield "only what matches", ", ".join(map(_code, status.targets))
    yield "series", f"{len(status.series):,}, {len(status.series) - len(status.unhealthy):,} of them healthy"
    usable = sum(len(series.state.usable) for series in status.series)
    yield "usable backups", f"{usable:,}, {size_text(sum(series.size_mb for series in status.series))}"
    ignored = f", {len(status.ignored):,} of them ignored" if status.ignored else ""
    yield "undeclared backups", f"{len(status.undeclared):,}{ignored}"
    unprotected = "not checked" if status.unprotected is None else f"{len(status.unprotected):,}"
    yield "unprotected servers", unprotected
    yield "made by", f"reconcile {__version__}"


def _problem(problem: tuple[str, str, str, str]) -> tuple[str, str, str]:
    label, about, text, advice = problem
    return label, _code(about) if about else "", plain(f"{text}. {advice}" if advice else text)


def _series(series: SeriesStatus, status: Status) -> tuple[str, ...]:
    days = recent_days(series, status.checked_at, ZoneInfo(status.timezone))
    newest = "none"
    if series.newest:
        made = time_text(series.newest.created_at, ZoneInfo("UTC"))
        newest = f"{made} UTC, {age_text(status.checked_at - series.newest.created_at)} old, "
        newest += _code(f"#{series.newest.id}")
    return (
        _code(str(series.address)),
        health_text(series),
        newest,
        str(series.declared.every or "once"),
        " ".join(map(str, series.declared.keep)),
        f"{len(series.state.usable):,}",
        size_text(series.size_mb),
        f"{series.history.complete_from:%Y-%m-%d}" if series.history.complete_from else "",
        _code("".join(_SIGNS[mark] for _, mark in days)),
    )
