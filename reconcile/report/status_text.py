"""`reconcile status` as text, the most urgent first; and one line per problem, for monitoring."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconcile.actual.inventory import Backup, size_mb
from reconcile.durations import age_text
from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.timeline import RECENT_DAYS, Day, recent_days
from reconcile.report.diagnostics import diagnostic_text
from reconcile.report.document import Lines
from reconcile.report.escape import visible
from reconcile.report.trouble_text import NOTHING_DECLARED, UNPROTECTED, health_text, in_progress_text, problems
from reconcile.report.wording import count_text, size_text

_STYLES = {
    "ERROR": "bold red",
    "EMPTY": "bold red",
    "OVERDUE": "bold red",
    "FAILED": "red",
    "STALLED": "yellow",
    "UNPROTECTED": "magenta",
}
_MOST_LISTED = 20
"""Healthy series, and unprotected servers; more are only counted, so that they do not drown what needs a person."""

_ROOM_FOR_FACTS = 60
"""Columns. With fewer than these beside the address, the facts are below it."""

_GAP = 2
_INDENT = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    label: str
    name: str
    facts: tuple[str, ...]
    days: tuple[Day, ...] = ()


def status_text(status: Status, /, *, verbose: bool) -> Lines:
    """Return what needs a person first, then what is well, then a sum.

    Many healthy series or unprotected servers, and undeclared backups, are counted; `verbose` lists them.
    """
    return Lines(tuple(_status_lines(status, verbose=verbose)))


def check_text(status: Status, /, *, verbose: bool = False) -> Lines:
    """Return one line per problem, or a single one that says there is none."""
    lines = [
        Text(visible(f"{' '.join(filter(None, (label, about)))}: {text}", 1000), _STYLES[label])
        for label, about, text, _ in problems(status)
    ]
    return Lines(tuple(lines) or (Text(f"OK: {_healthy(status)}", "green"),))


def _status_lines(status: Status, *, verbose: bool) -> Iterator[RenderableType]:
    healthy = [series for series in status.series if not series.problems]
    unprotected = status.unprotected or ()
    rows = [_series_row(series, status) for series in status.unhealthy]
    if lists_servers := verbose or len(unprotected) <= _MOST_LISTED:
        rows += [
            _Row(label="UNPROTECTED", name=visible(f"{server.name} ({server.id})"), facts=(UNPROTECTED,))
            for server in unprotected
        ]
    if lists_healthy := verbose or len(healthy) <= _MOST_LISTED:
        rows += [_series_row(series, status) for series in healthy]
    if rows:
        yield _Layout(rows)
    if not lists_servers:
        yield Text(f"{len(unprotected):,} unprotected servers (-v lists them)", _STYLES["UNPROTECTED"])
    if not lists_healthy:
        yield Text(f"{len(healthy):,} healthy series (-v lists them)", "green")
    if status.undeclared:
        size = size_text(size_mb(status.undeclared))
        hint = "" if verbose else " (-v lists them)"
        yield Text(f"{count_text(len(status.undeclared), 'undeclared backup')}, {size}{hint}", "dim")
        if verbose:
            yield from (Text(f"  {_undeclared(backup)}", "dim") for backup in status.undeclared)
    for diagnostic in (*status.empty_fleets, *status.warnings):
        yield from diagnostic_text(diagnostic)
    if not status.has_series:
        yield Text(f"Nothing is protected: {NOTHING_DECLARED}.", "bold red")
    yield Text(f"{verdict_text(status)}.", "bold green" if status.is_healthy else "bold red")


class _Layout:
    """Rows that never break an address: what has no room beside it is below."""

    def __init__(self, rows: list[_Row]) -> None:
        self._rows = rows
        self._label_width = max(len(row.label) for row in rows) + _GAP
        self._name_width = max(cell_len(row.name) for row in rows) + _GAP
        self._beside = self._label_width + self._name_width + RECENT_DAYS

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the rows out for the width of the terminal."""
        if options.max_width >= self._beside + _GAP + _ROOM_FOR_FACTS:
            yield self._table(options)
        else:
            yield from self._below(options)
        if any(row.days for row in self._rows):
            yield Text(f"The last {RECENT_DAYS} days, today last: {_legend(options)}.", "dim")

    def _below(self, options: ConsoleOptions) -> Iterator[RenderableType]:
        for row in self._rows:
            facts = Text("\n".join(_wrapped(row.facts, options.max_width - _INDENT)))
            lines = [_sparkline(row, options), facts] if row.days else [facts]
            first = Text.assemble((row.label.ljust(self._label_width), _style(row)), (row.name, "bold"))
            if options.max_width >= self._beside:
                first.pad_right(self._name_width - cell_len(row.name))
                first.append_text(lines.pop(0))
            yield first
            for line in lines:
                yield Padding(line, (0, 0, 0, _INDENT), expand=False)

    def _table(self, options: ConsoleOptions) -> Table:
        table = Table.grid(padding=(0, _GAP, 0, 0))
        for _ in ("label", "name", "days"):
            table.add_column(no_wrap=True)
        for row in self._rows:
            facts = Text(", ".join(row.facts), overflow="fold")
            table.add_row(Text(row.label, _style(row)), Text(row.name), _sparkline(row, options), facts)
        return table


