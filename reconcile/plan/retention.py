"""Which backups of a series stay: restic's `forget --keep-*`, to the letter.

The rule is restic's `internal/data/snapshot_policy.go` (BSD-2-Clause), whose 36 expected results are in the tests.
Unlike there, the newest time is an argument's, never a hidden clock's, and the caller's list is not sorted.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from reconcile.desired.config import Keep, KeepCount, KeepWithin, Period

_BUCKETS: dict[Period, Callable[[datetime, int], Hashable]] = {
    Period.LAST: lambda _, number: number,
    Period.HOURLY: lambda local, _: (local.year, local.month, local.day, local.hour),
    Period.DAILY: lambda local, _: (local.year, local.month, local.day),
    Period.WEEKLY: lambda local, _: local.isocalendar()[:2],
    Period.MONTHLY: lambda local, _: (local.year, local.month),
    Period.YEARLY: lambda local, _: local.year,
}


def retain(times: Sequence[datetime], keep: Keep, zone: ZoneInfo) -> list[tuple[str, ...]]:
    """Say for each backup, by its time, which rules keep it; one that none keeps has an empty tuple.

    `times` run from the newest to the oldest. A backup stays if any rule keeps it, and every rule keeps the newest
    of all: retention never empties a series. While a rule has periods left over, it keeps the oldest of all too.
    """
    walks = [_Walk.of(rule, times[0], zone) for rule in keep] if times else []
    last = len(times) - 1
    kept: list[tuple[str, ...]] = []
    for number, moment in enumerate(times):
        local = moment.astimezone(zone)
        reasons = [walk.keeps(local, number, oldest=number == last) for walk in walks]
        kept.append(tuple(reason for reason in reasons if reason))
    return kept


@dataclass(slots=True)
class _Walk:
    """One rule on its way from the newest backup to the oldest."""

    name: str
    bucket: Callable[[datetime, int], Hashable]
    left: int | None
    """How many more it may keep; None for any number."""
    since: datetime | None
    """It keeps only what is newer; None for any age."""
    previous: Hashable = None

    @classmethod
    def of(cls, rule: KeepCount | KeepWithin, newest: datetime, zone: ZoneInfo) -> "_Walk":
        bucket = _BUCKETS[rule.period]
        match rule:
            case KeepCount(count="all"):
                return cls(str(rule), bucket, None, None)
            case KeepCount(count=int(count)):
                return cls(str(rule), bucket, count, None)
            case KeepWithin(duration=duration):
                return cls(str(rule), bucket, None, duration.before(newest, zone))
            case _:
                assert_never(rule)  # type: ignore[arg-type] # mypy can't see that the two counts are all there are

    def keeps(self, local: datetime, number: int, *, oldest: bool) -> str | None:
        """Return why this rule keeps the backup, or None."""
        if self.left == 0 or (self.since is not None and local <= self.since):
            return None
        bucket = self.bucket(local, number)
        is_new = bucket != self.previous
        if not is_new and not oldest:
            return None
        self.previous = bucket
        if self.left is not None:
            self.left -= 1
        return self.name if is_new else f"oldest ({self.name})"
