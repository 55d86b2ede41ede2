"""A status as text, the most urgent first; one line per problem; and the restore points of one server.

JSON, metrics and pages have their own modules.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, size_mb
from reconcile.insight.servers import name_or_id
from reconcile.insight.since import Cause, Since
from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.timeline import RECENT_DAYS, DayMark, ServerTimeline, Timeline, recent_days
from reconcile.report.document import Block, Columns, Formats, Formatter, Lines, Row, Text
from reconcile.report.status import sentences
from reconcile.report.status.pages import status_markdown
from reconcile.report.status.programs import status_json
from reconcile.report.values import backup_table
from reconcile.wording import count_text, size_text

_STYLES = {
    "ERROR": "bold red",
    "EMPTY": "bold red",
    "OVERDUE": "bold red",
    "FAILED": "red",
    "UNDERSIZED": "red",
    "STALLED": "yellow",
    "GAP": "yellow",
    "UNPROTECTED": "magenta",
    "GONE": "bold red",
    "NEW": "yellow",
    "WORSE": "red",
    "BETTER": "green",
}
_MOST_LISTED = 20
"""Maximum number of healthy series, and of unprotected servers, that are shown; more would hide the problems."""

_ROOM_FOR_FACTS = 60
"""Columns. If the facts would get fewer columns than this beside the address, they are shown below it."""

_LEGEND = Text.assemble(
    (f"Last {RECENT_DAYS} days: ", "dim"),
    *(
        (part, "dim")
        for mark, end in ((DayMark.HELD, ", "), (DayMark.MISSED, ", "), (DayMark.THINNED, "."))
        for part in (sentences.DAYS[mark][0], f" {sentences.DAYS[mark][2]}{end}")
    ),
)


def status_text(status: Status, /, *, verbose: bool) -> Lines:
    """Return the problems, then the healthy series, then a sum.

    Many healthy series or unprotected servers, and undeclared backups, are counted; `verbose` lists them.
    """
    return Lines(tuple(_lines(status, verbose=verbose)))


def check_text(status: Status, /, *, verbose: bool = False) -> Lines:
    """Return one line per problem, or a single one that says there is none."""
    lines = [
        Text(f"{' '.join(filter(None, (each.label, each.about)))}: {each.text}", _STYLES[each.label])
        for each in sentences.problems(status)
    ]
    return Lines(tuple(lines) or (Text(f"OK: {sentences.verdict_text(status)}", "green"),))


def _lines(status: Status, *, verbose: bool) -> Iterator[Block]:
    healthy = [series for series in status.series if not series.problems]
    gaps = [(str(each.address), gap) for each in status.series for gap in sentences.gaps(each, status.checked_at)]
    unprotected = [f"{each.name} ({each.id})" for each in status.unprotected or ()]
    rows = [_series_row(series, status) for series in status.unhealthy]
    counted = []
    for number, listed, name, label in (
        (
            len(unprotected),
            (_row("UNPROTECTED", each, (sentences.UNPROTECTED,)) for each in unprotected),
            "unprotected servers",
            "UNPROTECTED",
        ),
        (len(gaps), (_row("GAP", address, (gap,)) for address, gap in gaps), "gaps", "GAP"),
        (len(healthy), (_series_row(series, status) for series in healthy), "healthy series", "healthy"),
    ):
        if verbose or number <= _MOST_LISTED:
            rows += listed
        else:
            counted.append(Text(f"{number:,} {name} (-v lists them)", _STYLES.get(label, "green")))
    if rows:
        has_days = status.unhealthy or (healthy and (verbose or len(healthy) <= _MOST_LISTED))
        yield Columns(rows=[*rows, _LEGEND] if has_days else rows, narrowest=_ROOM_FOR_FACTS, shortens=1)
    yield from counted
    if status.undeclared:
        size = size_text(size_mb(status.undeclared))
        ignored = f" ({len(status.ignored):,} ignored)" if status.ignored else ""
        hint = "" if verbose else " (-v lists them)"
        yield Text(f"{count_text(len(status.undeclared), 'undeclared backup')}{ignored}, {size}{hint}", "dim")
        if verbose:
            for backup in status.undeclared:
                yield Text(f"  {sentences.backup_text(backup)}, {size_text(backup.size_mb)}", "dim")
    yield from (*status.empty_fleets, *status.warnings)
    if not status.has_series:
        yield Text(f"Nothing is protected: {sentences.NOTHING_DECLARED}.", "bold red")
    if status.since:
        yield from _since_lines(status.since, status.checked_at, verbose=verbose)
    yield Text(f"{sentences.verdict_text(status)}.", "bold green" if status.is_healthy else "bold red")


def _since_lines(since: Since, now: datetime, *, verbose: bool) -> Iterator[Block]:
    """Yield the changes since a record; those of recorded runs are listed with `verbose` only."""
    yield Text(f"Since {since.at:%Y-%m-%d %H:%M} UTC: {sentences.since_text(since)}", "bold")
    rows = [
        Row((Text(label, _STYLES.get(label, "")), Text(about, "bold"), text))
        for label, about, text, cause in sentences.changes(since, now)
        if verbose or cause is not Cause.RUN
    ]
    if rows:
        yield Columns(rows=rows, narrowest=_ROOM_FOR_FACTS, shortens=1)
    if hidden := 0 if verbose else sum(each.cause is Cause.RUN for each in (*since.new, *since.gone)):
        yield Text(f"{count_text(hidden, 'backup')} created or deleted by recorded runs (-v lists them)", "dim")


def _row(label: str, name: str, facts: tuple[str, ...], days: Iterable[tuple[date, DayMark]] = ()) -> Row:
    return Row((Text(label, _STYLES.get(label, "green")), Text(name, "bold"), sentences.strip(days), facts))


def _series_row(series: SeriesStatus, status: Status) -> Row:
    facts = tuple(sentences.series_facts(series, status.checked_at, status.zone))
    days = recent_days(series, status.checked_at, status.zone)
    return _row(sentences.health_text(series), str(series.address), facts, days)


def points_text(timeline: Timeline, /, *, verbose: bool = False) -> Lines:
    """Return the backups of each series of one server, the newest first, with gaps and pins; times in UTC."""
    (server,) = timeline.servers
    notes = {id_: f"pinned in {file}" for id_, file in server.pinned.items()}
    return Lines(backup_table(_points(server, timeline.status), notes=notes), essential=())


def _points(server: ServerTimeline, status: Status) -> Iterator[Backup | Text]:
    none = "" if server.rows else ": no backup"
    yield Text.assemble((name_or_id(server.server), "bold"), f" ({server.server.id}){none}")
    is_declared = any(row.series for row in server.rows)
    for row in server.rows:
        name, label, facts = sentences.row_texts(row, status.checked_at, ZoneInfo("UTC"))
        yield Text.assemble((name, "bold"), f" {label}".rstrip() if is_declared else "", f": {facts}")
        if row.series and row.series.newest:
            days = sentences.strip(recent_days(row.series, status.checked_at, status.zone))
            yield Text.assemble((f"  last {RECENT_DAYS} days: ", "dim"), *days.parts)
        yield from row.backups[::-1]


STATUS_FORMATS: Formats[Formatter[Status]] = Formats(
    status_text,
    json=(status_json, "Print JSON."),
    markdown=(status_markdown, "Print a report for an audit: counts, problems, every series, file digests."),
)
