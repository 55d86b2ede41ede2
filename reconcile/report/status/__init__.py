"""A status as text, the most urgent first, or a line per problem; as JSON; and as metrics in Prometheus' text format.

The official client library writes the metrics, and escapes the labels. They have timestamps and intervals, never ages:
a file that is no longer written must look stale. Pages have a separate module.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, size_mb
from reconcile.insight.servers import name_or_id
from reconcile.insight.since import Cause, Since
from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.timeline import RECENT_DAYS, DayMark, ServerTimeline, Timeline, recent_days
from reconcile.limits import MEBIBYTE
from reconcile.plan.planner import plan
from reconcile.plan.reasons import Veto
from reconcile.plan.safety import withheld
from reconcile.report.document import Block, Columns, Formats, Formatter, Lines, Row, Text
from reconcile.report.status import sentences
from reconcile.report.status.pages import status_markdown
from reconcile.report.values import backup_json, backup_table
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


_EXPLANATIONS = {
    "newest_backup_timestamp_seconds": "When the newest usable backup was created, if there is one.",
    "backup_interval_seconds": "`every` in seconds, if it is set.",
    "next_backup_due_timestamp_seconds": "When the next backup is due, if `every` is set.",
    "paused_until_timestamp_seconds": "When the pause of the series ends, if it is paused.",
    "oldest_backup_timestamp_seconds": "When the oldest usable backup that is not pinned was created.",
    "missing_backups": "Restore points that the policy would hold by now but no backup provides.",
    "usable_backups": "Usable backups of the series.",
    "backups_size_bytes": "Size of the usable backups of the series, if it is known.",
    "failed_backups": "Failed backups of the series.",
    "undersized_backups": "Completed backups of the series that are smaller than min_size.",
    "stalled_backups": "Stalled backups of the series.",
    "in_progress_backups": "Backups of the series in progress, except stalled ones.",
    "backup_due": "1 if plan would create a backup now.",
    "declared_series": "Declared series on servers that match the account.",
    "errors": "Mismatches with the account, such as a declared server that does not exist.",
    "withheld_deletes": "Deletes that apply would withhold now, because they would lose too much.",
    "unprotected_servers": "Servers in the account that are not declared.",
    "last_observation_timestamp_seconds": "When the account was last read.",
}

_Values = dict[str, datetime | float | None]
"""The value of each metric by its name; no line is written for None."""


def status_text(status: Status, /, *, verbose: bool) -> Lines:
    """Return the problems, then the healthy series, then a sum.

    Many healthy series or unprotected servers, and undeclared backups, are counted; `verbose` lists them.
    """
    return Lines(tuple(_lines(status, verbose=verbose)))


def check_text(status: Status, /, *, verbose: bool = False) -> Lines:
    """Return one line per problem, each essential, or a single one that says there is none."""
    lines = tuple(
        Text(f"{' '.join(filter(None, (each.label, each.about)))}: {each.text}", _STYLES[each.label])
        for each in sentences.problems(status)
    ) or (Text(f"OK: {sentences.verdict_text(status)}", "green"),)
    return Lines(lines, essential=lines)


def _lines(status: Status, *, verbose: bool) -> Iterator[Block]:
    healthy = [series for series in status.series if not series.problems]
    gaps = [(str(each.address), gap) for each in status.series for gap in sentences.gaps(each, status.checked_at)]
    servers = [f"{each.name} ({each.id})" for each in status.unprotected or ()]
    unprotected = (_row("UNPROTECTED", each, (sentences.UNPROTECTED,)) for each in servers)
    rows = [_series_row(series, status) for series in status.unhealthy]
    counted = []
    for number, listed, name, label in (
        (len(servers), unprotected, "unprotected servers", "UNPROTECTED"),
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


def status_json(status: Status, /, *, verbose: bool = False) -> dict[str, object]:
    """Return the whole status; ages in seconds, sizes in MiB, times in UTC."""
    return {
        "format_version": "1.0",
        "base_url": status.inventory.base_url,
        "account": status.config.settings.account,
        "checked_at": status.checked_at,
        "files": [{"filename": source.filename, "sha256": source.sha256} for source in status.config.sources],
        "targets": status.desired.targets,
        "healthy": status.is_healthy,
        "has_series": status.has_series,
        "series": [_series_json(series, status) for series in status.series],
        "unprotected": status.unprotected,
        "undeclared": [{**backup_json(backup), "ignored": backup.id in status.ignored} for backup in status.undeclared],
        "since": status.since,
        "rules": status.rules,
        "errors": status.errors,
        "warnings": (*status.empty_fleets, *status.warnings),
    }


def _series_json(series: SeriesStatus, status: Status) -> dict[str, object]:
    now, newest, state = status.checked_at, series.newest, series.state
    return {
        "address": series.address,
        "server": series.address.server,
        "description": series.address.description,
        "healthy": not series.problems,
        "troubles": [
            {"kind": problem, "explanation": sentences.problem_text(problem, series, now)}
            for problem in series.problems
        ],
        "newest": newest,
        "newest_age_seconds": now - min(newest.created_at, now) if newest else None,
        "due": state.create is not None,
        "due_reason": state.create.kind if state.create else None,
        "next_due": state.due_at,
        "paused": series.pause,
        "oldest": series.history.oldest,
        "complete_from": series.history.complete_from,
        "gaps": [{"from": gap[0], "to": gap[-1], "missing": len(gap)} for gap in series.history.gaps],
        "usable": len(state.usable),
        "every": series.declared.every,
        "keep": series.declared.keep,
        "size_mb": series.size_mb,
        "in_progress": state.pending,
        "failed": [backup.id for backup in state.failed],
        "undersized": [backup.id for backup in state.undersized],
        "stalled": [backup.id for backup in state.stalled],
        "misdated": [backup.id for backup in state.misdated],
        "unknown": [{"id": backup.id, "status": backup.status} for backup in state.unknown],
    }


def metrics(status: Status, /, *, verbose: bool = False) -> str:
    """Return the metrics of every series and of the account, for node_exporter's textfile collector."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest  # noqa: PLC0415 - 30 ms, and few runs need it

    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    found = [
        ({"server": series.address.server, "series": series.address.description or ""}, _of_series(series, status))
        for series in status.series
    ]
    for labels, values in (*found, ({}, _of_account(status))):
        for name, value in values.items():
            if name not in gauges:
                gauges[name] = Gauge(f"reconcile_{name}", _EXPLANATIONS[name], tuple(labels), registry=registry)
            if value is not None:
                gauge = gauges[name].labels(**labels) if labels else gauges[name]
                gauge.set(value.timestamp() if isinstance(value, datetime) else value)
    return generate_latest(registry).decode()