def _wrapped(facts: tuple[str, ...], width: int) -> Iterator[str]:
    """Yield lines that end between two facts, where there is room for that."""
    line = ""
    for fact in facts:
        if line and len(line) + len(fact) + 3 > width:
            yield f"{line},"
            line = ""
        line = f"{line}, {fact}" if line else fact
    yield line


def _legend(options: ConsoleOptions) -> str:
    usable, failed, none = _marks(options)
    return f"{usable} a usable backup, {failed} only a failed one, {none} none"


def _marks(options: ConsoleOptions) -> tuple[str, str, str]:
    return ("#", "x", ".") if options.ascii_only else ("█", "x", "·")


def _style(row: _Row) -> str:
    return _STYLES.get(row.label, "green")


def _sparkline(row: _Row, options: ConsoleOptions) -> Text:
    """Return one character a day: whether a usable backup of that day is there, or else a failed one, or none."""
    usable, failed, none = _marks(options)
    marks = ((usable, "green") if day.usable else (failed, "red") if day.failed else (none, "dim") for day in row.days)
    return Text.assemble(*((mark * len(list(days)), style) for (mark, style), days in groupby(marks)))


def _series_row(series: SeriesStatus, status: Status) -> _Row:
    now = status.checked_at
    return _Row(
        label=health_text(series),
        name=visible(str(series.address)),
        facts=tuple(visible(fact) for fact in _facts(series, now)),
        days=recent_days(series.state, now, ZoneInfo(status.timezone)),
    )


def series_text(series: SeriesStatus, now: datetime) -> str:
    """Say how a series is: its newest backup, when the next is due, what it holds."""
    return ", ".join(_facts(series, now))


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
        yield "unknown status: " + ", ".join(map(_unknown, state.unknown))


def _unknown(backup: Backup) -> str:
    problem = repr(backup.status) if backup.is_identified else f"{' and '.join(backup.unreadable)} not readable"
    return f"#{backup.id} {problem}"


def _ids(backups: tuple[Backup, ...]) -> str:
    """Name the newest backups of a group."""
    shown = " ".join(f"#{backup.id}" for backup in backups[-3:])
    return shown if len(backups) <= 3 else f"… {shown}"  # noqa: PLR2004 - as many as are shown


def _undeclared(backup: Backup) -> str:
    return visible(f"{backup.server_name}/{backup.description or ''}#{backup.id}, {size_text(backup.size_mb)}", 1000)


def verdict_text(status: Status) -> str:
    """Say how much of the account is as it should be."""
    if status.unprotected is None:
        return _healthy(status)
    return f"{_healthy(status)}, {count_text(len(status.unprotected), 'server')} unprotected"


def _healthy(status: Status) -> str:
    healthy = len(status.series) - len(status.unhealthy)
    return f"{healthy:,} of {len(status.series):,} series healthy"
