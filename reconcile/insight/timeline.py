"""When the backups of a series were made: what one could go back to, and where the gaps are."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from reconcile.plan.series import SeriesState

RECENT_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One day of the calendar, and how many backups of the series that were made on it the account still holds."""

    date: date
    usable: int
    failed: int


def recent_days(state: SeriesState, now: datetime, zone: ZoneInfo) -> tuple[Day, ...]:
    """Return the last `RECENT_DAYS` days in `zone`, today last."""
    usable, failed = (
        Counter(min(backup.created_at, now).astimezone(zone).date() for backup in backups)
        for backups in (state.usable, state.failed)
    )
    today = now.astimezone(zone).date()
    dates = (today - timedelta(days=ago) for ago in reversed(range(RECENT_DAYS)))
    return tuple(Day(date=each, usable=usable[each], failed=failed[each]) for each in dates)
