"""The rules of `keep`: each row of `Period` defines the keys in the file, and drives retention and `[require]`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from reconcile.durations import Duration


class Period(StrEnum):
    """The calendar periods of `keep`, with one backup for each; `LAST` counts every backup.

    A row has the key in the file; the noun for its description; `bucket`, which numbers the periods consecutively and
    returns that of a local time; and after how many days the calendar repeats for the rule, None if never. Without a
    bucket, each backup has its own period, and the calendar is always the same.
    """

    noun: str
    bucket: Callable[[datetime], int] | None
    repeats: int | None

    LAST = "last", "backup", None, 0
    HOURLY = "hourly", "hour", lambda local: 24 * local.toordinal() + local.hour, 1
    DAILY = "daily", "day", datetime.toordinal, 1
    # Day 1 of the calendar is a Monday, the first day of a week.
    WEEKLY = "weekly", "ISO week", lambda local: (local.toordinal() - 1) // 7, 7
    MONTHLY = "monthly", "month", lambda local: 12 * local.year + local.month, None
    YEARLY = "yearly", "year", lambda local: local.year, None

    def __new__(cls, key: str, noun: str, bucket: Callable[[datetime], int] | None, repeats: int | None) -> Self:
        """Create the member of one row."""
        member = str.__new__(cls, key)
        member._value_ = key
        member.noun, member.bucket, member.repeats = noun, bucket, repeats
        return member

    @property
    def within_key(self) -> str:
        """The key in the file for a `KeepWithin`: `within` or `within_PERIOD`."""
        return f"within_{self}" if self.bucket else "within"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepCount:
    """Keep the newest backup of each of the `count` most recent periods that have one."""

    period: Period
    count: int | Literal["all"]

    def __str__(self) -> str:
        return f"{self.period}={self.count}"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepWithin:
    """Keep the newest backup of each period, of those less than `duration` older than the newest backup."""

    period: Period
    duration: Duration

    def __str__(self) -> str:
        return f"{self.period.within_key}={self.duration}"


Keep = tuple[KeepCount | KeepWithin, ...]
"""A retention policy: a backup is kept if any rule keeps it. Never empty; each rule keeps at least one backup."""
