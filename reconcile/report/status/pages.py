"""A status as an HTML page, as a record in Markdown for an audit, and as a runbook.

The page has the restore points of each server. The runbook says how to restore each server with nothing but a shell and
curl. It is read in an emergency, as rendered Markdown or as plain text. Every command can be copied by
itself:

- The token reaches curl through standard input, because a process list shows arguments.
- `--disable` ignores ~/.curlrc, which might repeat a request or follow a redirect with the token.
- Ids are percent-encoded in a URL, JSON in a body, and then quoted for the shell. Names are only in the text.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from shlex import quote
from urllib.parse import quote as percent_encoded
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, size_mb
from reconcile.durations import age_text
from reconcile.ids import Id
from reconcile.insight.restore_points import restore_points
from reconcile.insight.servers import name_or_id
from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.timeline import RECENT_DAYS, RowKind, ServerTimeline, Timeline, TimelineRow, recent_days
from reconcile.insight.timeline import timeline as timeline_of
from reconcile.report.document import markdown, page, rendered
from reconcile.report.escape import LONGEST, code
from reconcile.report.status import sentences
from reconcile.wording import count_text, size_text, span_text, time_text

_RECENT = timedelta(days=RECENT_DAYS)
_OLDER_SHARE = 35.0
"""Percent of the axis for what is older than the last thirty days, which have a scale of their own."""

_STATES = ("problem", "gap", "unprotected", "healthy")
"""The states of the lines in the overview, in their order."""

_PLAIN = re.compile(r"[\w.@:/+#-]+", re.ASCII)
"""A name that can be shown in backticks, where a search in the file finds it as it is written."""


def status_markdown(status: Status, /, *, verbose: bool = False) -> str:
    """Return a report for an audit: when, with which files, and the result.

    It is complete, whatever its length: a report that was cut short proves nothing.
    """
    signs = {mark: sign.strip() or "-" for mark, (sign, _, _) in sentences.DAYS.items()}

    def days_of(series: SeriesStatus) -> str:
        return "".join(signs[mark] for _, mark in recent_days(series, status.checked_at, status.zone))

    return markdown(
        "status/record.md.jinja",
        status=status,
        rules=list(map(sentences.rule_text, status.rules)),
        problems=[
            (label, about, f"{text}. {advice}" if advice else text)
            for label, about, text, advice in sentences.problems(status)
        ],
        changes=[each[:3] for each in sentences.changes(status.since, status.checked_at)] if status.since else (),
        gaps=[(str(each.address), gap) for each in status.series for gap in sentences.gaps(each, status.checked_at)],
        unprotected=[(each.name, str(each.id)) for each in status.unprotected or ()],
        usable=[backup for each in status.series for backup in each.state.usable],
        size_mb=size_mb,
        sentences=sentences,
        days_of=days_of,
        utc=ZoneInfo("UTC"),
        signs=signs,
        recent_days=RECENT_DAYS,
        longest=LONGEST,
    )


def runbook(status: Status, /, *, verbose: bool = False) -> str:
    """Return the page as Markdown: what to do first, how to check, and the commands that restore each server."""
    zone = status.zone

    def grouped(points: Mapping[timedelta, Backup | None]) -> Iterator[tuple[Backup | None, str]]:
        """Yield each backup once, and for which ages it is the newest."""
        for backup, ages in groupby(points.items(), key=lambda item: item[1]):
            wanted = [
                f"newest before {time_text(status.checked_at - age, zone)}" if age else "newest backup"
                for age, _ in ages
            ]
            yield backup, " and ".join(wanted).capitalize()

    return rendered(
        "status/runbook.md.jinja",
        _name,
        status=status,
        servers=restore_points(status),
        grouped=grouped,
        zone=zone,
        name_or_id=name_or_id,
        in_url=lambda identifier: percent_encoded(str(identifier), safe=""),
        json=json.dumps,
        quote=quote,
    )


def _name(text: str) -> str:
    return f"`{text}`" if len(text) <= LONGEST and _PLAIN.fullmatch(text) else code(text, LONGEST)


def status_html(status: Status, /, *, verbose: bool = False) -> str:
    """Return the page. Whatever comes from the service is text in it, never markup."""
    timeline = timeline_of(status)
    zone = status.zone
    anchors = {each.server.id: f"server-{number}" for number, each in enumerate(timeline.every_server, 1)}
    by_key = {each.key: anchors[each.server.id] for each in timeline.servers}
    overview = [_series_line(each, by_key[each.address.server], status) for each in status.series]
    overview += [_unprotected_line(each, anchors[each.server.id], status) for each in timeline.unprotected]
    # Problems are in order of urgency.
    overview.sort(key=lambda line: "" if line["state"] == "problem" else str(line["name"]))
    return page(
        "status/page.html.jinja",
        script="status/filter.js",
        status=status,
        checked_at=time_text(status.checked_at, zone),
        verdict=f"{sentences.verdict_text(status)}.",
        colour="bad" if not status.is_healthy else "warning" if status.unprotected else "good",
        figures=_figures(timeline),
        errors=[each for each in sentences.problems(status) if each.label == "ERROR"],
        anchors=by_key,
        warnings=status.warnings,
        rules=list(map(sentences.rule_text, status.rules)),
        overview={state: [line for line in overview if line["state"] == state] for state in _STATES},
        first_day=f"{status.checked_at.astimezone(zone) - timedelta(days=RECENT_DAYS - 1):%m-%d}",
        servers=timeline.every_server,
        anchor_of=lambda server: anchors[server.server.id],
        axis_of=lambda server: _Axis(status.checked_at, server.oldest),
        points_of=lambda server: [point for row in server.rows for point in row.points],
        marks_of=partial(_marks, now=status.checked_at, zone=zone),
        age_of=partial(_age, now=status.checked_at),
        sentences=sentences,
        zone=zone,
        recent_days=RECENT_DAYS,
    )


def _figures(timeline: Timeline) -> Iterator[tuple[str, str]]:
    """Yield the number and size of the restore points, by origin: declared, undeclared, automatic."""
    rows = [row for server in timeline.every_server for row in server.rows]
    for kind in RowKind:
        points = [point for row in rows if row.kind is kind for point in row.points]
        size = size_text(size_mb(points))
        yield kind, f"{count_text(len(points), 'restore point')}, {size}" if points else "none"


def _series_line(series: SeriesStatus, anchor: str, status: Status) -> dict[str, object]:
    now, zone = status.checked_at, status.zone
    urgent = [sentences.problem_text(problem, series, now) for problem in series.problems]
    missing = list(sentences.gaps(series, now))
    brief = [f"newest {age_text(now - series.newest.created_at)} old"] if series.newest else []
    brief.append(f"{len(series.state.usable):,} usable")
    if series.history.complete_from:
        brief.append(f"complete from {series.history.complete_from}")
    days = recent_days(series, now, zone)
    runs = [(mark, [f"{day}" for day, _ in run]) for mark, run in groupby(days, key=lambda each: each[1])]
    counts = Counter(mark for _, mark in days)
    return {
        "anchor": anchor,
        "name": str(series.address),
        "state": "problem" if urgent else "gap" if missing else "healthy",
        "label": "GAP" if missing and not urgent else sentences.health_text(series),
        "text": "; ".join((*urgent, *missing)) or ", ".join(brief),
        # Days in a row with one mark: the mark, how many, and what it means; and all of them in one sentence.
        "days": [(mark, len(run), f"{span_text(*run)}: {sentences.DAYS[mark][2]}") for mark, run in runs]
        if series.newest
        else [],
        "spoken": ", ".join(f"{counts[mark]} {day[2]}" for mark, day in sentences.DAYS.items() if counts[mark]),
    }


def _unprotected_line(timeline: ServerTimeline, anchor: str, status: Status) -> dict[str, object]:
    counts = {kind: sum(len(row.points) for row in timeline.rows if row.kind is kind) for kind in RowKind}
    automatic = count_text(counts[RowKind.AUTOMATIC], "automatic backup")
    manual = f", {count_text(counts[RowKind.UNDECLARED], 'manual backup')}" if counts[RowKind.UNDECLARED] else ""
    return {
        "anchor": anchor,
        "name": f"{timeline.server.name} ({timeline.server.id})",
        "state": "problem" if status.config.require.all_servers else "unprotected",
        "label": "UNPROTECTED",
        "text": f"{sentences.UNPROTECTED}; {automatic if counts[RowKind.AUTOMATIC] else 'no automatic backup'}{manual}",
        "days": [],
    }


class _Axis:
    """Places moments between 0 (the oldest) and 100 (now), with a scale of its own for the last thirty days.

    Years of monthly backups would otherwise leave no room for the nights that are missing in the last weeks.
    """

    def __init__(self, now: datetime, oldest: datetime | None) -> None:
        self._now = now
        self._oldest = oldest if oldest and now - oldest > _RECENT else None
        self.recent = self.place(now - _RECENT)
        """Where the last thirty days start, in percent of the axis."""

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
        yield self.recent, f"{RECENT_DAYS} days ago"
        yield "100", "now"


def _marks(
    row: TimelineRow, pinned: Mapping[Id, str], axis: _Axis, now: datetime, zone: ZoneInfo
) -> Iterator[tuple[str, str, str]]:
    """Yield a mark for each backup, the newest first; before them, a mark for the time since a backup is overdue.

    A mark has a kind, a place in percent of the axis, and a text.
    """
    kinds = {backup.id: row.kind.value for backup in row.points} | {backup.id: "failed" for backup in row.failed}
    if row.series and row.series.overdue_since:
        newest = row.points[-1].created_at
        yield "late", axis.place(newest), f"overdue: no usable backup since {time_text(newest, zone)}"
    for backup in (each for each in row.backups[::-1] if each.id in kinds):
        kind = kinds[backup.id]
        size = f"{backup.status}: not usable" if kind == "failed" else size_text(backup.size_mb)
        facts = [time_text(backup.created_at, zone), _age(backup.created_at, now), size, f"#{backup.id}"]
        if backup.id in pinned:
            facts.append(f"pinned in {pinned[backup.id]}")
        yield kind, axis.place(backup.created_at), ", ".join(facts)


def _age(created_at: datetime, now: datetime) -> str:
    return f"{age_text(now - created_at)} old" if created_at <= now else "just created"
