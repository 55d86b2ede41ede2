"""The label and the sentence for each problem of the account, and of a series."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from reconcile.actual.inventory import Backup
from reconcile.durations import age_text
from reconcile.insight.status import FailedBackups, NoUsable, Overdue, SeriesStatus, StalledBackups, Status, Trouble
from reconcile.report.wording import count_text

NOTHING_DECLARED = "no series is declared"
UNPROTECTED = "in no file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What keeps the account from being healthy. No text in it is escaped."""

    kind: str
    """A label, which monitoring may look for."""
    name: str
    """What the problem is about; empty where that is the account."""
    text: str
    advice: str = ""
    server: str | None = None
    """The key of the server of a series."""


def problems(status: Status) -> Iterator[Problem]:
    """Yield everything because of which `status.is_healthy` is false, the most urgent first."""
    for error in status.errors:
        yield Problem(kind="ERROR", name=error.address or "", text=error.summary, advice=error.detail)
    if not status.has_series:
        yield Problem(kind="ERROR", name="", text=NOTHING_DECLARED)
    for fleet in status.empty_fleets:
        yield Problem(kind="ERROR", name=f"fleet {fleet!r}", text="chooses no server")
    for server in (status.unprotected or ()) if status.requires_all else ():
        yield Problem(kind="UNPROTECTED", name=f"{server.name} ({server.id})", text=UNPROTECTED)
    for series in status.unhealthy:
        for trouble in series.troubles:
            text = trouble_text(trouble, status.checked_at)
            yield Problem(kind=trouble_kind(trouble), name=str(series.address), text=text, server=series.address.server)


def trouble_kind(trouble: Trouble) -> str:
    """Return the label of a problem, which monitoring may look for."""
    match trouble:
        case NoUsable():
            return "EMPTY"
        case Overdue():
            return "OVERDUE"
        case FailedBackups():
            return "FAILED"
        case StalledBackups():
            return "STALLED"
        case _:
            assert_never(trouble)


def health_text(series: SeriesStatus) -> str:
    """Return the label of a series: of its most urgent trouble, if it has one."""
    return trouble_kind(series.troubles[0]) if series.troubles else "healthy"


def trouble_text(trouble: Trouble, now: datetime) -> str:
    """Say what is wrong."""
    match trouble:
        case NoUsable(in_progress=()):
            return "no usable backup"
        case NoUsable(in_progress=in_progress):
            return f"no usable backup yet, {in_progress_text(in_progress, now)}"
        case Overdue(newest_age=newest_age, due_since=due_since):
            return f"newest usable is {age_text(newest_age)} old, due since {age_text(now - due_since)}"
        case FailedBackups(backups=backups):
            return f"{count_text(len(backups), 'backup')} failed, the last is #{backups[-1].id}"
        case StalledBackups(backups=backups):
            return f"{count_text(len(backups), 'backup')} stalled, the last is #{backups[-1].id}"
        case _:
            assert_never(trouble)


def in_progress_text(backups: Iterable[Backup], now: datetime) -> str:
    """Name the backups that are in progress, and say for how long."""
    return ", ".join(f"#{backup.id} in progress for {age_text(now - backup.created_at)}" for backup in backups)
