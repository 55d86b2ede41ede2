"""The label and the sentence for each problem of a series."""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from reconcile.actual.inventory import Backup
from reconcile.durations import age_text
from reconcile.insight.status import FailedBackups, NoUsable, Overdue, StalledBackups, Trouble
from reconcile.report.wording import count_text


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
