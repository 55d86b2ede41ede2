"""Decides which backups of a series are kept, exactly like restic's `forget --keep-*`.

The rule is restic's `internal/data/snapshot_policy.go` (BSD-2-Clause), whose 36 expected results are in the tests.
Unlike restic, it takes the newest time from the argument, not from a clock, and does not reorder the caller's list.
"""

import functools
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import assert_never

from reconcile.desired.keep import Keep, KeepCount, KeepWithin
from reconcile.plan.reasons import KeptBy, KeptRule


def retain(times: Sequence[datetime], keep: Keep, zone: tzinfo) -> list[KeptBy | None]:
    """Return for each backup, given by its time, which rules keep it; None if no rule does.

    `times` run from the newest to the oldest. Every rule keeps the newest backup, so retention never empties a series.
    While some periods of a rule are unused, it keeps the oldest backup too.
    """
    if not times:
        return []
    if len(times) == 1:
        return [_alone(keep)]
    # Converted once for all rules; policies that only count need no conversion.
    is_calendar = any(rule.period.bucket for rule in keep)
    local = [moment.astimezone(zone) for moment in times] if is_calendar else times
    kept: list[tuple[KeptRule, ...]] = [()] * len(times)
    for rule in keep:
        as_newest, as_oldest = (KeptRule(rule=rule, is_oldest=False),), (KeptRule(rule=rule, is_oldest=True),)
        for number, is_newest in _kept_by(rule, times, local, zone):
            kept[number] += as_newest if is_newest else as_oldest
    return [KeptBy(rules=rules) if rules else None for rules in kept]


@functools.cache
def _alone(keep: Keep) -> KeptBy:
    """Return the result for a single backup. Most series of a large account have one: this saves 4 % of such a plan."""
    return KeptBy(rules=tuple(KeptRule(rule=rule, is_oldest=False) for rule in keep))


def retention_key(moment: datetime, keep: Keep, zone: tzinfo) -> Hashable:
    """Return everything that the rules consider about a backup created at `moment`, while it is not the newest.

    Retention keeps the same backups in two series if these keys and the times of the newest backups are equal.
    """
    if any(isinstance(rule, KeepWithin) for rule in keep):
        return moment
    local = moment.astimezone(zone)
    return tuple(rule.period.bucket(local) for rule in keep if rule.period.bucket)


def is_cumulative(keep: Keep) -> bool:
    """Return whether `retain` keeps the same backups if applied once after many new backups as after each of them.

    With `within_PERIOD`, it may keep one more after each: the oldest at that time, though not the newest of its period.
    """
    return all(isinstance(rule, KeepCount) or not rule.period.bucket for rule in keep)


def _kept_by(
    rule: KeepCount | KeepWithin, times: Sequence[datetime], local: Sequence[datetime], zone: tzinfo
) -> Iterator[tuple[int, bool]]:
    """Yield the number of each backup that the rule keeps, and whether it is the newest of its period."""
    newer, left = _bounds(rule, times, zone)
    bucket_of = rule.period.bucket
    buckets = map(bucket_of, local[:newer]) if bucket_of else range(newer)
    previous: Hashable = None
    last = len(times) - 1
    for number, bucket in enumerate(buckets):
        if bucket != previous:
            yield number, True
        elif number == last:
            yield number, False
        else:
            continue
        previous = bucket
        left -= 1
        if not left:
            return


def _bounds(rule: KeepCount | KeepWithin, times: Sequence[datetime], zone: tzinfo) -> tuple[int, int]:
    """Return how many of the newest backups the rule considers, and the maximum number of them that it keeps."""
    match rule:
        case KeepCount(count="all"):
            return len(times), len(times)
        case KeepCount(count=int(count)):
            return len(times), count
        case KeepWithin(duration=duration):
            since = duration.before(times[0], zone)
            return bisect_left(times, x=True, key=lambda moment: moment <= since), len(times)
        case _:
            assert_never(rule)  # type: ignore[arg-type] # mypy can't see that there are only these two counts
