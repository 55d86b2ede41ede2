"""What every format of `status` says: a label and a sentence for each problem, and the rules of `[require]`."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, size_mb
from reconcile.durations import age_text
from reconcile.insight.required_rules import RequiredRule
from reconcile.insight.since import Cause, Since
from reconcile.insight.status import Problem, SeriesStatus, Status
from reconcile.insight.timeline import DayMark, RowKind, TimelineRow
from reconcile.report.document import Marks, Text
from reconcile.report.plan.sentences import pause_text
from reconcile.wording import count_text, size_text, span_text, time_text

NOTHING_DECLARED = "no series is declared"
UNPROTECTED = "not declared in any file"

_MOST_NAMED = 3
"""Maximum number of failed backups, and of others that do not count, that are named; the newest are."""

DAYS = {
    DayMark.HELD: (Marks("█"), "green", "held"),
    DayMark.MISSED: (Marks("x"), "yellow", "missed"),
    DayMark.THINNED: (Marks("·"), "dim", "none needed (thinned, or not due)"),
    DayMark.BEFORE: (Marks(" "), "", "before the series started"),
}
"""The sign of each mark of a day in text, its colour, and what it means."""


class ProblemLine(NamedTuple):
    """A problem in words, not escaped: a label for monitoring, what it is about, what is wrong, and what to do."""

    label: str
    about: str
    """Empty for the whole account."""
    text: str
    advice: str = ""


def problems(status: Status) -> Iterator[ProblemLine]:
    """Yield everything that makes `status.is_healthy` false, the most urgent first."""
    for each in (*status.errors, *status.empty_fleets):
        label = "ERROR" if each.severity == "error" else "EMPTY"
        yield ProblemLine(label, each.address or "", each.summary, each.detail)
    if not status.has_series:
        yield ProblemLine("ERROR", "", NOTHING_DECLARED)
    for server in (status.unprotected or ()) if status.config.require.all_servers else ():
        yield ProblemLine("UNPROTECTED", f"{server.name} ({server.id})", UNPROTECTED)
    for series in status.unhealthy:
        for problem in series.problems:
            text = problem_text(problem, series, status.checked_at)
            yield ProblemLine(problem.upper(), str(series.address), text)


def changes(since: Since, now: datetime) -> Iterator[tuple[str, str, str, Cause | None]]:
    """Yield each change: a label, its subject, what happened, and why, for a backup that is new or gone.

    Changes that no run explains come first.
    """
    for label, found in (("GONE", since.gone), ("NEW", since.new)):
        for each in sorted(found, key=lambda each: each.cause is not Cause.OTHERS):
            age = age_text(now - each.backup.created_at)
            yield label, backup_text(each.backup), f"{age} old, {_CAUSES[label][each.cause]}", each.cause
    for change in since.changed:
        text = f"{change.field} was {change.before!s}, is {change.after!s}"
        yield "CHANGED", backup_text(change.backup), text, None
    for series in since.worse:
        yield "WORSE", series.address, ", ".join(series.appeared), None
    for series in since.better:
        yield "BETTER", series.address, f"no longer {', '.join(series.resolved)}", None


_CAUSES: Mapping[str, Mapping[Cause, str]] = {
    "GONE": {
        Cause.RUN: "deleted by a recorded run",
        Cause.RULE: "no recorded run deleted it, but the files would",
        Cause.EXPIRY: "it has expired",
        Cause.OTHERS: "someone else deleted it: no recorded run did, and no rule in the files does",
    },
    "NEW": {
        Cause.RUN: "created by a recorded run",
        Cause.UNCERTAIN: "perhaps created by a recorded run: the record has no outcome",
        Cause.OTHERS: "someone else created it: no recorded run did",
    },
}


def since_text(since: Since) -> str:
    """Say in one line how much has changed, and how much of it no run or rule explains."""
    counts = []
    for name, found in (("new", since.new), ("gone", since.gone)):
        others = sum(each.cause is Cause.OTHERS for each in found)
        counts.append(f"{len(found):,} {name}" + (f" ({others:,} by someone else)" if others else ""))
    return f"{', '.join(counts)}, {len(since.worse):,} worse, {len(since.better):,} better"


def backup_text(backup: Backup) -> str:
    """Name a backup by its server in the account."""
    return f"{backup.server_name or backup.server_id}/{backup.description or ''}#{backup.id}"


def rule_text(rule: RequiredRule) -> tuple[str, str, str]:
    """Return the name of a rule, what the files require, and how many servers satisfy it."""
    required = "true" if rule.required is True else str(rule.required)
    if rule.satisfied is None:
        return rule.name, required, "not checked"
    return rule.name, required, f"{rule.satisfied:,} of {rule.servers:,}"


def gaps(series: SeriesStatus, now: datetime) -> Iterator[str]:
    """Say which restore points are missing, gap by gap: a notice, because no one can create last week's backup."""
    for gap in series.history.gaps:
        days = [f"{day:%m-%d}" if day.year == now.year else f"{day}" for day in gap]
        yield f"{span_text(*days)} missing: the policy would hold {len(gap):,} there"