def _of_series(series: SeriesStatus, status: Status) -> _Values:
    newest, every, state, history = series.newest, series.declared.every, series.state, series.history
    return {
        "newest_backup_timestamp_seconds": newest.created_at if newest else None,
        "backup_interval_seconds": every.in_seconds(status.checked_at) if every else None,
        "next_backup_due_timestamp_seconds": state.due_at,
        "paused_until_timestamp_seconds": series.pause.ends_at if series.pause else None,
        "oldest_backup_timestamp_seconds": history.oldest,
        "missing_backups": sum(map(len, history.gaps)),
        "usable_backups": len(state.usable),
        "backups_size_bytes": None if series.size_mb is None else series.size_mb * MEBIBYTE,
        "failed_backups": len(state.failed),
        "undersized_backups": len(state.undersized),
        "stalled_backups": len(state.stalled),
        "in_progress_backups": len(state.pending),
        "backup_due": state.create is not None,
    }


def _of_account(status: Status) -> _Values:
    vetoes = withheld(plan(status.desired, status.inventory, status.checked_at)).values()
    found: _Values = {
        "declared_series": len(status.series),
        "errors": len(status.errors),
        "withheld_deletes": sum(veto is Veto.TOO_MUCH_LOST for veto in vetoes),
        "last_observation_timestamp_seconds": status.checked_at,
    }
    return found if status.unprotected is None else {**found, "unprotected_servers": len(status.unprotected)}


STATUS_FORMATS: Formats[Formatter[Status]] = Formats(
    status_text,
    more="every series, unprotected server and undeclared backup",
    json=(status_json, "Print JSON."),
    markdown=(status_markdown, "Print a report for an audit: counts, problems, every series, file digests."),
)
