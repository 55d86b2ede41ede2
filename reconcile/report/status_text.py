"""`reconcile status` as text, the most urgent first; and one line per problem, for monitoring."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from reconcile.actual.inventory import Backup
from reconcile.durations import age_text
from reconcile.insight.status import SeriesStatus, Status
from reconcile.report.diagnostic_text import diagnostic_text
from reconcile.report.document import Lines
from reconcile.report.escape import visible
from reconcile.report.trouble_text import in_progress_text, trouble_kind, trouble_text
from reconcile.report.wording import count_text, size_text

_STYLES = {"EMPTY": "bold red", "OVERDUE": "bold red", "FAILED": "red", "STALLED": "yellow", "UNPROTECTED": "magenta"}
_LONGEST_BESIDE = 40
"""Columns. Facts are beside addresses up to this long, and below them if one is longer."""

_NOTHING_DECLARED = "no series is declared"


class _Row(NamedTuple):
    label: str
    name: str
    facts: str


def status_text(status: Status, *, verbose: bool) -> Lines:
    """Return a line for every series, then what is not declared, then a sum; `verbose` names undeclared backups."""
    return Lines(tuple(_status_lines(status, verbose=verbose)))


def check_text(status: Status, *, verbose: bool) -> Lines:  # noqa: ARG001 - a monitoring job wants the same every time
    """Return one line per problem, or a single one that says there is none."""
    return Lines(tuple(_problems(status)) or (Text(f"OK: {_healthy(status)}", "green"),))


def _problems(status: Status) -> Iterator[Text]:
    for error in status.errors:
        about = f"{error.address}: " if error.address else ""
        yield Text(visible(f"ERROR {about}{error.summary}", 1000), "bold red")
    if not status.has_series:
        yield Text(f"ERROR: {_NOTHING_DECLARED}", "bold red")
    for series in status.unhealthy:
        for trouble in series.troubles:
            kind = trouble_kind(trouble)
            line = f"{kind} {series.address}: {trouble_text(trouble, status.checked_at)}"
            yield Text(visible(line, 1000), _STYLES[kind])


def _status_lines(status: Status, *, verbose: bool) -> Iterator[RenderableType]:
    for diagnostic in status.warnings:
        yield from diagnostic_text(diagnostic)
    rows = [_series_row(series, status.checked_at) for series in status.series if not series.is_healthy]
    rows += [
        _Row("UNPROTECTED", visible(f"{server.name} ({server.id})"), "in no file")
        for server in status.unprotected or ()
    ]
    rows += [_series_row(series, status.checked_at) for series in status.series if series.is_healthy]
    yield from _layout(rows)
    if status.undeclared:
        size = size_text(sum(backup.size_mb or 0 for backup in status.undeclared))
        hint = "" if verbose else " (-v names them)"
        yield Text(f"{count_text(len(status.undeclared), 'undeclared backup')}, {size}{hint}", "dim")
        if verbose:
            yield from (Text(f"  {_undeclared(backup)}", "dim") for backup in status.undeclared)
    if not status.has_series:
        yield Text(f"Nothing is protected: {_NOTHING_DECLARED}.", "bold red")
    unprotected = ""
    if status.unprotected is not None:
        unprotected = f", {count_text(len(status.unprotected), 'server')} unprotected"
    yield Text(f"{_healthy(status)}{unprotected}.", "bold green" if status.is_healthy else "bold red")


def _layout(rows: list[_Row]) -> Iterator[RenderableType]:
    """Yield the rows without breaking an address: facts wrap beside short ones, and go below long ones."""
    if not rows:
        return
    if max(len(row.name) for row in rows) > _LONGEST_BESIDE:
        for row in rows:
            yield Text.assemble((f"{row.label:<12} ", _STYLES.get(row.label, "green")), (row.name, "bold"))
            yield Text(f"    {row.facts}")
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row.label, _STYLES.get(row.label, "green")), Text(row.name), Text(row.facts, overflow="fold")
        )
    yield table


def _series_row(series: SeriesStatus, now: datetime) -> _Row:
    label = trouble_kind(series.troubles[0]) if series.troubles else "healthy"
    return _Row(label, visible(str(series.address)), visible(", ".join(_facts(series, now)), 1000))


def _facts(series: SeriesStatus, now: datetime) -> Iterator[str]:
    state = series.state
    if series.newest:
        yield f"newest {age_text(now - series.newest.created_at)} old (#{series.newest.id})"
    else:
        yield "no usable backup yet" if state.pending else "no usable backup"
    if state.pending:
        yield in_progress_text(state.pending, now)
    if series.create:
        yield "due now"
    elif state.due_at:
        yield f"due in {age_text(state.due_at - now)}"
    if state.usable:
        keep = " ".join(str(rule) for rule in series.declared.keep)
        yield f"{len(state.usable):,} usable (keep {keep})"
        yield size_text(series.size_mb)
    for backups, label in ((state.failed, "failed"), (state.stalled, "stalled"), (state.misdated, "misdated")):
        if backups:
            yield f"{len(backups)} {label} ({_ids(backups)})"
    if state.unknown:
        yield "unknown status: " + ", ".join(f"#{backup.id} {backup.status!r}" for backup in state.unknown)


def _ids(backups: tuple[Backup, ...]) -> str:
    """Name the newest backups of a group."""
    shown = " ".join(f"#{backup.id}" for backup in backups[-3:])
    return shown if len(backups) <= 3 else f"… {shown}"  # noqa: PLR2004 - as many as are shown


def _undeclared(backup: Backup) -> str:
    return visible(f"{backup.server_name}/{backup.description or ''}#{backup.id}, {size_text(backup.size_mb)}", 1000)


def _healthy(status: Status) -> str:
    healthy = len(status.series) - len(status.unhealthy)
    return f"{healthy:,} of {len(status.series):,} series healthy"