def health_text(series: SeriesStatus) -> str:
    """Return the label of a series: of its most urgent problem, if it has one."""
    if series.problems:
        return series.problems[0].upper()
    return "paused" if series.pause and not series.pause.creates else "healthy"


def problem_text(problem: Problem, series: SeriesStatus, now: datetime) -> str:
    """Say what is wrong."""
    state = series.state
    match problem:
        case Problem.EMPTY:
            return f"no usable backup{f' yet, {in_progress_text(state.pending, now)}' if state.pending else ''}"
        case Problem.OVERDUE:
            due = f", overdue by {age_text(now - series.overdue_since)}" if series.overdue_since else ""
            return f"newest usable backup is {age_text(now - state.usable[-1].created_at)} old{due}"
        case Problem.FAILED:
            return f"{count_text(len(state.failed), 'failed backup')} (latest: #{state.failed[-1].id})"
        case Problem.UNDERSIZED:
            latest = f"#{state.undersized[-1].id}, {size_text(state.undersized[-1].size_mb)}"
            return f"{count_text(len(state.undersized), 'backup')} smaller than min_size (latest: {latest})"
        case Problem.STALLED:
            return f"{count_text(len(state.stalled), 'stalled backup')} (latest: #{state.stalled[-1].id})"
        case _:
            assert_never(problem)


def in_progress_text(backups: Iterable[Backup], now: datetime) -> str:
    """Name the backups that are in progress, and say for how long."""
    return ", ".join(f"#{backup.id} in progress for {age_text(now - backup.created_at)}" for backup in backups)


def series_facts(series: SeriesStatus, now: datetime, zone: ZoneInfo) -> Iterator[str]:
    """Describe a series: its newest backup, when the next is due, and how many backups it has."""
    state = series.state
    newest = series.newest
    none = "no usable backup yet" if state.pending else "no usable backup"
    yield f"newest {age_text(now - newest.created_at)} old (#{newest.id})" if newest else none
    if state.pending:
        yield in_progress_text(state.pending, now)
    if series.pause:
        yield pause_text(series.pause, zone)
    if state.create:
        yield "due now"
    elif state.due_at:
        yield f"due in {age_text(state.due_at - now)}"
    if series.history.complete_from:
        yield f"complete from {series.history.complete_from}"
    if state.usable:
        keep = " ".join(str(rule) for rule in series.declared.keep)
        yield f"{len(state.usable):,} usable (keep {keep})"
        yield size_text(series.size_mb)
    groups = {
        "failed": state.failed,
        "undersized": state.undersized,
        "stalled": state.stalled,
        "misdated": state.misdated,
    }
    for label, backups in groups.items():
        if backups:
            ids = " ".join(f"#{backup.id}" for backup in backups[-_MOST_NAMED:])
            yield f"{len(backups)} {label} ({'… ' if len(backups) > _MOST_NAMED else ''}{ids})"
    if state.unknown:
        yield "unknown status: " + ", ".join(map(_unknown, state.unknown))


def _unknown(backup: Backup) -> str:
    problem = repr(backup.status) if backup.is_identified else f"{' and '.join(backup.unreadable)} not readable"
    return f"#{backup.id} {problem}"


def verdict_text(status: Status) -> str:
    """Say how many series are healthy and how many servers are unprotected, and count empty fleets and errors.

    The series of a server that does not match the account are not counted, but its error is.
    """
    parts = [f"{len(status.series) - len(status.unhealthy):,} of {len(status.series):,} series healthy"]
    if status.unprotected is not None:
        parts.append(f"{count_text(len(status.unprotected), 'server')} unprotected")
    others = ((status.empty_fleets, "empty fleet"), (status.errors, "error"))
    parts += [count_text(len(found), thing) for found, thing in others if found]
    return ", ".join(parts)


def row_texts(row: TimelineRow, now: datetime, zone: ZoneInfo) -> tuple[str, str, str]:
    """Name the backups of a row, give their label (none for automatic ones), and describe them as restore points."""
    name, label = row.description or "no description", "undeclared"
    if row.kind is RowKind.AUTOMATIC:
        name, label = "automatic backups", ""
    facts = ["no restore point"]
    if row.series:
        label = health_text(row.series)
        facts = [*series_facts(row.series, now, zone), *gaps(row.series, now)]
    elif row.points:
        newest = f"newest {age_text(now - row.points[-1].created_at)} old"
        facts = [newest, count_text(len(row.points), "restore point"), size_text(size_mb(row.points))]
    if row.longest_interval:
        start, end = row.longest_interval
        until = "now" if end == now else time_text(end, zone)
        facts.append(f"longest interval {age_text(end - start)} ({time_text(start, zone)} to {until})")
    return name, label, ", ".join(facts)


def strip(days: Iterable[tuple[date, DayMark]]) -> Text:
    """Return one sign per day, with its colour."""
    marks = (DAYS[mark] for _, mark in days)
    return Text.assemble(*((Marks(sign * len(list(alike))), style) for (sign, style, _), alike in groupby(marks)))
