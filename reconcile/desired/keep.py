"""The rules of `keep`: each is one row of `Period`, from which the file's keys, retention and `[require]` follow."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from reconcile.durations import Duration


class Period(StrEnum):
    """The calendar periods of `keep`, one backup each; `LAST` counts every backup.

    A row is the key in the file; the noun for its description; the number of the period that a local time is in, which
    grows by one from each period to the next; and after how many days the calendar is the same to the rule, None if
    never. Without a bucket, each backup has its own period, and the calendar is the same at any time.
    """

    noun: str
    bucket: Callable[[datetime], int] | None
    repeats: int | None

    LAST = "last", "backup", None, 0
    HOURLY = "hourly", "hour", lambda local: 24 * local.toordinal() + local.hour, 1
    DAILY = "daily", "day", datetime.toordinal, 1
    # The calendar's first day is a Monday, as a week's is.
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
        """The file's key for a `KeepWithin`: `within` or `within_PERIOD`."""
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
    """Keep the newest backup of each period less than `duration` older than the newest of all."""

    period: Period
    duration: Duration

    def __str__(self) -> str:
        return f"{self.period.within_key}={self.duration}"


Keep = tuple[KeepCount | KeepWithin, ...]
"""A retention policy: a backup stays if any rule keeps it. Never empty, and each rule keeps at least one."""
