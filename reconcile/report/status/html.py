"""`reconcile status --html`: a page that shows what each server can be restored from."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, size_mb
from reconcile.durations import age_text
from reconcile.ids import Id
from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.timeline import (
    RECENT_DAYS,
    DayMark,
    RowKind,
    ServerTimeline,
    Timeline,
    TimelineRow,
    recent_days,
)
from reconcile.report.document import Raw
from reconcile.report.status.sentences import (
    DAY_MARKS,
    UNPROTECTED,
    gaps,
    health_text,
    problem_text,
    problems,
    row_facts,
    row_label,
    row_name,
    rule_text,
    verdict_text,
)
from reconcile.report.templates import page
from reconcile.report.wording import count_text, size_text, time_text

_RECENT = timedelta(days=RECENT_DAYS)
_OLDER_SHARE = 35.0
"""Percent of the axis for what is older than the last thirty days, which have a scale of their own."""

_STATES = ("problem", "gap", "unprotected", "healthy")
"""Of the lines of the overview, in their order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    kind: str
    position: str
    """In percent of the axis."""
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _RowView:
    name: str
    badge: str
    facts: str
    marks: tuple[_Mark, ...]
    """The newest first; before them, since when there has been none although one is due."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _ServerView:
    anchor: str
    name: str
    facts: str
    rows: tuple[_RowView, ...]
    ticks: tuple[tuple[str, str], ...]
    """The position and the text of each mark of the axis."""
    recent: str
    """The position at which the last thirty days begin."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Overview:
    """One line of the overview: a series, or an unprotected server."""

    anchor: str
    name: str
    state: str
    label: str
    text: str
    days: tuple[tuple[DayMark, int, str], ...]
    """Days in a row with one mark: the mark, how many, and what it means."""
    spoken: str
    """The days in one sentence."""


def status_html(timeline: Timeline) -> Raw:
    """Return the page. Whatever comes from the service is text in it, never markup."""
    status = timeline.status
    zone = ZoneInfo(status.timezone)
    anchors = {each.server.id: f"server-{number}" for number, each in enumerate(timeline.every_server, 1)}
    by_key = {each.key: anchors[each.server.id] for each in timeline.servers}
    overview = [_series_line(each, by_key[each.address.server], status) for each in status.series]
    overview += [_unprotected_line(each, anchors[each.server.id], status) for each in timeline.unprotected]
    overview.sort(key=lambda line: "" if line.state == "problem" else line.name)  # problems are in order of urgency
    return page(
        "status/page.html.jinja",
        script="status/filter.js",
        status=status,
        checked_at=time_text(status.checked_at, zone),
        verdict=f"{verdict_text(status)}.",
        colour="bad" if not status.is_healthy else "warning" if status.unprotected else "good",
        figures=_figures(timeline),
        errors=[each for each in problems(status) if each[0] == "ERROR"],
        anchors=by_key,
        warnings=status.warnings,
        rules=list(map(rule_text, status.rules)),
        overview={state: [line for line in overview if line.state == state] for state in _STATES},
        marks=DAY_MARKS,
        first_day=f"{status.checked_at.astimezone(zone) - timedelta(days=RECENT_DAYS - 1):%m-%d}",
        servers=[_server(each, anchors[each.server.id], status) for each in timeline.every_server],
        recent_days=RECENT_DAYS,
    )


def _figures(timeline: Timeline) -> Iterator[tuple[str, str]]:
    """Yield what the account can be restored from, by where it comes from."""
    rows = [row for server in timeline.every_server for row in server.rows]
    for kind in RowKind:
        points = [point for row in rows if row.kind is kind for point in row.points]
        size = size_text(round(size_mb(points), 1))
        yield kind, f"{count_text(len(points), 'restore point')}, {size}" if points else "none"


def _series_line(series: SeriesStatus, anchor: str, status: Status) -> _Overview:
    now, zone = status.checked_at, ZoneInfo(status.timezone)
    urgent = [problem_text(problem, series, now) for problem in series.problems]
    missing = list(gaps(series, now))
    days = recent_days(series, now, zone)
    runs = [(mark, [day for day, _ in run]) for mark, run in groupby(days, key=lambda each: each[1])]
    counts = Counter(mark for _, mark in days)
    return _Overview(
        anchor=anchor,
        name=str(series.address),
        state="problem" if urgent else "gap" if missing else "healthy",
        label="GAP" if missing and not urgent else health_text(series),
        text="; ".join((*urgent, *missing)) or ", ".join(_brief(series, now)),
        days=tuple((mark, len(run), f"{_span(run[0], run[-1])}: {DAY_MARKS[mark]}") for mark, run in runs)
        if series.newest
        else (),
        spoken=", ".join(f"{counts[mark]} {text}" for mark, text in DAY_MARKS.items() if counts[mark]),
    )


def _brief(series: SeriesStatus, now: datetime) -> Iterator[str]:
    if series.newest:
        yield f"newest {age_text(now - series.newest.created_at)} old"
    yield f"{len(series.state.usable):,} usable"
    if series.history.complete_from:
        yield f"complete from {series.history.complete_from:%Y-%m-%d}"


def _unprotected_line(timeline: ServerTimeline, anchor: str, status: Status) -> _Overview:
    counts = {kind: sum(len(row.points) for row in timeline.rows if row.kind is kind) for kind in RowKind}
    automatic = count_text(counts[RowKind.AUTOMATIC], "automatic backup")
    manual = f", {count_text(counts[RowKind.UNDECLARED], 'manual backup')}" if counts[RowKind.UNDECLARED] else ""
    return _Overview(
        anchor=anchor,
        name=f"{timeline.server.name} ({timeline.server.id})",
        state="problem" if status.requires_all else "unprotected",
        label="UNPROTECTED",
        text=f"{UNPROTECTED}; {automatic if counts[RowKind.AUTOMATIC] else 'no automatic backup'}{manual}",
        days=(),
        spoken="",
    )


def _span(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _server(timeline: ServerTimeline, anchor: str, status: Status) -> _ServerView:
    axis = _Axis(status.checked_at, timeline.oldest)
    zone = ZoneInfo(status.timezone)
    name = timeline.key if timeline.key == timeline.server.name else f"{timeline.key}: {timeline.server.name}"
    points = [point for row in timeline.rows for point in row.points]
    facts = [count_text(len(points), "restore point")]
    if points:
        facts.append(f"newest {_age(max(point.created_at for point in points), status.checked_at)}")
    return _ServerView(
        anchor=anchor,
        name=f"{name} ({timeline.server.id})",
        facts=", ".join(facts),
        rows=tuple(_row(row, timeline.pinned, axis, status.checked_at, zone) for row in timeline.rows),
        ticks=tuple(axis.ticks(zone)),
        recent=axis.place(status.checked_at - _RECENT),
    )


class _Axis:
    """Places moments between 0 (the oldest) and 100 (now), with a scale of its own for the last thirty days.

    Years of monthly backups would otherwise leave no room for the nights that are missing in the last weeks.
    """

    def __init__(self, now: datetime, oldest: datetime | None) -> None:
        self._now = now
        self._oldest = oldest if oldest and now - oldest > _RECENT else None

    def place(self, moment: datetime) -> str:
        age = max(self._now - moment, timedelta())
        left = _OLDER_SHARE if self._oldest else 0.0
        if age <= _RECENT or not self._oldest:
            place = 100 - (100 - left) * (age / _RECENT)
        else:
            place = left * (1 - (age - _RECENT) / (self._now - self._oldest - _RECENT))
        return f"{place:.1f}"

    def ticks(self, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
        if self._oldest:
            yield "0", time_text(self._oldest, zone)[:10]
        yield self.place(self._now - _RECENT), f"{RECENT_DAYS} days ago"
        yield "100", "now"


def _row(row: TimelineRow, pinned: Mapping[Id, str], axis: _Axis, now: datetime, zone: ZoneInfo) -> _RowView:
    kinds = {backup.id: row.kind.value for backup in row.points} | {backup.id: "failed" for backup in row.failed}

    def mark(backup: Backup) -> _Mark:
        kind = kinds[backup.id]
        size = f"{backup.status}: no restore point" if kind == "failed" else size_text(backup.size_mb)
        facts = [time_text(backup.created_at, zone), _age(backup.created_at, now), size, f"#{backup.id}"]
        if backup.id in pinned:
            facts.append(f"pinned in {pinned[backup.id]}")
        return _Mark(kind=kind, position=axis.place(backup.created_at), text=", ".join(facts))

    marks = [mark(backup) for backup in row.backups[::-1] if backup.id in kinds]
    if row.series and row.series.state.overdue_since:
        newest = row.points[-1].created_at
        text = f"late, none since {time_text(newest, zone)}"
        marks.insert(0, _Mark(kind="late", position=axis.place(newest), text=text))
    return _RowView(
        name=row_name(row), badge=row_label(row), facts=", ".join(row_facts(row, now, zone)), marks=tuple(marks)
    )


def _age(created_at: datetime, now: datetime) -> str:
    return f"{age_text(now - created_at)} old" if created_at <= now else "just created"
